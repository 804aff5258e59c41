//! The object store as a process: an S3 client that we did not write, what it may and what it may
//! not; memory and threads while gigabytes go through.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use fleet_objects::{BUCKET, Holder, Issued, MasterKey, REGION};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    docks::{Docks, until_ended},
    proc,
    raw_dock::{RawDock, now_ms},
    site::{Load, Site, run, run_within, until, wants_long},
};

const DOCK: &str = "7CTDM1200BX077";
const OTHER: &str = "7CTDM1200BX078";
/// What the store may use more for gigabytes than for a file: buffers, not objects.
const GROWTH_KB: u64 = 24 << 10;

fn master(site: &Site) -> MasterKey {
    let file = site.data_dir().join("objects-key");
    MasterKey::new(std::fs::read_to_string(file).unwrap().trim()).unwrap()
}

fn keys(issued: &Issued) -> Value {
    json!({
        "access_key_id": issued.access_key_id,
        "access_key_secret": issued.secret_access_key,
        "security_token": issued.session_token,
    })
}

/// Asks as a dock asks, over MQTT.
async fn asked(dock: &RawDock) -> Value {
    let ask = dock.envelope("storage_config_get", &json!({"module": 0}));
    dock.say("requests", ask.to_string()).await;
    until("the answer to storage_config_get", async || {
        dock.heard("requests_reply", "storage_config_get").ok_or_else(String::new)
    })
    .await
}

/// What boto3 is told, and what it says.
async fn boto3(site: &Site, dock: &RawDock, megabytes: u64, only_parts: bool) -> Client {
    let answer = asked(dock).await;
    assert_eq!(answer["data"]["result"], 0, "{answer}");
    let output = &answer["data"]["output"];
    let credentials = output["credentials"].clone();
    assert_eq!(credentials["expire"], 3600, "{answer}");
    let master = master(site);
    let now_s = u64::try_from(now_ms() / 1000).unwrap();
    let issue = |holder: Holder, at| keys(&master.issue(&holder, at).unwrap());
    let told = json!({
        "endpoint": output["endpoint"], "bucket": output["bucket"], "region": output["region"],
        "prefix": output["object_key_prefix"], "other_prefix": OTHER, "good": credentials,
        "foreign": issue(Holder::Dock(OTHER.into()), now_s + 600),
        "expired": issue(Holder::Dock(DOCK.into()), now_s - 1),
        "tower": issue(Holder::Tower, now_s + 600),
        "megabytes": megabytes, "only_parts": only_parts,
    });
    assert_eq!((&told["bucket"], &told["region"]), (&json!(BUCKET), &json!(REGION)));
    assert_eq!(told["prefix"], DOCK);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../../target/boto3/bin/python");
    assert!(python.exists(), "no {}: run scripts/install-test.sh", python.display());
    let mut child = Command::new(python)
        .arg(root.join("tests/it/objects.py"))
        // Settings of whoever runs the tests are not these tests'.
        .env_remove("AWS_PROFILE")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    Client(child)
}

struct Client(std::process::Child);

impl Client {
    /// Waits for its end; every `look` meanwhile.
    async fn done(mut self, mut look: impl FnMut()) -> String {
        loop {
            look();
            if let Some(status) = self.0.try_wait().unwrap() {
                let mut said = String::new();
                use std::io::Read as _;
                self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
                assert!(status.success(), "{said}");
                assert!(said.ends_with("done\n"), "{said}");
                return said;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

fn memory_kb(pid: u32, line: &str) -> u64 {
    let text = proc::status(pid, line).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Refused before it was told to go on, a client keeps its body: the connection ends, or what it says
/// next would be taken for that.
async fn refused_before_its_body(store: std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(store).await.unwrap();
    let head = format!(
        "PUT /{BUCKET}/{DOCK}/x HTTP/1.1\r\nHost: {store}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn an_s3_client_does_what_a_dock_may_and_nothing_else() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let dock = RawDock::enrol(&site, DOCK).await;
        let store = site.objects().expect("an object store");
        let said = boto3(&site, &dock, 40, false).await.done(|| {}).await;
        assert_eq!(said.matches("refused: ").count(), 35, "{said}");
        assert_eq!(proc::threads(store), 1);
        refused_before_its_body(site.objects_listen).await;
        // Plain files, below the dock's own folder; nothing of what was refused.
        let objects = site.data_dir().join("media/objects");
        let names: Vec<_> = std::fs::read_dir(&objects)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, [DOCK]);
        let photo = objects.join(DOCK).join("flight/DJI 사진_0001.jpg");
        assert_eq!(std::fs::metadata(photo).unwrap().len(), 1 << 20);
        for left in ["media/incoming", "media/uploads"] {
            assert_eq!(std::fs::read_dir(site.data_dir().join(left)).unwrap().count(), 0, "{left}");
        }
        // Neither secrets nor tokens are in the log.
        let good = asked(&dock).await["data"]["output"]["credentials"].clone();
        let log = site.log();
        for name in ["access_key_secret", "security_token"] {
            assert!(!log.contains(good[name].as_str().unwrap()), "{name} is in the log");
        }
    });
}

#[test]
fn a_store_that_is_killed_keeps_what_it_answered_for() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let dock = RawDock::enrol(&site, DOCK).await;
        boto3(&site, &dock, 20, true).await.done(|| {}).await;
        let before = site.objects().unwrap();
        proc::signal(before, rustix::process::Signal::KILL);
        until("another object store", async || match site.objects() {
            Some(pid) if pid != before => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        let video = site.data_dir().join("media/objects").join(DOCK).join("flight/long.mp4");
        assert_eq!(std::fs::metadata(video).unwrap().len(), 20 << 20);
        // The same key is good at the new process: it is stored nowhere.
        let listening = site.objects_listen;
        until("the store to listen", async || {
            let there = tokio::net::TcpStream::connect(listening).await;
            there.map(drop).map_err(|error| error.to_string())
        })
        .await;
        boto3(&site, &dock, 6, true).await.done(|| {}).await;
    });
}

#[test]
fn a_mission_brings_its_photos_from_the_camera_to_small_pictures() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        // Every file is told twice, and counts once.
        let docks = Docks::online(&site, 1, "told_twice").await;
        let taken = docks.fly(&site, 0, "survey").await.is(202);
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        let (sn, mission_id) = (docks.sn(0), taken["mission_id"].as_str().unwrap());
        let path = format!("/api/v1/media?sn={sn}&mission_id={mission_id}");
        let all = |page: &Value| page["flights"][0]["arrived"] == 6;
        let page = site.until("six photos", &path, all).await;
        let flight = json!([{"mission_id": mission_id, "sn": sn, "arrived": 6, "expected": 6}]);
        assert_eq!(page["flights"], flight, "{page}");
        let media = page["media"].as_array().unwrap();
        assert_eq!(media.len(), 6, "{page}");
        let dock = Docks::identity(0);
        for file in media {
            assert_eq!((&file["kind"], &file["mission_id"]), (&json!("photo"), &json!(mission_id)));
            let (lat, lon) =
                (file["latitude"].as_f64().unwrap(), file["longitude"].as_f64().unwrap());
            assert!((lat - dock.lat).abs() < 0.01 && (lon - dock.lon).abs() < 0.01, "{file}");
            let name = file["name"].as_str().unwrap();
            let stored = site.data_dir().join("media/objects").join(sn).join(mission_id).join(name);
            let stored = std::fs::read(stored).unwrap();
            let path = format!("/api/v1/media/{}", file["media_id"].as_str().unwrap());
            let whole = site.get(&format!("{path}/file")).await;
            assert_eq!((whole.status.as_u16(), &whole.body[..]), (200, &stored[..]));
            assert_eq!(whole.headers["content-type"], "image/jpeg");
            assert_eq!(
                whole.headers["content-disposition"],
                format!("attachment; filename=\"{name}\"")
            );
            let small = site.get(&format!("{path}/thumbnail")).await;
            assert_eq!(small.status, 200, "{}", small.text());
            assert!(small.body.starts_with(&[0xFF, 0xD8]) && small.body.len() < stored.len());
            let again = site.get(&format!("{path}/thumbnail")).await;
            assert_eq!(small.body, again.body);
        }
        let first = format!("/api/v1/media/{}/file", media[0]["media_id"].as_str().unwrap());
        let bearer = format!("Bearer {}", site.token);
        let ask = |range| [("authorization", bearer.as_str()), ("range", range)];
        let part = site.raw("GET", &first, &ask("bytes=2-5"), "").await;
        assert_eq!((part.status.as_u16(), part.body.len()), (206, 4), "{}", part.text());
        let outside = site.raw("GET", &first, &ask("bytes=99999999-"), "").await;
        outside.is_problem(416, "range_outside");
        site.get("/api/v1/media/00000000-0000-4000-8000-00000000000f/file")
            .await
            .is_problem(404, "unknown_media");
        site.raw("GET", &first, &[], "").await.is(401);
        // A file that is on record and not in the store is said to be.
        let name = media[0]["name"].as_str().unwrap();
        let gone = site.data_dir().join("media/objects").join(sn).join(mission_id).join(name);
        std::fs::remove_file(gone).unwrap();
        site.get(&first).await.is_problem(404, "media_gone");
        let (tower, store) = (site.tower().unwrap(), site.objects().unwrap());
        assert_eq!((proc::threads(tower), proc::threads(store)), (1, 1));
    });
}

#[test]
fn photos_that_never_come_are_missed_and_a_foreign_word_is_not_believed() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "missing_photo=0.5").await;
        let taken = docks.fly(&site, 0, "survey").await.is(202);
        until_ended(&site, &taken).await;
        let path = format!("/api/v1/media?mission_id={}", taken["mission_id"].as_str().unwrap());
        let some = |page: &Value| page["flights"][0]["expected"] == 6;
        let page = site.until("the first photo", &path, some).await;
        assert!(page["flights"][0]["arrived"].as_u64().unwrap() < 6, "{page}");

        // A dock says that another dock's file is its own.
        let liar = RawDock::enrol(&site, DOCK).await;
        let told = |key: &str| {
            let file = json!({"object_key": key, "name": "x.jpg", "ext": {"flight_id": "no id"},
                "metadata": {"shoot_position": {"lat": "north", "lng": 500}}});
            let flight = json!({"expected_file_count": -1, "uploaded_file_count": 1});
            liar.envelope("file_upload_callback", &json!({"file": file, "flight_task": flight}))
        };
        let foreign = format!("{}/x.jpg", docks.sn(0));
        for key in [foreign.as_str(), "", "x.jpg", &format!("{DOCK}/own.jpg")] {
            liar.say("events", told(key).to_string()).await;
        }
        let own = format!("/api/v1/media?sn={DOCK}");
        let page = site.until("its own file", &own, |page| !page["media"][0].is_null()).await;
        assert_eq!(page["media"].as_array().unwrap().len(), 1, "{page}");
        let file = &page["media"][0];
        assert_eq!(
            (&file["latitude"], &file["mission_id"]),
            (&Value::Null, &Value::Null),
            "{file}"
        );
        assert_eq!(page["next"], Value::Null);
    });
}

#[test]
fn gigabytes_go_through_without_being_in_memory() {
    let megabytes = match std::env::var("GWANJE_OBJECT_MB") {
        Ok(text) => text.parse().unwrap(),
        Err(_) if wants_long() => 5 << 10,
        Err(_) => 256,
    };
    run_within(Duration::from_mins(40), Load::Light, async move {
        let mut site = Site::start().await;
        let dock = RawDock::enrol(&site, DOCK).await;
        let store = site.objects().unwrap();
        // Once, so that what is there from the first request on counts for nothing.
        boto3(&site, &dock, 24, true).await.done(|| {}).await;
        let before = memory_kb(store, "VmHWM:");
        let mut threads = 0;
        boto3(&site, &dock, megabytes, true)
            .await
            .done(|| threads = threads.max(proc::threads(store)))
            .await;
        let after = memory_kb(store, "VmHWM:");
        eprintln!(
            "{megabytes} MB by parts: resident memory at most {after} kB, before {before} kB"
        );
        assert!(after < before + GROWTH_KB, "{before} kB became {after} kB");
        assert_eq!(threads, 1);
    });
}
