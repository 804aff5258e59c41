//! Eclipse Cyclone DDS, a DDS that we did not write, both ways.
//!
//! `scripts/install-test.sh` puts it into `target/cyclone`. The example in the docs has its types
//! from `docs/idl/gwanje.idl`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use dust_dds::infrastructure::type_support::DdsType;
use fleet_bus::wire::views::{Docs, Offer, View};
use fleet_types::topic::DeviceOsd;
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::fleet::{LONG, Tower, client, domain, local, loopback, report, tag};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Cyclone on loopback, as `docs/dds.md` says, and by our tag.
fn on_loopback() -> String {
    format!(
        "<CycloneDDS><Domain id=\"any\"><General><Interfaces>\
         <NetworkInterface address=\"127.0.0.1\" multicast=\"true\"/>\
         </Interfaces></General><Discovery><Tag>{}</Tag></Discovery></Domain></CycloneDDS>",
        tag()
    )
}

pub(crate) fn python(script: &Path, domain_id: u16) -> Child {
    let python = root().join("target/cyclone/bin/python");
    assert!(python.exists(), "no {}: run scripts/install-test.sh", python.display());
    let mut command = Command::new(python);
    command.arg(script).args(["--domain", &domain_id.to_string()]);
    command.env("CYCLONEDDS_URI", on_loopback()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap()
}

#[tokio::test]
async fn cyclone_prints_live_telemetry_from_the_idl() {
    local(async {
        let config = loopback(domain());
        let tower = Tower::start(config.clone());
        let mut example = python(&root().join("docs/examples/dds_telemetry.py"), config.domain_id);
        let mut lines = BufReader::new(example.stdout.take().unwrap()).lines();
        let osd = tower.bus.writer::<DeviceOsd>();
        let mut number = 0;
        let line = async {
            loop {
                number += 1;
                osd.try_write(report("AIR1", number)).unwrap();
                let wait = std::time::Duration::from_millis(100);
                if let Ok(line) = timeout(wait, lines.next_line()).await {
                    break line.unwrap().expect("it prints until it is stopped");
                }
            }
        };
        let line = timeout(LONG, line).await.expect("it prints telemetry");
        assert!(line.starts_with("AIR1 aircraft"), "{line}");
        for part in ["37.500000", "126.900000", "81.2 m", "77 %"] {
            assert!(line.contains(part), "{line}: {part}");
        }
        let readers = tower.look.stats().views.iter().map(|view| view.readers).sum::<u64>();
        assert_eq!(readers, 1, "of one topic");
    })
    .await;
}

/// A type that is only in this test, with one member of each kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, DdsType)]
#[dust_dds(name = "gwanje_test::Note", extensibility = "final")]
struct Note {
    #[dust_dds(key)]
    sn: String,
    number: u64,
    value: f64,
    is_it: bool,
    small: i8,
    list: Vec<f32>,
    words: Vec<String>,
}

impl View for Note {
    const TOPIC: &'static str = "rt/gwanje/test";
    const TYPE_NAME: &'static str = "gwanje_test::Note";
    const OFFER: Offer = Offer::Changes;
    const DOCS: Docs = Docs { about: &[], members: &[] };

    fn sn(&self) -> &str {
        &self.sn
    }
}

#[tokio::test]
async fn what_cyclone_writes_arrives() {
    local(async {
        let config = loopback(domain());
        let us = client(&config).await;
        let mut notes = us.reader::<Note>();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cyclone_writes.py");
        let mut writer = python(&script, config.domain_id);
        for number in 1..=3_u64 {
            let note = timeout(LONG, notes.next()).await.unwrap().unwrap();
            let expected = Note {
                sn: "PY1".to_owned(),
                number,
                value: -1.5,
                is_it: true,
                small: -3,
                list: vec![0.5, 1.5],
                words: vec!["관제".to_owned(), String::new()],
            };
            assert_eq!(note.view, expected);
            assert!(note.source_ns.is_some_and(|ns| ns > 1_600_000_000_000_000_000));
        }
        writer.start_kill().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cyclone_writes_is_refused() {
    local(async {
        let config = loopback(domain());
        let mut tower = Tower::start(config.clone());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cyclone_commands.py");
        let _writer = python(&script, config.domain_id);
        let refused = timeout(LONG, tower.refused.recv()).await.unwrap().unwrap();
        assert_eq!((refused.sn.as_str(), refused.method.as_str()), ("DOCK1", "cover_open"));
    })
    .await;
}
