//! Who may connect: certificates of the site's authority, their names, their dates and their
//! revocation, on a real Mosquitto.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use fleet_links::{
    mosquitto::{CA_FILE, CRL_FILE, SERVER_CERT, SERVER_KEY, TlsListen},
    mqtt::{LinkEvent, MqttConfig, SendFate, TlsFiles},
    pki::{Authority, DAY_S, Issued, Serial, Validity},
};

use fleet_types::link::LinkName;

use crate::support::{Broker, Link, command, config_for, free_port, sn};

const NAME: &str = "Site of the tests";

fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn put(dir: &Path, name: &str, issued: &Issued) -> (PathBuf, PathBuf) {
    let (cert, key) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
    fs::write(&cert, &issued.certificate).unwrap();
    fs::write(&key, issued.key.expose()).unwrap();
    (cert, key)
}

/// A broker with both TLS listeners, and the authority it trusts.
struct Site {
    broker: Broker,
    authority: Authority,
    by_password: u16,
    by_certificate: u16,
}

impl Site {
    async fn start() -> Self {
        let validity = Validity::days(now_s(), 30);
        let (authority, own) = Authority::create(NAME, validity).unwrap();
        let server = authority.server(&["broker.site".into(), "127.0.0.2".into()], validity);
        let list = authority.revocations(1, now_s(), &[]).unwrap();
        let (by_password, by_certificate) = (free_port(), free_port());
        let at = |port| Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        let tls = TlsListen { password: at(by_password), certificate: at(by_certificate) };
        let broker = Broker::start_as(&["D1", "D2"].map(sn), tls, |dir| {
            let server = server.unwrap();
            fs::write(dir.join(CA_FILE), &own.certificate).unwrap();
            fs::write(dir.join(SERVER_CERT), &server.certificate).unwrap();
            fs::write(dir.join(SERVER_KEY), server.key.expose()).unwrap();
            fs::write(dir.join(CRL_FILE), list).unwrap();
        })
        .await;
        Self { broker, authority, by_password, by_certificate }
    }

    fn dir(&self) -> &Path {
        self.broker.dir()
    }

    /// A client's certificate of these days.
    fn client(&self, name: &str, validity: Validity) -> (Serial, (PathBuf, PathBuf)) {
        let issued = self.authority.client(name, validity).unwrap();
        let files = put(self.dir(), &format!("client-{}", issued.serial), &issued);
        (issued.serial, files)
    }

    fn tls(&self, identity: Option<(PathBuf, PathBuf)>) -> TlsFiles {
        TlsFiles { ca: self.dir().join(CA_FILE), identity, name: Some("broker.site".to_owned()) }
    }

    /// A link by certificate alone.
    fn config(&self, identity: (PathBuf, PathBuf)) -> MqttConfig {
        MqttConfig {
            username: None,
            password: None,
            tls: Some(self.tls(Some(identity))),
            ..config_for(&[self.by_certificate])
        }
    }
}

/// The reason why a link with this configuration does not come up.
async fn refusal(config: MqttConfig) -> String {
    let mut link = Link::start(MqttConfig { client_id: "refused".into(), ..config });
    let error = link
        .until("a refusal", |event| match event {
            LinkEvent::Status(status) if status.connected => panic!("it was let in"),
            LinkEvent::Status(status) => status.error,
            _ => None,
        })
        .await;
    link.handle.shutdown();
    error
}

fn year() -> Validity {
    Validity::days(now_s(), 20)
}

#[tokio::test]
async fn the_tower_signs_in_by_certificate_and_commands_go_over_tls() {
    let site = Site::start().await;
    let (_, identity) = site.client("tower", year());
    let mut link = Link::start(site.config(identity));
    link.all(true).await;
    let services = "thing/product/D1/services";
    let mut dock = site.broker.device("D1", &[services]).await;
    link.handle.send_command(command(1, services, 20_000)).unwrap();
    assert_eq!(dock.receive().await.payload, "command 1");
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(link.fate(1).await, SendFate::Delivered);
    assert_eq!(dock.publish("thing/product/D1/events", "said").await, "Success");
    assert_eq!(link.message().await.1, "said");
}

#[tokio::test]
async fn name_and_password_go_over_tls_too_and_a_wrong_password_is_refused() {
    let site = Site::start().await;
    let by_password = MqttConfig { tls: Some(site.tls(None)), ..config_for(&[site.by_password]) };
    let mut link = Link::start(by_password.clone());
    link.all(true).await;
    let wrong = fleet_links::Secret::new("wrong");
    let error = refusal(MqttConfig { password: Some(wrong), ..by_password.clone() }).await;
    assert!(error.contains("refused the login"), "{error}");
    // The other listener takes nobody without a certificate, whatever password they have.
    let at = config_for(&[site.by_certificate]);
    let error = refusal(MqttConfig { brokers: at.brokers, ..by_password }).await;
    assert!(!error.contains("tower-password"), "{error}");
}

/// A device's certificate is its serial number: it speaks for itself and for nobody else.
#[tokio::test]
async fn a_certificates_name_is_the_dock_it_speaks_for() {
    let site = Site::start().await;
    let (_, identity) = site.client("D2", year());
    // A link subscribes to what only the tower may read, which is how it is told who it is.
    let mut link = Link::start(site.config(identity));
    let error = link
        .until("a refusal", |event| match event {
            LinkEvent::Status(status) if status.link == LinkName::Telemetry => {
                assert!(!status.connected, "it was let in");
                status.error
            }
            _ => None,
        })
        .await;
    assert!(error.contains("refused a subscription: NotAuthorized"), "{error}");
}

/// A certificate whose dock has no account (it was removed, or never enrolled) gets in and then
/// gets nothing.
#[tokio::test]
async fn a_certificate_without_an_account_hears_nothing() {
    let site = Site::start().await;
    let (_, tower) = site.client("tower", year());
    let (_, stranger) = site.client("D9", year());
    let mut tower = Link::start(site.config(tower));
    tower.all(true).await;
    let mut stranger =
        Link::start(MqttConfig { client_id: "stranger".into(), ..site.config(stranger) });
    stranger.all(true).await;
    let mut dock = site.broker.device("D1", &[]).await;
    for topic in ["thing/product/D1/events", "thing/product/D1/state"] {
        assert_eq!(dock.publish(topic, "x").await, "Success");
        assert_eq!(tower.message().await.0, topic);
    }
    let heard = tokio::time::timeout(Duration::from_millis(300), stranger.message()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn the_brokers_name_is_checked_though_the_link_connects_to_an_address() {
    let site = Site::start().await;
    let (_, identity) = site.client("tower", year());
    let good = site.config(identity);
    let named = |name: Option<&str>| {
        let tls = good.tls.clone().map(|tls| TlsFiles { name: name.map(str::to_owned), ..tls });
        MqttConfig { tls, ..good.clone() }
    };
    let error = refusal(named(Some("other.site"))).await;
    assert!(error.contains("not valid for name") || error.contains("NotValidForName"), "{error}");
    // Without a name it is the address that counts, and 127.0.0.1 is not in the certificate.
    let error = refusal(named(None)).await;
    assert!(error.contains("not valid for name") || error.contains("NotValidForName"), "{error}");
    let mut by_address = named(None);
    by_address.brokers[0].host = "127.0.0.2".to_owned();
    Link::start(by_address).all(true).await;
}

#[tokio::test]
async fn another_authority_is_refused_on_both_sides() {
    let site = Site::start().await;
    // The same name, another key: what somebody would make who wants to be taken for the site.
    let (impostor, own) = Authority::create(NAME, year()).unwrap();
    let identity = put(site.dir(), "impostor", &impostor.client("tower", year()).unwrap());
    let error = refusal(site.config(identity.clone())).await;
    assert!(!error.is_empty());
    let ca = put(site.dir(), "impostor-ca", &own).0;
    let trusting = TlsFiles { ca, ..site.tls(Some(identity)) };
    let error =
        refusal(MqttConfig { tls: Some(trusting), ..site.config(site.client("tower", year()).1) })
            .await;
    assert!(error.contains("TLS: invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn an_expired_certificate_and_one_that_is_not_valid_yet_are_refused() {
    let site = Site::start().await;
    let now_s = now_s();
    for validity in [
        Validity { not_before_s: now_s - 2 * DAY_S, not_after_s: now_s - DAY_S },
        Validity { not_before_s: now_s + DAY_S, not_after_s: now_s + 2 * DAY_S },
    ] {
        let (_, identity) = site.client("tower", validity);
        refusal(site.config(identity)).await;
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_the_others_are_not() {
    let site = Site::start().await;
    let (revoked, bad) = site.client("tower", year());
    let (_, good) = site.client("tower", year());
    let mut before = Link::start(site.config(bad.clone()));
    before.all(true).await;
    before.handle.shutdown();
    before.rest().await;
    let list = site.authority.revocations(2, now_s(), &[(revoked, now_s())]).unwrap();
    fs::write(site.dir().join(CRL_FILE), list).unwrap();
    site.broker.reload();
    // Until the broker has read the list the certificate is good.
    let mut link = Link::start(MqttConfig { client_id: "revoked".into(), ..site.config(bad) });
    loop {
        let refused = link
            .until("a status", |event| match event {
                LinkEvent::Status(status) => Some(!status.connected),
                _ => None,
            })
            .await;
        if refused {
            break;
        }
        link.handle.shutdown();
        link.rest().await;
        let again = link.config.clone();
        link = Link::start(again);
    }
    Link::start(site.config(good)).all(true).await;
}

/// The files are read for each connection, so that a renewed certificate counts without a restart;
/// and a file that is gone is said by its path.
#[tokio::test]
async fn files_are_read_for_each_connection() {
    let site = Site::start().await;
    let (cert, key) = (site.dir().join("later.crt"), site.dir().join("later.key"));
    let mut link = Link::start(site.config((cert.clone(), key.clone())));
    let error = link
        .until("a refusal", |event| match event {
            LinkEvent::Status(status) => status.error,
            _ => None,
        })
        .await;
    assert!(error.contains("later.crt cannot be read"), "{error}");
    let issued = site.authority.client("tower", year()).unwrap();
    fs::write(&key, issued.key.expose()).unwrap();
    fs::write(&cert, &issued.certificate).unwrap();
    link.all(true).await;
}
