//! `gwanje dock …` beside a running `gwanje up`.

use std::process::{Output, Stdio};

use super::{
    raw_dock::RawDock,
    site::{GWANJE, Load, Site, run},
};

const SN: &str = "7CTDM1200BX001";

async fn gwanje(site: &Site, args: &[&str]) -> (bool, String) {
    let run = tokio::process::Command::new(GWANJE)
        .args(args)
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", site.data_dir())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Output { status, stdout, stderr } = run.await.unwrap();
    let said = [stdout, stderr].concat();
    (status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn docks_are_added_listed_and_removed_by_command() {
    run(Load::Light, async {
        let site = Site::start().await;
        let (ok, said) = gwanje(&site, &["dock", "list"]).await;
        assert!(ok && said.contains("No dock is enrolled yet"), "{said}");
        let (ok, said) = gwanje(&site, &["dock", "add", SN, "--name", "North gate"]).await;
        assert!(ok && said.contains("DJI Pilot 2"), "{said}");
        assert!(said.contains(SN) && said.contains(&site.mqtt.port().to_string()), "{said}");
        // This site listens on loopback and has no licence: no real dock will come up so.
        assert!(said.contains("mqtt.public_host") && said.contains("dji.app_license"), "{said}");
        let (ok, said) = gwanje(&site, &["dock", "list"]).await;
        assert!(ok && said.contains(SN) && said.contains("North gate"), "{said}");
        assert!(said.contains("never_seen"), "{said}");
        let (ok, said) = gwanje(&site, &["dock", "add", "not/a/serial"]).await;
        assert!(!ok, "{said}");

        // What was added can sign in; what is removed cannot any more.
        let raw = RawDock::enrol(&site, "7CTDM1200BX002").await;
        let (ok, said) = gwanje(&site, &["dock", "remove", &raw.sn]).await;
        assert!(ok && said.contains("no longer works"), "{said}");
        let (ok, said) = gwanje(&site, &["dock", "list"]).await;
        assert!(ok && said.contains(SN) && !said.contains(&raw.sn), "{said}");
        site.until("the broker to turn it away", "/api/v1/alarms", |alarms| {
            alarms["alarms"].as_array().is_some_and(|alarms| !alarms.is_empty())
        })
        .await;
        let (ok, said) = gwanje(&site, &["dock", "remove", "NOBODY"]).await;
        assert!(!ok, "{said}");
    });
}

#[test]
fn without_a_running_tower_the_command_says_so() {
    run(Load::Light, async {
        let site = Site::start().await;
        let (ok, said) = gwanje(&site, &["up"]).await;
        assert!(!ok && said.contains("another `gwanje up`"), "{said}");
        let dir = site.data_dir().join("nothing-here");
        let dir = dir.to_str().unwrap();
        let run = tokio::process::Command::new(GWANJE)
            .args(["dock", "list"])
            .env("GWANJE_CONFIG", "/dev/null")
            .env("GWANJE_DATA_DIR", dir)
            .output();
        let output = run.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("gwanje up"), "{said}");
    });
}
