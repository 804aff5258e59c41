//! Wayline files by address, from a real server on this machine that behaves well and badly.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use fleet_api::{Resolve, Roots, WaylineSources};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    support::{Answer, Tower},
    waylines::kmz,
};

struct Literal;

impl Resolve for Literal {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
        Box::pin(async move {
            let address = format!("{host}:{port}").parse();
            address.map(|address| vec![address]).map_err(|_| "no name leads anywhere".to_owned())
        })
    }
}

/// A file server: answers by path, and counts what it was asked.
struct Files {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Files {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut head = vec![0; 4096];
                    let Ok(length) = stream.read(&mut head).await else { return };
                    count.fetch_add(1, Ordering::SeqCst);
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let body = match path.as_str() {
                        "/large" => vec![b'x'; (20 << 20) + 1],
                        "/text" => b"no zip".to_vec(),
                        _ => kmz(),
                    };
                    let status = match path.as_str() {
                        "/gone" => "404 Not Found".to_owned(),
                        "/moved" => {
                            format!("302 Found\r\nLocation: http://{address}/mission.kmz")
                        }
                        _ => "200 OK".to_owned(),
                    };
                    // Half of what is announced, then nothing.
                    let sent = if path == "/broken" { body.len() / 2 } else { body.len() };
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                    );
                    // Whoever asked may have hung up.
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(&body[..sent]).await;
                });
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn fetch(tower: &Tower, url: &str, md5: &str) -> Answer {
    let body = json!({ "url": url, "name": "by address", "md5": md5 });
    tower.call("POST", "/api/v1/waylines/from-url", &body).await
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap()
}

#[tokio::test]
async fn a_file_is_fetched_once_checked_and_kept() {
    let files = Files::start().await;
    let host = files.address.to_string().parse().unwrap();
    let sources = WaylineSources::new(vec![host], Arc::new(Literal), Roots::none());
    let tower = Tower::with_wayline_sources(sources).await;
    let bytes = kmz();
    // An uploaded file tells its MD5; this tower has none of that name.
    let known = super::waylines::uploaded(&tower).await["md5"].as_str().unwrap().to_owned();
    let url = format!("http://{}/mission.kmz?sig=secret", files.address);
    let made = fetch(&tower, &url, &known.to_uppercase()).await.is(201);
    assert_eq!((&made["md5"], &made["size_bytes"]), (&json!(known), &json!(bytes.len())));
    assert_eq!(made["summary"]["waypoint_count"], 2);
    let again = fetch(&tower, &url, &known).await.is(200);
    assert_eq!((&again["wayline_id"], files.asked()), (&made["wayline_id"], 1));

    let other = "0cc175b9c0f1b6a831c399e269772661";
    let wrong = fetch(&tower, &url, other).await.is_problem(422, "fingerprint_mismatch");
    assert!(detail(&wrong).contains(&known) && !detail(&wrong).contains("secret"), "{wrong}");
    let at = |path: &str| format!("http://{}{path}", files.address);
    for (path, says) in [
        ("/gone", "404"),
        ("/moved", "302"),
        ("/large", "larger than 20 MiB"),
        ("/broken", "broke off"),
    ] {
        let problem = fetch(&tower, &at(path), other).await.is_problem(502, "url_unreachable");
        assert!(detail(&problem).contains(says), "{path}: {problem}");
    }
    let text = "11a98032b79122dad88724b142c5b753";
    fetch(&tower, &at("/text"), text).await.is_problem(422, "bad_kmz");
    assert_eq!(
        tower.get("/api/v1/waylines").await.is(200)["waylines"].as_array().unwrap().len(),
        2
    );
    let asked = files.asked();
    fetch(&tower, "http://127.0.0.1:1/a.kmz", other).await.is_problem(403, "url_not_allowed");
    fetch(&tower, &url, "none").await.is_problem(422, "bad_input");
    fetch(&tower, "file:///etc/passwd", other).await.is_problem(422, "bad_input");
    assert_eq!(files.asked(), asked, "nobody was asked");
}

#[tokio::test]
async fn without_the_setting_nobody_is_asked_and_the_refusal_names_it() {
    let files = Files::start().await;
    let tower = Tower::start().await;
    let url = format!("http://{}/mission.kmz", files.address);
    let refused = fetch(&tower, &url, "0cc175b9c0f1b6a831c399e269772661").await;
    let problem = refused.is_problem(403, "url_not_allowed");
    assert!(detail(&problem).contains("waylines.url_hosts"), "{problem}");
    assert_eq!(files.asked(), 0);
}
