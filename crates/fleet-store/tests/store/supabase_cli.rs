//! The real Supabase command line and our migrator keep one book. Long: the program is a download
//! of 65 MB (`make test-long` installs it under `supabase/cli`).

use std::{fs, process::Command};

use fleet_store::migrate::{self, MIGRATIONS};

use crate::cluster::{Cluster, connect};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Pushes the migrations into a database as somebody with only the command line would.
fn push(cluster: &Cluster, port: u16, database: &str) -> String {
    // The program writes into its working directory: it gets one of its own.
    let work = cluster.dir().join("work/supabase/migrations");
    fs::create_dir_all(&work).unwrap();
    for migration in MIGRATIONS {
        let name = format!("{}_{}.sql", migration.version, migration.name);
        fs::write(work.join(name), migration.sql).unwrap();
    }
    let url = format!("postgresql://gwanje:any@127.0.0.1:{port}/{database}?sslmode=disable");
    let output = Command::new(format!("{ROOT}/supabase/cli/node_modules/.bin/supabase"))
        .args(["db", "push", "--yes", "--db-url", &url, "--workdir"])
        .arg(cluster.dir().join("work"))
        .env("HOME", cluster.dir())
        .env("SUPABASE_TELEMETRY_DISABLED", "1")
        .output()
        .expect("run `npm ci` in supabase/cli, or `make test-long`");
    let words = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{words}");
    words
}

#[tokio::test]
#[ignore = "needs the Supabase command line, a large download"]
async fn the_command_line_and_the_migrator_find_each_other_s_work_done() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = ["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")];
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let cluster = Cluster::start_with(&settings);
    let at = async |database: &str| {
        let mut config = cluster.config();
        (config.port, config.database) = (port, database.to_owned());
        connect(config).await
    };
    let admin = at("postgres").await;
    migrate::bootstrap_embedded(&admin).await.unwrap();
    let session = admin.session().await.unwrap();
    session.batch("create database ours").await.unwrap();
    session.batch("create database theirs").await.unwrap();

    let ours = at("ours").await;
    migrate::migrate(&ours).await.unwrap();
    let words = push(&cluster, port, "ours");
    assert!(words.contains("up to date"), "{words}");

    let words = push(&cluster, port, "theirs");
    assert!(words.contains(MIGRATIONS[0].version), "{words}");
    let theirs = at("theirs").await;
    let report = migrate::migrate(&theirs).await.unwrap();
    assert_eq!((report.applied.len(), report.present), (0, MIGRATIONS.len()));
    migrate::check(&theirs).await.unwrap();

    // Line by line the same book.
    let book = "select version, name, cardinality(statements), md5(statements::text)
                from supabase_migrations.schema_migrations order by version";
    assert_eq!(cluster.psql_at(port, "ours", book), cluster.psql_at(port, "theirs", book));
}
