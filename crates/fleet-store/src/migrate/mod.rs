//! Brings the schema up to date: the files of `supabase/migrations`, in order, each in one
//! transaction with its line in the book.
//!
//! The book is the table that the `supabase` command line keeps, so that either may go first. It
//! refuses a database that is newer than the program: an old tower would write what the new schema
//! does not mean. Rules for migrations: `docs/howto/add-a-migration.md`.

mod files;
mod split;

use std::time::Duration;

use tokio_postgres::types::Type;

pub use files::{MIGRATIONS, Migration};
pub use split::statements;

use crate::{database::Database, error::StoreError, session::Session};

/// Held while migrating: two towers that start together take turns.
const LOCK: i64 = 4_790_213_001;
/// One migration may take this long; a statement on a big table is not hurried.
const MIGRATION_LIMIT: Duration = Duration::from_secs(600);

/// The same definition as the command line's, so that either may make it.
const BOOK: &str = "
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations
      (version text not null primary key);
    alter table supabase_migrations.schema_migrations
      add column if not exists statements text[], add column if not exists name text";

const EMBEDDED: &str = include_str!("../../sql/embedded.sql");

/// Why the schema is not what this program needs.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database knows migrations that the program does not.
    #[error(
        "the database was migrated by a newer Gwanje (its schema has {version}, this program knows up \
         to {known}): run that version or a newer one; the database was left as it is"
    )]
    Newer {
        /// First version unknown to us.
        version: String,
        /// Last version we know.
        known: String,
    },
    /// Not migrated, and not asked to.
    #[error(
        "the database lacks {missing} migration(s), the first is {version}: run `gwanje migrate` or \
         `supabase db push`"
    )]
    Behind {
        /// How many.
        missing: usize,
        /// The first.
        version: String,
    },
    /// Something later is in, something earlier is not.
    #[error(
        "the database has a later migration than {version} but not that one: it was migrated by \
         another program or by hand; compare supabase_migrations.schema_migrations with \
         supabase/migrations"
    )]
    Gap {
        /// What is missing.
        version: String,
    },
    /// A migration failed; it was taken back whole.
    #[error("migration {version} failed and was taken back")]
    Failed {
        /// Which.
        version: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The database could not be asked.
    #[error("the schema could not be checked")]
    Store(#[from] StoreError),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Versions applied now, in order.
    pub applied: Vec<String>,
    /// How many were there already.
    pub present: usize,
}

/// Makes what Supabase brings along: its roles and the functions of its schema `auth`. For the
/// embedded database only; needs a superuser; may be repeated.
///
/// # Errors
/// The database's refusal, or that it did not answer.
pub async fn bootstrap_embedded(database: &Database) -> Result<(), StoreError> {
    let session = database.session().await?;
    session.batch(&format!("begin; {EMBEDDED}; commit")).await?;
    session.release();
    Ok(())
}

/// Applies what is missing.
///
/// # Errors
/// [`MigrateError`]; whatever was applied before it stays and is in the book.
pub async fn migrate(database: &Database) -> Result<Report, MigrateError> {
    migrate_with(database, MIGRATIONS).await
}

/// Refuses unless every migration of this program, and none of a newer one, is in.
///
/// # Errors
/// [`MigrateError::Behind`], [`MigrateError::Newer`], [`MigrateError::Gap`], or that the database
/// could not be asked.
pub async fn check(database: &Database) -> Result<(), MigrateError> {
    let session = database.session().await?;
    let is_there = session
        .query("select to_regclass('supabase_migrations.schema_migrations') is not null", &[])
        .await?
        .first()
        .is_some_and(|row| row.get(0));
    let present = if is_there { versions(&session).await? } else { Vec::new() };
    session.release();
    match missing(MIGRATIONS, &present)? {
        [] => Ok(()),
        missing @ [first, ..] => {
            Err(MigrateError::Behind { missing: missing.len(), version: first.version.to_owned() })
        }
    }
}

/// As [`migrate`], with a set of migrations of the caller's.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_with(
    database: &Database,
    migrations: &[Migration],
) -> Result<Report, MigrateError> {
    let session = database.session().await?;
    // Notices of what is there already are of no interest, and a migration is not hurried.
    session.batch("set statement_timeout = 0; set lock_timeout = '30s'").await?;
    lock(&session).await?;
    let done = apply_missing(&session, migrations).await;
    // The session holds the lock and has settings of its own: it is closed, not given back.
    drop(session);
    done
}

async fn lock(session: &Session) -> Result<(), StoreError> {
    let wait =
        session.client().execute_typed("select pg_advisory_lock($1)", &[(&LOCK, Type::INT8)]);
    session.bounded_by(MIGRATION_LIMIT, wait).await?;
    Ok(())
}

async fn apply_missing(
    session: &Session,
    migrations: &[Migration],
) -> Result<Report, MigrateError> {
    session.batch(BOOK).await?;
    let present = versions(session).await?;
    let mut report = Report { applied: Vec::new(), present: present.len() };
    for migration in missing(migrations, &present)? {
        let version = migration.version.to_owned();
        match apply(session, migration).await {
            Ok(()) => report.applied.push(version),
            Err(source) => return Err(MigrateError::Failed { version, source }),
        }
    }
    Ok(report)
}

async fn versions(session: &Session) -> Result<Vec<String>, StoreError> {
    let sql = "select version from supabase_migrations.schema_migrations order by version";
    Ok(session.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// The tail of `migrations` that is not in.
fn missing<'a>(
    migrations: &'a [Migration],
    present: &[String],
) -> Result<&'a [Migration], MigrateError> {
    let known = migrations.last().map_or_else(String::new, |last| last.version.to_owned());
    let is_known = |version: &str| migrations.iter().any(|known| known.version == version);
    if let Some(version) = present.iter().find(|version| !is_known(version)) {
        return Err(MigrateError::Newer { version: version.clone(), known });
    }
    let is_in = |migration: &Migration| present.iter().any(|there| there == migration.version);
    let first = migrations.iter().position(|migration| !is_in(migration));
    let tail = first.map_or(&[][..], |first| &migrations[first..]);
    if tail.iter().any(is_in) {
        let version = tail.first().map_or_else(String::new, |first| first.version.to_owned());
        return Err(MigrateError::Gap { version });
    }
    Ok(tail)
}

async fn apply(session: &Session, migration: &Migration) -> Result<(), StoreError> {
    tracing::info!(version = migration.version, name = migration.name, "migrating");
    let text = format!("begin; {}", migration.sql);
    let run = session.client().batch_execute(&text);
    session.bounded_by(MIGRATION_LIMIT, run).await?;
    let statements = statements(migration.sql);
    session
        .execute(
            "insert into supabase_migrations.schema_migrations (version, name, statements) \
             values ($1, $2, $3)",
            &[
                (&migration.version, Type::TEXT),
                (&migration.name, Type::TEXT),
                (&statements, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    session.batch("commit").await
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: [Migration; 3] = [
        Migration { version: "1", name: "a", sql: "" },
        Migration { version: "2", name: "b", sql: "" },
        Migration { version: "3", name: "c", sql: "" },
    ];

    #[test]
    fn what_is_missing_is_a_tail_or_an_error() {
        let check = |present: &[&str], expect: Result<usize, &str>| {
            let present: Vec<_> = present.iter().map(|version| (*version).to_owned()).collect();
            match (missing(&THREE, &present), expect) {
                (Ok(tail), Ok(count)) => assert_eq!(tail.len(), count, "{present:?}"),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().contains(words), "{present:?}: {error}");
                }
                (found, expect) => panic!("{present:?}: {found:?}, not {expect:?}"),
            }
        };
        check(&[], Ok(3));
        check(&["1"], Ok(2));
        check(&["1", "2", "3"], Ok(0));
        check(&["1", "2", "3", "4"], Err("newer Gwanje (its schema has 4"));
        check(&["1", "3"], Err("later migration than 2"));
        check(&["2"], Err("later migration than 1"));
    }
}
