//! Listeners: TLS, the local socket, peers that dawdle, and the end.

use std::{
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::{Duration, Instant},
};

use fleet_api::{Listener, Tls, TlsError, bind_unix};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use super::support::{API_TOKEN, Tower, build, send};

fn bearer() -> String {
    format!("Bearer {API_TOKEN}")
}

#[tokio::test]
async fn the_api_speaks_tls_with_the_configured_certificate() {
    let made = rcgen::generate_simple_self_signed(vec!["tower.example".to_owned()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    assert!(matches!(Tls::from_pem(b"", key.as_bytes()), Err(TlsError::NoCertificate)));
    assert!(matches!(Tls::from_pem(pem.as_bytes(), b"x"), Err(TlsError::Key(_))));
    let tls = Tls::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (api, _bus, _tokens) = build("https://tower.example", |_| {});
    tokio::spawn(async move { api.serve(Listener::Tls(listener, tls)).await });

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("tower.example").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    let bearer = bearer();
    let headers = [("authorization", bearer.as_str()), ("origin", "https://tower.example")];
    let answer =
        send(stream, "tower.example", "GET", "/api/v1/devices", &headers, Vec::new()).await;
    answer.is(200);
}

#[tokio::test]
async fn the_local_socket_is_for_this_user_and_still_asks_for_the_token() {
    let path = std::env::temp_dir().join(format!("gwanje-api-{}.sock", std::process::id()));
    let listener = bind_unix(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bind_unix(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let (api, _bus, _tokens) = build("http://127.0.0.1:8080", |_| {});
    let serving = tokio::spawn({
        let api = api.clone();
        async move { api.serve(Listener::Unix(listener)).await }
    });
    let call = async |headers: &[(&str, &str)]| {
        let stream = UnixStream::connect(&path).await.unwrap();
        send(stream, "localhost", "GET", "/api/v1/devices", headers, Vec::new()).await
    };
    call(&[]).await.is_problem(401, "unauthorized");
    call(&[("authorization", &bearer())]).await.is(200);
    api.shutdown();
    serving.await.unwrap();
    // What a dead process left behind is replaced.
    drop(bind_unix(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_peer_that_never_finishes_its_request_is_hung_up_on() {
    let tower = Tower::start_with(|c| c.limits.header_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(tower.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").await.unwrap();
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await.expect("still connected");
}

#[tokio::test]
async fn a_body_that_never_ends_is_timed_out() {
    let tower = Tower::start_with(|c| c.limits.request_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(tower.address).await.unwrap();
    let head = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let tower = Tower::start().await;
    let mut stream = TcpStream::connect(tower.address).await.unwrap();
    let head =
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 431");
}

#[tokio::test]
async fn beyond_the_limit_of_connections_peers_wait_and_are_served_later() {
    let tower = Tower::start_with(|c| c.limits.connections = 1).await;
    let holding = TcpStream::connect(tower.address).await.unwrap();
    let waiting = tower.get("/api/v1/devices");
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(early.is_err(), "served beyond the limit");
    drop(holding);
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().is(200);
}

#[tokio::test]
async fn shutdown_ends_idle_connections_at_once() {
    let tower = Tower::start().await;
    let _idle = TcpStream::connect(tower.address).await.unwrap();
    tower.get("/api/v1/devices").await.is(200);
    let begun = Instant::now();
    tower.api.shutdown();
    tower.serving.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(TcpStream::connect(tower.address).await.is_err());
}
