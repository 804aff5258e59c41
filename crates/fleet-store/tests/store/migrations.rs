//! The migrator: order, book, refusals, and that it never leaves half a migration.

use fleet_store::migrate::{self, MIGRATIONS, MigrateError, Migration, statements};

use crate::cluster::{Cluster, connect};

#[tokio::test]
async fn migrations_apply_once_and_are_in_the_book() {
    let cluster = Cluster::start();
    let database = cluster.connect().await;
    let error = migrate::check(&database).await.unwrap_err();
    assert!(matches!(error, MigrateError::Behind { .. }), "{error}");
    migrate::bootstrap_embedded(&database).await.unwrap();
    let report = migrate::migrate(&database).await.unwrap();
    let versions: Vec<_> = MIGRATIONS.iter().map(|m| m.version.to_owned()).collect();
    assert_eq!((report.applied, report.present), (versions.clone(), 0));
    migrate::check(&database).await.unwrap();
    let report = migrate::migrate(&database).await.unwrap();
    assert_eq!((report.applied.len(), report.present), (0, MIGRATIONS.len()));
    migrate::bootstrap_embedded(&database).await.unwrap();
    let book = cluster.psql(
        "select string_agg(version || ' ' || name || ' ' || cardinality(statements), ',' order by version)
         from supabase_migrations.schema_migrations",
    );
    let expect: Vec<_> = MIGRATIONS
        .iter()
        .map(|m| format!("{} {} {}", m.version, m.name, statements(m.sql).len()))
        .collect();
    assert_eq!(book, expect.join(","));
}

#[tokio::test]
async fn an_ordinary_role_can_migrate() {
    // As on hosted Supabase: no superuser, and the roles and `auth` are there already.
    let cluster = Cluster::start();
    let superuser = cluster.connect().await;
    migrate::bootstrap_embedded(&superuser).await.unwrap();
    cluster.psql("create role plain login createrole");
    cluster.psql("create database plain owner plain");
    let mut config = cluster.config();
    config.user = "plain".to_owned();
    config.database = "plain".to_owned();
    let database = connect(config).await;
    migrate::migrate(&database).await.unwrap();
    migrate::check(&database).await.unwrap();
    let session = database.session().await.unwrap();
    session.batch("select gwanje.ensure_telemetry_day('2026-11-24')").await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.psql(
        "insert into supabase_migrations.schema_migrations (version, name) values ('29990101000000', 'future')",
    );
    let check = |error: MigrateError| {
        assert!(matches!(error, MigrateError::Newer { .. }), "{error:?}");
        let words = error.to_string();
        assert!(words.contains("29990101000000") && words.contains("run that version"), "{words}");
    };
    check(migrate::migrate(&database).await.unwrap_err());
    check(migrate::check(&database).await.unwrap_err());
}

#[tokio::test]
async fn a_failing_migration_is_taken_back_whole() {
    let cluster = Cluster::start();
    let database = cluster.connect().await;
    let set = [
        Migration { version: "1", name: "good", sql: "create table good (id int);" },
        Migration {
            version: "2",
            name: "bad",
            sql: "create table half (id int); select no_such_function();",
        },
        Migration { version: "3", name: "after", sql: "create table after (id int);" },
    ];
    let error = migrate::migrate_with(&database, &set).await.unwrap_err();
    assert!(error.to_string().contains("migration 2 failed"), "{error}");
    assert_eq!(cluster.psql("select to_regclass('good'), to_regclass('half')"), "good|");
    assert_eq!(
        cluster.psql("select string_agg(version, ',') from supabase_migrations.schema_migrations"),
        "1"
    );
}

#[tokio::test]
async fn two_towers_migrate_in_turn() {
    let cluster = Cluster::start();
    let (one, two) = (cluster.connect().await, cluster.connect().await);
    let (first, second) = tokio::join!(migrate::migrate(&one), migrate::migrate(&two));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.applied.len() + second.applied.len(), MIGRATIONS.len());
    assert_eq!(first.present + second.present, MIGRATIONS.len());
}
