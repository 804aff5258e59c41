//! `[[basemap]]`: the operator's own grounds for the map.
//!
//! Each table becomes one [`Basemap`]; every mistake is named with its line, and no mistake repeats
//! a key. Files are opened and addresses checked here, so that a tower that starts can serve them.

use std::{collections::BTreeSet, fs::File, ops::RangeInclusive, path::PathBuf};

use fleet_api::{BasemapSource, MAX_BASEMAPS, MapFile, Template};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::load::{Origin, plain, read_secret};
use super::value::{Value, check_host};
use crate::secret::Secret;

/// A ground as configured, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Basemap {
    /// `[a-z0-9-]`, 1–32 characters.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Name in Korean.
    pub name_ko: Option<String>,
    /// Whose work it is.
    pub attribution: String,
    /// Smallest zoom with tiles.
    pub min_zoom: Option<u8>,
    /// Largest zoom with tiles.
    pub max_zoom: Option<u8>,
    /// West, south, east, north.
    pub bounds: Option<[f64; 4]>,
    /// `Referer` its upstream asks for.
    pub referer: Option<String>,
    kind: Kind,
    url: Option<String>,
    key: Option<Secret>,
    file: Option<PathBuf>,
    hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Pmtiles,
    Raster,
    Overlay,
    Style,
}

const KINDS: [(&str, Kind); 4] = [
    ("pmtiles", Kind::Pmtiles),
    ("raster", Kind::Raster),
    ("overlay", Kind::Overlay),
    ("style", Kind::Style),
];
const ZOOMS: RangeInclusive<i64> = 0..=24;

impl Basemap {
    /// Opens what it comes from.
    ///
    /// # Errors
    /// What is wrong with its file or address, in words for the operator, without its key.
    pub fn source(&self) -> Result<BasemapSource, String> {
        let key = self.key.as_ref().map(Secret::expose);
        let url = || self.url.as_deref().ok_or_else(|| "needs url".to_owned());
        match self.kind {
            Kind::Pmtiles => {
                let path = self.file.as_ref().ok_or("needs file, a PMTiles archive")?;
                let open = File::open(path).and_then(MapFile::new);
                let open = open.map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(BasemapSource::File(open))
            }
            Kind::Raster | Kind::Overlay => {
                let template = Template::tiles(url()?, key);
                let template = template.map_err(|error| format!("its url {error}"))?;
                Ok(BasemapSource::Tiles { template, overlay: self.kind == Kind::Overlay })
            }
            Kind::Style => {
                let template = Template::document(url()?, key);
                let template = template.map_err(|error| format!("its url {error}"))?;
                Ok(BasemapSource::Style { template, hosts: self.hosts.clone() })
            }
        }
    }

    fn set(&mut self, name: &str, value: &DeValue<'_>) -> Result<(), String> {
        match name {
            "min_zoom" => self.min_zoom = Some(zoom(value)?),
            "max_zoom" => self.max_zoom = Some(zoom(value)?),
            "bounds" => self.bounds = Some(bounds(value)?),
            "id" => self.id = id(plain(value))?,
            "kind" => self.kind = plain(value).one_of(&KINDS)?,
            "name" => self.name = plain(value).text(1..=80)?,
            "name_ko" => self.name_ko = Some(plain(value).text(1..=80)?),
            "attribution" => self.attribution = plain(value).text(0..=200)?,
            "referer" => self.referer = Some(plain(value).text(1..=200)?),
            "url" => self.url = Some(plain(value).text(1..=2000)?),
            "file" => self.file = Some(plain(value).path()?),
            "key" => self.key = Some(plain(value).secret()?),
            "key_file" => {
                let path = plain(value).path()?;
                let read = read_secret(&path);
                let secret = read.map_err(|error| format!("{}: {error}", path.display()))?;
                self.key = Some(secret);
            }
            "hosts" => {
                self.hosts = plain(value).list(16)?;
                self.hosts.iter().try_for_each(|host| check_host(host))?;
            }
            _ => {
                return Err("is not a key of a basemap: id, kind, name, name_ko, url, key, \
                            key_file, file, hosts, referer, attribution, min_zoom, max_zoom, bounds"
                    .to_owned());
            }
        }
        Ok(())
    }
}

fn id(value: Value) -> Result<String, String> {
    let id = value.text(1..=32)?;
    let fits = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits { Ok(id) } else { Err(format!("must consist of a-z, 0-9 and -, is {id:?}")) }
}

fn zoom(value: &DeValue<'_>) -> Result<u8, String> {
    let zoom = plain(value).int(ZOOMS)?;
    u8::try_from(zoom).map_err(|_| "is out of range".to_owned())
}

fn bounds(value: &DeValue<'_>) -> Result<[f64; 4], String> {
    let wrong = || "must be [west, south, east, north] in degrees".to_owned();
    let DeValue::Array(items) = value else { return Err(wrong()) };
    let numbers: Vec<f64> = items.iter().filter_map(|item| number(item.get_ref())).collect();
    let edges: [f64; 4] = numbers.try_into().map_err(|_| wrong())?;
    let [west, south, east, north] = edges;
    let fits = (-180.0..=180.0).contains(&west)
        && (-180.0..=180.0).contains(&east)
        && -90.0 <= south
        && south < north
        && north <= 90.0
        && west < east;
    if fits { Ok(edges) } else { Err(wrong()) }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let text = match value {
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return None,
    };
    text.replace('_', "").parse().ok()
}

/// Reads the list of tables. `wrong` takes each mistake: where, which key, what.
pub(super) fn read(
    value: &Spanned<DeValue<'_>>,
    at: &dyn Fn(usize) -> Origin,
    wrong: &mut dyn FnMut(Origin, &str, String),
) -> Vec<Basemap> {
    let DeValue::Array(tables) = value.get_ref() else {
        wrong(at(value.span().start), "basemap", "is a list of tables: write [[basemap]]".into());
        return Vec::new();
    };
    if tables.len() > MAX_BASEMAPS {
        let what = format!("at most {MAX_BASEMAPS} basemaps");
        wrong(at(value.span().start), "basemap", what);
    }
    let mut seen = BTreeSet::new();
    let mut maps = Vec::new();
    for table in tables.iter().take(MAX_BASEMAPS) {
        let origin = at(table.span().start);
        let DeValue::Table(inner) = table.get_ref() else {
            wrong(origin, "basemap", "is a list of tables: write [[basemap]]".into());
            continue;
        };
        if let Some(map) = one(inner, &origin, at, wrong) {
            if !seen.insert(map.id.clone()) {
                wrong(origin, "basemap.id", format!("{:?} is used twice", map.id));
                continue;
            }
            maps.push(map);
        }
    }
    maps
}

fn one(
    table: &DeTable<'_>,
    origin: &Origin,
    at: &dyn Fn(usize) -> Origin,
    wrong: &mut dyn FnMut(Origin, &str, String),
) -> Option<Basemap> {
    let mut map = Basemap::default();
    let mut good = true;
    for (name, value) in table {
        let name_text = name.get_ref();
        if let Err(what) = map.set(name_text, value.get_ref()) {
            wrong(at(name.span().start), &format!("basemap.{name_text}"), what);
            good = false;
        }
    }
    for name in ["id", "kind", "name"] {
        if !table.keys().any(|key| key.get_ref() == name) {
            wrong(origin.clone(), &format!("basemap.{name}"), "is missing".to_owned());
            good = false;
        }
    }
    if table.keys().any(|key| key.get_ref() == "key")
        && table.keys().any(|key| key.get_ref() == "key_file")
    {
        wrong(origin.clone(), "basemap.key_file", "and key are both set: keep one".to_owned());
        good = false;
    }
    if !good {
        return None;
    }
    if let Err(what) = map.source() {
        wrong(origin.clone(), "basemap", what);
        return None;
    }
    Some(map)
}
