//! Connecting: state, exclusivity, cancellation, time-outs, TLS, and silence about secrets.

use std::{fs, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use fleet_store::{Database, DatabaseConfig, DatabaseState, Resolve, StoreError, Target, Tls};
use fleet_types::Secret;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::Signal;

use crate::cluster::{Cluster, no_names};

/// Waits until the state is as wanted, at most as long as the test runner allows.
async fn until(database: &Database, is_wanted: impl FnMut(&DatabaseState) -> bool) {
    database.watch().wait_for(is_wanted).await.unwrap();
}

#[tokio::test]
async fn a_database_that_goes_and_comes_back_is_noticed() {
    let mut cluster = Cluster::start();
    let database = cluster.connect().await;
    database.session().await.unwrap().release();
    cluster.end(Signal::KILL);
    until(&database, |state| !state.is_up()).await;
    let error = database.session().await.err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_passing(), "{error}");
    cluster.start_again();
    database.up().await;
    let session = database.session().await.unwrap();
    session.batch("select 1").await.unwrap();
}

#[tokio::test]
async fn a_session_whose_caller_went_away_is_never_used_again() {
    let cluster = Cluster::start();
    let mut config = cluster.config();
    config.limits.connections = 1;
    let database = crate::cluster::connect(config).await;
    let pid = |text: &str| text.parse::<i32>().unwrap();
    // The connection that keeps watch is left out: it asked something else last.
    let whose = "select pid from pg_stat_activity where query like '%--mine'";
    {
        let session = database.session().await.unwrap();
        session.batch("select 1 --mine").await.unwrap();
        session.release();
    }
    let first = pid(&cluster.psql(&format!("{whose} and pid <> pg_backend_pid()")));
    {
        // A transaction is under way when its future is dropped.
        let session = database.session().await.unwrap();
        session.batch("begin; create table half (id int)").await.unwrap();
        let mut sleep = pin!(session.batch("select pg_sleep(60)"));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    let session = database.session().await.unwrap();
    session.batch("create table whole (id int) --mine").await.unwrap();
    session.release();
    let second = format!("{whose} and state = 'idle' and pid <> pg_backend_pid()");
    assert_ne!(pid(&cluster.psql(&second)), first);
    assert_eq!(cluster.psql("select to_regclass('half'), to_regclass('whole')"), "|whole");
}

#[tokio::test]
async fn sessions_are_few_and_waiting_is_bounded() {
    let cluster = Cluster::start();
    let mut config = cluster.config();
    config.limits.connections = 2;
    config.limits.acquire = Duration::from_millis(50);
    let database = crate::cluster::connect(config).await;
    let (one, _two) = (database.session().await.unwrap(), database.session().await.unwrap());
    let error = database.session().await.err().unwrap();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    one.release();
    database.session().await.unwrap().release();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let cluster = Cluster::start();
    let mut config = cluster.config();
    config.limits.statement = Duration::from_millis(100);
    let database = crate::cluster::connect(config).await;
    let session = database.session().await.unwrap();
    let error = session.batch("select pg_sleep(60)").await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused { code, .. } if code == "57014"), "{error}");
}

/// An authority, a certificate of it for `name`, and a server that shows it.
struct Encrypted {
    cluster: Cluster,
    port: u16,
}

impl Encrypted {
    fn start(name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::from_params(&authority, &authority_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let mut cluster = Cluster::start();
        cluster.end(Signal::INT);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        cluster.put("server.crt", &leaf.pem());
        cluster.put("server.key", &key.serialize_pem());
        fs::write(cluster.dir().join("ca.pem"), root.pem()).unwrap();
        cluster.put(
            "data/pg_hba.conf",
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
        );
        let file = |name: &str| cluster.dir().join(name).display().to_string();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.crt")),
            format!("ssl_key_file={}", file("server.key")),
        ];
        cluster.set(settings);
        cluster.start_again();
        Self { cluster, port }
    }

    fn config(&self, password: &str) -> DatabaseConfig {
        let ca = self.cluster.dir().join("ca.pem").display().to_string().replace('/', "%2F");
        let url = format!(
            "postgresql://app:{password}@db.example.test:{}/postgres?sslmode=verify-full&sslrootcert={ca}",
            self.port
        );
        DatabaseConfig::from_url(&Secret::new(url)).unwrap()
    }
}

/// Every name is this machine.
fn here() -> Resolve {
    Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) }))
}

async fn first_error(config: DatabaseConfig) -> String {
    let (database, driver) = Database::new(config, here()).unwrap();
    let driver = tokio::spawn(driver.run());
    let state =
        database.watch().wait_for(|state| *state != DatabaseState::Starting).await.unwrap().clone();
    driver.abort();
    match state {
        DatabaseState::Down { error, .. } => error,
        state @ (DatabaseState::Starting | DatabaseState::Up { .. }) => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn tls_verifies_the_configured_name_though_connecting_by_address() {
    let server = Encrypted::start("db.example.test");
    let mut local = server.cluster.config();
    local.port = server.port;
    let admin = crate::cluster::connect(local).await;
    let session = admin.session().await.unwrap();
    session.batch("create role app login password 'hunter2'").await.unwrap();

    let (database, driver) = Database::new(server.config("hunter2"), here()).unwrap();
    tokio::spawn(driver.run());
    database.up().await;
    let check =
        "do $$ begin assert (select ssl from pg_stat_ssl where pid = pg_backend_pid()); end $$";
    database.session().await.unwrap().batch(check).await.unwrap();

    // A wrong password is told without being repeated.
    let error = first_error(server.config("hunter3")).await;
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(!error.contains("hunter3"), "{error}");

    // The certificate is for another name.
    let mut config = server.config("hunter2");
    config.target = Target::Host { name: "other.example.test".into() };
    let error = first_error(config).await;
    assert!(error.contains("TLS") && error.contains("certificate"), "{error}");

    // An authority that nobody knows.
    let mut config = server.config("hunter2");
    let other = rcgen::generate_simple_self_signed(vec!["db.example.test".into()]).unwrap();
    let path = server.cluster.dir().join("other.pem");
    fs::write(&path, other.cert.pem()).unwrap();
    config.tls = Tls::Verified { ca_file: Some(path.clone()) };
    let error = first_error(config.clone()).await;
    assert!(error.contains("certificate"), "{error}");

    // No authority at all.
    fs::write(&path, "nothing").unwrap();
    let error = Database::new(config, no_names()).err().unwrap();
    assert!(error.to_string().contains("no PEM certificate"), "{error}");

    // Without TLS the server does not let us in.
    let mut config = server.config("hunter2");
    config.tls = Tls::Off;
    let error = first_error(config).await;
    assert!(error.contains("no encryption"), "{error}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let url = Secret::new("postgresql://u:p@db.example.test/d?sslmode=disable");
    let config = DatabaseConfig::from_url(&url).unwrap();
    let (database, driver) = Database::new(config, no_names()).unwrap();
    tokio::spawn(driver.run());
    until(&database, |state| {
        matches!(state, DatabaseState::Down { error, .. } if error.contains("db.example.test"))
    })
    .await;
}
