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
