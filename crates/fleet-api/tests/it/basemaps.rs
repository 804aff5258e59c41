//! The operator's grounds through the tower, from files and from real upstreams over TLS.

use std::{
    convert::Infallible,
    fs::File,
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use fleet_api::{Basemap, BasemapSource, MapFile, Resolve, Roots, Template};
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, pem::PemObject},
    },
};

use super::support::{API_TOKEN, Answer, Tower};

const KEY: &str = "s3cret-key";

fn ground(id: &str, source: BasemapSource) -> Basemap {
    Basemap {
        id: id.to_owned(),
        name: "Ground".to_owned(),
        name_ko: Some("배경".to_owned()),
        attribution: "© Somebody".to_owned(),
        min_zoom: None,
        max_zoom: Some(19),
        bounds: Some([124.0, 33.0, 132.0, 39.0]),
        referer: Some("https://tower.example/".to_owned()),
        source,
    }
}

/// Every name is this machine.
struct Here(u16);

impl Resolve for Here {
    fn resolve(&self, host: String, _port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
        Box::pin(async move {
            if host.starts_with("nowhere") {
                return Err("nobody knows the name".to_owned());
            }
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], self.0))])
        })
    }
}

/// An upstream at `maps.example` over TLS, its port, its authority, and the requests it saw.
async fn upstream() -> (u16, Roots, Arc<Mutex<Vec<String>>>) {
    let made = rcgen::generate_simple_self_signed(vec!["maps.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, log) = (acceptor.clone(), Arc::clone(&log));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| {
                    let answer = respond(&request);
                    log.lock().unwrap().push(request.uri().to_string());
                    async move { Ok::<_, Infallible>(answer) }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (port, Roots::from_pem(made.cert.pem().as_bytes()).unwrap(), seen)
}

fn respond(request: &Request<hyper::body::Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let keyed = request.uri().query() == Some(&format!("key={KEY}"))
        && request.headers()["referer"] == "https://tower.example/"
        && !request.headers().contains_key("authorization");
    let answer = |status: u16, kind: &str, body: Vec<u8>| {
        let answer = Response::builder().status(status).header("content-type", kind);
        answer.header("cache-control", "max-age=86400").body(Full::new(body.into())).unwrap()
    };
    let json = |value: serde_json::Value| answer(200, "application/json", value.to_string().into());
    if !keyed {
        return answer(403, "text/plain", b"no key".to_vec());
    }
    match path {
        "/moved/1/0/0" => Response::builder()
            .status(302)
            .header("location", "http://127.0.0.1:1/")
            .body(Full::default())
            .unwrap(),
        "/page/1/0/0" => answer(200, "text/html", b"<script>".to_vec()),
        "/large/1/0/0" => answer(200, "image/png", vec![0; (8 << 20) + 1]),
        "/style.json" => json(json!({
            "version": 8, "layers": [],
            "sources": {"base": {"type": "vector", "url": format!("tiles.json?key={KEY}")}},
            "glyphs": format!("https://maps.example/fonts/{{fontstack}}/{{range}}.pbf?key={KEY}"),
        })),
        "/tiles.json" => json(json!({
            "tiles": [format!("https://maps.example/v/{{z}}/{{x}}/{{y}}.pbf?key={KEY}")],
        })),
        path if path.ends_with(".pbf") => {
            answer(200, "application/x-protobuf", path.as_bytes().to_vec())
        }
        path => answer(200, "image/png", path.as_bytes().to_vec()),
    }
}

fn tiles(address: &str, overlay: bool) -> BasemapSource {
    let template = Template::tiles(address, address.contains("{key}").then_some(KEY)).unwrap();
    BasemapSource::Tiles { template, overlay }
}

fn says_no_secret(answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body);
    for secret in [KEY, "maps.example/", "127.0.0.1:1"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn tiles_come_through_the_tower_with_its_key_and_are_kept() {
    let (port, roots, seen) = upstream().await;
    let address = |path: &str| format!("https://maps.example/{path}/{{z}}/{{x}}/{{y}}?key={{key}}");
    let maps = vec![
        ground("photo", tiles(&address("photo"), false)),
        ground("ortho", tiles(&address("ortho"), true)),
        ground("wrong-name", tiles("https://other.example/{z}/{x}/{y}?key={key}", false)),
        ground("nowhere", tiles("https://nowhere.example/{z}/{x}/{y}", false)),
        ground("no-key", tiles("https://maps.example/{z}/{x}/{y}", false)),
        ground("moved", tiles(&address("moved"), false)),
        ground("page", tiles(&address("page"), false)),
        ground("large", tiles(&address("large"), false)),
    ];
    let tower = Tower::with_maps(maps, Some((Arc::new(Here(port)), roots))).await;
    let list = tower.get("/api/v1/basemaps").await.is(200);
    let expect = json!({
        "id": "photo", "name": "Ground", "name_ko": "배경", "kind": "raster", "tiles": "picture",
        "url": "/api/v1/basemaps/photo/tiles/{z}/{x}/{y}", "attribution": "© Somebody",
        "min_zoom": null, "max_zoom": 19, "bounds": [124.0, 33.0, 132.0, 39.0],
    });
    assert_eq!((&list["basemaps"][0], &list["basemaps"][1]["kind"]), (&expect, &json!("overlay")));
    assert!(!list.to_string().contains(KEY));

    for _ in 0..3 {
        let tile = tower.get("/api/v1/basemaps/photo/tiles/3/7/2").await;
        assert_eq!((tile.status.as_u16(), &tile.body[..]), (200, &b"/photo/3/7/2"[..]));
        assert_eq!(tile.headers["content-type"], "image/png");
        assert_eq!(tile.headers["cache-control"], "private, max-age=3600");
    }
    assert_eq!(*seen.lock().unwrap(), [format!("/photo/3/7/2?key={KEY}")], "fetched once");

    let refused = async |path: &str, status: u16, code: &str, says: &str| {
        let answer = tower.get(path).await;
        let problem = answer.is_problem(status, code);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        says_no_secret(&answer);
    };
    let upstream = "basemap_upstream";
    refused("/api/v1/basemaps/no-key/tiles/1/0/0", 502, upstream, "403").await;
    refused("/api/v1/basemaps/moved/tiles/1/0/0", 502, upstream, "302").await;
    refused("/api/v1/basemaps/page/tiles/1/0/0", 502, upstream, "text/html").await;
    refused("/api/v1/basemaps/large/tiles/1/0/0", 502, upstream, "larger than 8 MiB").await;
    refused("/api/v1/basemaps/wrong-name/tiles/1/0/0", 502, upstream, "certificate").await;
    refused("/api/v1/basemaps/nowhere/tiles/1/0/0", 502, upstream, "nobody knows").await;
    for path in ["photo/tiles/3/8/0", "photo/file", "photo/style.json", "nothing/tiles/0/0/0"] {
        refused(&format!("/api/v1/basemaps/{path}"), 404, "unknown_basemap", "no such").await;
    }
    tower.get("/api/v1/basemaps/photo/tiles/-1/0/0").await.is_problem(404, "not_found");
    let stranger = tower.raw("GET", "/api/v1/basemaps/photo/tiles/3/7/2", &[], Vec::new()).await;
    stranger.is_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_style_leads_to_the_tower_alone_and_no_further() {
    let (port, roots, _seen) = upstream().await;
    let address = "https://maps.example/style.json?key={key}";
    let template = Template::document(address, Some(KEY)).unwrap();
    let style = || BasemapSource::Style { template: template.clone(), hosts: Vec::new() };
    let way = || Some((Arc::new(Here(port)) as Arc<dyn Resolve>, roots.clone()));
    let tower = Tower::with_maps(vec![ground("street", style())], way()).await;
    let answer = tower.get("/api/v1/basemaps/street/style.json").await;
    says_no_secret(&answer);
    let style_json = answer.is(200);
    let own = format!("http://{}", tower.address);
    let inside =
        |url: &serde_json::Value| url.as_str().unwrap().strip_prefix(&own).unwrap().to_owned();
    let described = tower.get(&inside(&style_json["sources"]["base"]["url"])).await;
    says_no_secret(&described);
    let tile = inside(&described.is(200)["tiles"][0]);
    let tile = tile.replace("{z}", "2").replace("{x}", "1").replace("{y}", "3");
    assert_eq!(tower.get(&tile).await.body, "/v/2/1/3.pbf");
    let glyphs = inside(&style_json["glyphs"]);
    let glyphs = glyphs.replace("{fontstack}", "Noto%20Sans").replace("{range}", "0-255");
    assert_eq!(tower.get(&glyphs).await.body, "/fonts/Noto%20Sans/0-255.pbf");
    let other = tile.replace("2-1-3", "2-1-4");
    tower.get(&other).await.is_problem(404, "unknown_basemap");
    let guessed = "/api/v1/basemaps/street/linked/0000000000000000/all";
    tower.get(guessed).await.is_problem(404, "unknown_basemap");
    // A tower that was started anew still knows what the browser holds of the style.
    let anew = Tower::with_maps(vec![ground("street", style())], way()).await;
    assert_eq!(anew.get(&glyphs).await.body, "/fonts/Noto%20Sans/0-255.pbf");
}

#[tokio::test]
async fn an_upstream_whose_authority_is_unknown_is_not_believed() {
    let (port, _roots, seen) = upstream().await;
    let map = ground("photo", tiles("https://maps.example/{z}/{x}/{y}?key={key}", false));
    let way: (Arc<dyn Resolve>, Roots) = (Arc::new(Here(port)), Roots::none());
    let tower = Tower::with_maps(vec![map], Some(way)).await;
    let answer = tower.get("/api/v1/basemaps/photo/tiles/1/0/0").await;
    answer.is_problem(502, "basemap_upstream");
    says_no_secret(&answer);
    assert_eq!(*seen.lock().unwrap(), [""; 0], "the key was not sent");
}

#[tokio::test]
async fn a_map_file_is_read_by_ranges() {
    let path = std::env::temp_dir().join(format!("gwanje-map-{}.pmtiles", std::process::id()));
    // An archive of vector tiles, zoom 6 to 11, that does not say where.
    let mut content = b"PMTiles\x03".to_vec();
    content.resize(127, 0);
    content[99..102].copy_from_slice(&[1, 6, 11]);
    content.extend((0..300_000_u32).map(|n| u8::try_from(n % 253).unwrap()));
    File::create(&path).unwrap().write_all(&content).unwrap();
    let file = MapFile::new(File::open(&path).unwrap()).unwrap();
    let tower = Tower::with_maps(vec![ground("city", BasemapSource::File(file))], None).await;
    let list = tower.get("/api/v1/basemaps").await.is(200);
    let listed = &list["basemaps"][0];
    assert_eq!((&listed["kind"], &listed["tiles"]), (&json!("pmtiles"), &json!("vector")));
    // The archive's own smallest zoom, the configuration's largest.
    assert_eq!((&listed["min_zoom"], &listed["max_zoom"]), (&json!(6), &json!(19)));
    let url = list["basemaps"][0]["url"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {API_TOKEN}");
    let range = async |range: &str| {
        let headers = [("authorization", bearer.as_str()), ("range", range)];
        tower.raw("GET", &url, &headers, Vec::new()).await
    };
    let part = range("bytes=100-200099").await;
    assert_eq!(part.status.as_u16(), 206);
    assert_eq!(part.headers["content-range"], format!("bytes 100-200099/{}", content.len()));
    assert!(part.body == content[100..200_100]);
    let whole = tower.get(&url).await;
    assert_eq!(
        (whole.status.as_u16(), &whole.headers["accept-ranges"]),
        (200, &"bytes".parse().unwrap())
    );
    assert!(whole.body == content);
    let beyond = range("bytes=999999-").await;
    beyond.is_problem(416, "range_outside");
    assert_eq!(beyond.headers["content-range"], format!("bytes */{}", content.len()));
    tower.get("/api/v1/basemaps/city/tiles/0/0/0").await.is_problem(404, "unknown_basemap");
    std::fs::remove_file(&path).unwrap();
}
