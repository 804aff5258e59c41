//! Reading the configuration: file, environment, flags, in that order of rising rank.
//!
//! It never stops at the first mistake, never prints a secret, and reads at most 1 MiB of
//! configuration and 64 KiB of any secret. Read next: [`super::fields`], [`super::check`].

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    Config, basemaps, check,
    fields::{FIELDS, Field, SECRET_FILES},
    value::Value,
};
use crate::secret::Secret;

const FILE_MAX: u64 = 1 << 20;
const SECRET_MAX: u64 = 64 << 10;

/// Variables of ours that are not configuration keys.
const OTHER_VARIABLES: [&str; 3] = ["GWANJE_CONFIG", "GWANJE_SIGNIN_CODE", "GWANJE_ROLES"];

/// What a configuration is made from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by a person; it must exist.
    pub file: Option<PathBuf>,
    /// Files looked for when none is named; the first that exists is read.
    pub usual_files: Vec<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Flags: key and value.
    pub flags: Vec<(&'static str, String)>,
    /// Whether this process is root, which decides the default data directory.
    pub root: bool,
}

/// Where a value was written; in the order in which mistakes are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The configuration file as a whole.
    File(PathBuf),
    /// Line of the configuration file, from 1.
    Line(PathBuf, usize),
    /// Environment variable.
    Variable(String),
    /// Flag of the command line.
    Flag(String),
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Default => f.write_str("(default)"),
        }
    }
}

/// One mistake or doubt, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub origin: Origin,
    /// Which key; empty for the file as a whole.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.key.is_empty() { "" } else { " " };
        write!(f, "{}: {}{colon}{}", self.origin, self.key, self.what)
    }
}

/// The effective configuration and everything that was said about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What results; usable only when `mistakes` is empty.
    pub config: Config,
    /// Where each key was set.
    pub origins: BTreeMap<&'static str, Origin>,
    /// What must be corrected.
    pub mistakes: Vec<Mistake>,
    /// What should be looked at.
    pub warnings: Vec<Mistake>,
}

/// Reads everything and reports every mistake.
#[must_use]
pub fn load(sources: &Sources) -> Loaded {
    let env = |name: &str| sources.env.get(name).map(String::as_str);
    let mut loaded = Loaded {
        config: Config::defaults(sources.root, env("HOME"), env("XDG_DATA_HOME")),
        origins: BTreeMap::new(),
        mistakes: vec![],
        warnings: vec![],
    };
    let mut secret_paths = BTreeMap::new();
    loaded.read_file(sources, &mut secret_paths);
    for (name, value) in sources.env.iter().filter(|(name, _)| name.starts_with("GWANJE_")) {
        let origin = Origin::Variable(name.clone());
        if let Some(field) = FIELDS.iter().find(|field| field.variable() == *name) {
            loaded.set(field, field.kind.read(value), origin, &mut secret_paths);
        } else if !OTHER_VARIABLES.contains(&name.as_str()) {
            let what = "is not a variable of Gwanje and changes nothing".to_owned();
            loaded.warnings.push(Mistake { origin, key: String::new(), what });
        }
    }
    for (key, value) in &sources.flags {
        if let Some(field) = FIELDS.iter().find(|field| field.key == *key) {
            let origin = Origin::Flag(key.replace(['.', '_'], "-"));
            loaded.set(field, field.kind.read(value), origin, &mut secret_paths);
        }
    }
    loaded.read_secrets(&secret_paths);
    check::between_keys(&mut loaded);
    // Whoever corrects a file goes through it from top to bottom.
    loaded.mistakes.sort_by(|a, b| a.origin.cmp(&b.origin));
    loaded
}

impl Loaded {
    fn read_file(&mut self, sources: &Sources, secret_paths: &mut BTreeMap<&str, PathBuf>) {
        let named = sources.file.clone();
        let Some(path) = named.or_else(|| sources.usual_files.iter().find(|p| p.exists()).cloned())
        else {
            return;
        };
        self.config.file = Some(path.clone());
        let text = match read_bounded(&path, FILE_MAX) {
            Ok(text) => text,
            Err(error) => {
                let what = format!("cannot be read: {error}");
                return self.mistake(Origin::File(path), "", what);
            }
        };
        let at = |offset: usize| {
            let before = &text.as_bytes()[..offset.min(text.len())];
            Origin::Line(path.clone(), 1 + before.iter().filter(|byte| **byte == b'\n').count())
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in errors {
            let origin = at(error.span().map_or(0, |span| span.start));
            self.mistake(origin, "", format!("is not TOML: {}", error.message()));
        }
        self.read_table(table.get_ref(), "", &at, secret_paths);
    }

    fn read_table(
        &mut self,
        table: &DeTable<'_>,
        prefix: &str,
        at: &dyn Fn(usize) -> Origin,
        secret_paths: &mut BTreeMap<&str, PathBuf>,
    ) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let origin = at(name.span().start);
            let inner = format!("{key}.");
            if key == "basemap" {
                let mut wrong = |origin, key: &str, what| self.mistake(origin, key, what);
                let maps = basemaps::read(value, at, &mut wrong);
                self.config.basemaps = maps;
                continue;
            }
            let is_section = FIELDS.iter().any(|field| field.key.starts_with(&inner));
            if let (DeValue::Table(table), true) = (value.get_ref(), is_section) {
                self.read_table(table, &inner, at, secret_paths);
            } else if is_section {
                self.mistake(origin, &key, format!("is a section: write [{key}]"));
            } else if let Some(field) = FIELDS.iter().find(|field| field.key == key) {
                // A value may begin lines after its key; the value is what is wrong.
                let origin = at(value.span().start);
                self.set(field, plain(value.get_ref()), origin, secret_paths);
            } else {
                self.mistake(origin, &key, unknown(&key));
            }
        }
    }

    fn set(
        &mut self,
        field: &'static Field,
        value: Value,
        origin: Origin,
        secret_paths: &mut BTreeMap<&str, PathBuf>,
    ) {
        if let (true, Value::Text(path)) = (field.key.ends_with("_file"), &value) {
            secret_paths.insert(field.key, PathBuf::from(path));
        }
        match (field.set)(&mut self.config, value) {
            Ok(()) => {
                self.origins.insert(field.key, origin);
            }
            Err(what) => self.mistake(origin, field.key, what),
        }
    }

    fn read_secrets(&mut self, paths: &BTreeMap<&str, PathBuf>) {
        for secret in SECRET_FILES {
            let Some(path) = paths.get(secret.file_key) else { continue };
            let origin = self.origin(secret.file_key);
            if self.origins.contains_key(secret.key) {
                let what = format!("and {} are both set: keep one", secret.key);
                self.mistake(origin, secret.file_key, what);
                continue;
            }
            match read_secret(path) {
                Ok(text) => (secret.put)(&mut self.config, text),
                Err(error) => {
                    let what = format!("{} cannot be read: {error}", path.display());
                    self.mistake(origin, secret.file_key, what);
                }
            }
        }
    }

    /// Where a key was set.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Whether a key was set anywhere.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    pub(super) fn mistake(&mut self, origin: Origin, key: &str, what: String) {
        self.mistakes.push(Mistake { origin, key: key.to_owned(), what });
    }

    /// The effective configuration as TOML, secrets masked, each line with its origin.
    #[must_use]
    pub fn effective(&self) -> String {
        let mut out = String::new();
        let mut section = "";
        for field in FIELDS.iter().filter(|field| !field.key.ends_with("_file")) {
            let (head, name) = field.key.rsplit_once('.').unwrap_or(("", field.key));
            if head != section {
                out.push_str(&format!("\n[{head}]\n"));
                section = head;
            }
            let file_key = format!("{}_file", field.key);
            let key = if self.is_set(field.key) { field.key } else { &file_key };
            let origin = self.origin(key);
            match (field.show)(&self.config) {
                Some(value) => out.push_str(&format!("{name} = {value} # {origin}\n")),
                None => out.push_str(&format!("# {name} is not set\n")),
            }
        }
        out
    }
}

/// Reads a secret from a file: at most 64 KiB, the final line break removed.
///
/// # Errors
/// When the file cannot be read, is larger, is not UTF-8, or is empty.
pub fn read_secret(path: &Path) -> io::Result<Secret> {
    let text = read_bounded(path, SECRET_MAX)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"));
    }
    Ok(Secret::new(text))
}

/// Reads a text file of limited size.
fn read_bounded(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is over {max} bytes")));
    }
    Ok(text)
}

pub(super) fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or(Value::Other("a number that large"), Value::Int)
        }
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<_>>().map_or(Value::Other("a list of other things"), Value::List)
        }
        DeValue::Float(_) => Value::Other("a number with a point"),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn unknown(key: &str) -> String {
    let near = FIELDS.iter().map(|field| (distance(key, field.key), field.key)).min();
    match near {
        Some((few, name)) if few <= 3 => format!("is not a key; did you mean {name}?"),
        _ => "is not a key; gwanje.example.toml lists them all".to_owned(),
    }
}

/// Edit distance, to guess what was meant.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(80).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
