//! The file of a backup: PostgreSQL's custom format, holding the schemas that are ours.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use fleet_store::migrate::MIGRATIONS;

use super::Client;
use crate::data_dir;

/// Schemas that are ours; roles, `auth` and the like belong to the server.
const SCHEMAS: [&str; 5] =
    ["public", "gwanje", "gwanje_parts", "gwanje_rights", "supabase_migrations"];

/// Writes a backup, whole or not at all, readable by its owner alone.
pub(super) async fn write(client: &Client, file: &Path) -> anyhow::Result<()> {
    let new = beside(file, "new");
    // The program keeps the file's rights when it is there already.
    data_dir::write_private(&new, b"")
        .with_context(|| format!("cannot write {}", new.display()))?;
    let target = new.to_string_lossy();
    let schemas = SCHEMAS.map(|schema| format!("--schema={schema}"));
    let mut args = vec!["--format=custom", "--no-owner", "--no-password", "--file", &target];
    args.extend(schemas.iter().map(String::as_str));
    if let Err(error) = client.output("pg_dump", &args).await {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::File::open(&new)?.sync_all()?;
    fs::rename(&new, file).with_context(|| format!("cannot write {}", file.display()))
}

/// Refuses a backup that a newer program made, or that is none.
pub(super) async fn check_version(client: &Client, file: &Path) -> anyhow::Result<()> {
    let name = file.to_string_lossy();
    let args = ["--file=-", "--data-only", "--schema=supabase_migrations", &name];
    let text = client.output("pg_restore", &args).await;
    let text = text.with_context(|| format!("{} is not a backup", file.display()))?;
    let versions = versions(&String::from_utf8_lossy(&text));
    if versions.is_empty() {
        bail!("{} is no backup of Gwanje: it has no migrations", file.display());
    }
    let is_known = |version: &String| MIGRATIONS.iter().any(|known| known.version == version);
    match versions.iter().find(|version| !is_known(version)) {
        Some(newer) => bail!(
            "{} was made by a newer Gwanje (its schema has {newer}); restore it with that version",
            file.display()
        ),
        None => Ok(()),
    }
}

/// Puts a backup into the database, whole or not at all.
pub(super) async fn read(client: &Client, file: &Path, replaces: bool) -> anyhow::Result<()> {
    let name = file.to_string_lossy();
    let listed = client.output("pg_restore", &["--list", &name]).await?;
    let list = beside(file, "list");
    // The schema `public` is there in every database, and may not be ours to make.
    let wanted: String = String::from_utf8_lossy(&listed)
        .lines()
        .filter(|line| !line.contains("SCHEMA - public ") && !line.contains("SCHEMA public "))
        .map(|line| format!("{line}\n"))
        .collect();
    data_dir::write_private(&list, wanted.as_bytes())?;
    let (database, list_name) = (client.database(), list.to_string_lossy());
    let mut args = vec!["--single-transaction", "--exit-on-error", "--no-owner", "--no-password"];
    args.extend(["--dbname", database, "--use-list", &list_name]);
    if replaces {
        args.extend(["--clean", "--if-exists"]);
    }
    args.push(&name);
    let done = client.output("pg_restore", &args).await;
    let _ = fs::remove_file(&list);
    done.map(|_| ())
}

impl Client {
    fn database(&self) -> &str {
        let found = self.env.iter().find(|(name, _)| *name == "PGDATABASE");
        found.map_or("postgres", |(_, value)| value)
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

/// The first column of the rows of `schema_migrations` in a restore's text.
fn versions(text: &str) -> Vec<String> {
    let start = "COPY supabase_migrations.schema_migrations (version";
    let rows = text.lines().skip_while(|line| !line.starts_with(start)).skip(1);
    rows.take_while(|line| *line != "\\.")
        .filter_map(|line| line.split('\t').next().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_text_of_a_restore() {
        let text = "SET x;\nCOPY supabase_migrations.schema_migrations (version, statements) \
                    FROM stdin;\n1\t{\"a\\tb\"}\n2\t{}\n\\.\n\nCOPY other (version) FROM stdin;\n9\n";
        assert_eq!(versions(text), ["1", "2"]);
        assert!(versions("").is_empty());
    }
}
