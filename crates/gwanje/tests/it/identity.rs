//! The site's certificates through the whole program: made by the command line, used by broker and
//! tower, revoked while they run.

use std::{fs, path::Path, process::Command};

use super::{
    docks::Docks,
    proc,
    site::{GWANJE, Load, Site, free_port, run, until},
};

fn ca(data: &Path, args: &[&str]) -> String {
    let output = Command::new(GWANJE)
        .arg("ca")
        .args(args)
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", data)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_tower_speaks_tls_with_its_own_certificate_and_a_revocation_reaches_the_broker() {
    run(Load::Heavy, async {
        let port = free_port();
        let mut site = Site::start_as(|dir| {
            let made = ca(dir, &["init", "--name", "Test site", "--host", "broker.site"]);
            assert!(made.contains("broker.site") && !made.contains("PRIVATE"), "{made}");
            vec![("GWANJE_MQTT_TLS_CERTIFICATE_LISTEN", port.to_string())]
        })
        .await;
        // Docks come up and their aircraft are heard: the tower reads the broker over TLS, answers,
        // and has told it which aircraft belongs to which dock.
        let docks = Docks::online(&site, 2, "").await;
        let tower = site.tower().unwrap();
        assert_eq!(proc::status(tower, "Threads:").as_deref(), Some("1"));
        until("the rights of both docks", async || {
            let rights = fs::read_to_string(site.data_dir().join("broker/aircraft.acl")).unwrap();
            let has = |sn: &str| rights.contains(&format!("user {sn}\n"));
            if docks.ids.iter().all(|dock| has(&dock.dock_sn)) { Ok(()) } else { Err(rights) }
        })
        .await;
        let broker = site.broker().unwrap();
        let list = |place: &str| fs::read(site.data_dir().join(place).join("crl.pem")).unwrap();
        let before = list("broker");
        ca(site.data_dir(), &["issue", "ROBOT-1"]);
        assert!(ca(site.data_dir(), &["list"]).contains("ROBOT-1"));
        ca(site.data_dir(), &["revoke", "ROBOT-1"]);
        assert!(ca(site.data_dir(), &["list", "--json"]).contains("revoked_s"));
        until("the broker's new list", async || {
            let (theirs, ours) = (list("broker"), list("ca"));
            if theirs == ours && theirs != before { Ok(()) } else { Err(String::new()) }
        })
        .await;
        assert_eq!(site.broker(), Some(broker), "it was told, not restarted");
        docks.fleet.stop().await;
        let log = site.log();
        assert!(!log.contains("PRIVATE KEY"), "a key is in the log");
        assert!(log.contains("connected to the broker"), "{log}");
    });
}

/// Speaks TLS by hand: what matters is when the connection ends.
async fn connect_by_certificate(
    address: std::net::SocketAddr,
    files: &Path,
    client_id: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    };
    let pem = |name: &str| fs::read(files.join(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem("ca.crt")).unwrap()).unwrap();
    let own = CertificateDer::pem_slice_iter(&pem(&format!("{client_id}.crt")))
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(&pem(&format!("{client_id}.key"))).unwrap();
    let config = ClientConfig::builder_with_provider(std::sync::Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(own, key)
        .unwrap();
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("broker.site").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream = connector.connect(name, stream).await?;
    // CONNECT of MQTT 3.1.1: a clean session, no keep-alive, no login but the certificate.
    let mut packet = vec![0x10, 12 + u8::try_from(client_id.len()).unwrap()];
    packet.extend(b"\x00\x04MQTT\x04\x02\x00\x00\x00");
    packet.push(u8::try_from(client_id.len()).unwrap());
    packet.extend(client_id.bytes());
    stream.write_all(&packet).await?;
    let mut answer = [0_u8; 4];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer, [0x20, 2, 0, 0], "not let in");
    Ok(stream)
}

#[test]
fn a_revoked_certificate_ends_the_connection_that_stands_and_opens_no_other() {
    run(Load::Light, async {
        use tokio::io::AsyncReadExt as _;
        const SN: &str = "CERTDOCK000001";
        let port = free_port();
        let site = Site::start_as(|dir| {
            ca(dir, &["init", "--name", "Test site", "--host", "broker.site"]);
            vec![("GWANJE_MQTT_TLS_CERTIFICATE_LISTEN", port.to_string())]
        })
        .await;
        site.enrol(SN).await;
        ca(site.data_dir(), &["issue", SN]);
        let files = site.data_dir().join("ca-issued").join(SN);
        let mut stands = connect_by_certificate(port, &files, SN).await.unwrap();
        ca(site.data_dir(), &["revoke", SN]);
        let mut nothing = [0_u8; 16];
        // However it ends: with a word of MQTT 3.1.1's, of TLS's, or none.
        let ended = tokio::time::timeout(super::site::SOON, stands.read(&mut nothing)).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
        until("a refusal", async || match connect_by_certificate(port, &files, SN).await {
            Ok(_) => Err("it was let in".to_owned()),
            Err(_) => Ok(()),
        })
        .await;
    });
}
