//! Who may call the running program: nobody without a token, no foreign page.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use super::{
    docks::Docks,
    http::Answer,
    proc,
    site::{Load, Site, run},
};

async fn stream(
    site: &Site,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, u16> {
    let url = format!("ws://{}/api/v1/stream", site.api);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let tcp = TcpStream::connect(site.api).await.unwrap();
    match client_async(request, tcp).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "gwanje.v1");
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next frame of this type; others are passed over.
async fn next(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> Value {
    loop {
        let message = socket.next().await.expect("the stream goes on").unwrap();
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame["type"] == kind {
            return frame;
        }
    }
}

async fn sign_in(site: &Site, code: &str) -> Answer {
    let body = json!({ "code": code }).to_string();
    site.raw("POST", "/api/v1/session", &[("content-type", "application/json")], body).await
}

#[test]
fn strangers_learn_nothing() {
    run(Load::Light, async {
        let site = Site::start().await;
        site.raw("GET", "/healthz", &[], "").await.is(200);
        let wrong = format!("Bearer {}x", site.token);
        for path in ["/api/v1/devices", "/api/v1/system", "/readyz", "/metrics", "/api/v1/stream"] {
            site.raw("GET", path, &[], "").await.is_problem(401, "unauthorized");
            let headers = [("authorization", wrong.as_str())];
            site.raw("GET", path, &headers, "").await.is_problem(401, "unauthorized");
        }
        let right = format!("Bearer {}", site.token);
        let ask = async |name: &str, value: &str| {
            let headers = [("authorization", right.as_str()), (name, value)];
            site.raw("GET", "/api/v1/devices", &headers, "").await
        };
        ask("origin", "https://evil.example").await.is_problem(403, "foreign_origin");
        ask("host", "evil.example").await.is_problem(421, "unknown_host");
        ask("origin", &format!("http://{}", site.api)).await.is(200);
        // The token is in no log, and its file is its owner's alone.
        assert!(!site.log().contains(&site.token));
        let file = std::fs::metadata(site.data_dir().join("api-token")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
    });
}

#[test]
fn the_stream_needs_a_token_and_then_tells() {
    run(Load::Light, async {
        let site = Site::start().await;
        let offer = |token: &str| format!("gwanje.v1, bearer.{token}");
        let (good, bad) = (offer(&site.token), offer("0123456789abcdef0123456789abcdef"));
        const PROTOCOL: &str = "sec-websocket-protocol";
        assert_eq!(stream(&site, &[]).await.err(), Some(401));
        assert_eq!(stream(&site, &[(PROTOCOL, "gwanje.v1")]).await.err(), Some(401));
        assert_eq!(stream(&site, &[(PROTOCOL, bad.as_str())]).await.err(), Some(401));
        let foreign = [(PROTOCOL, good.as_str()), ("origin", "https://evil.example")];
        assert_eq!(stream(&site, &foreign).await.err(), Some(403));

        let mut socket = stream(&site, &[(PROTOCOL, good.as_str())]).await.unwrap();
        assert_eq!(next(&mut socket, "hello").await["who"], "token:api");
        assert_eq!(next(&mut socket, "snapshot").await["devices"], json!([]));
        let docks = Docks::start(&site, 1, "").await;
        let sn = docks.sn(0);
        while next(&mut socket, "device").await["device"]["connection"] != "online" {}
        let osd = next(&mut socket, "osd").await;
        assert!(!osd["items"].as_array().unwrap().is_empty(), "{osd}");
        docks.until_online(&site).await;
        let taken = site.command(sn, "debug_mode_open", "k").await.is(202);
        loop {
            let frame = next(&mut socket, "command").await;
            assert_eq!(frame["command"]["command_id"], taken["command_id"]);
            if frame["command"]["state"] == "succeeded" {
                break;
            }
        }
    });
}

#[test]
fn the_printed_sign_in_link_works_once() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let code = site.signin_code();
        sign_in(&site, "not-the-code-at-all").await.is_problem(401, "unauthorized");
        let session = sign_in(&site, &code).await.is(200);
        sign_in(&site, &code).await.is_problem(401, "unauthorized");
        let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        site.raw("GET", "/api/v1/devices", &headers, "").await.is(200);
        let out = site.raw("DELETE", "/api/v1/session", &headers, "").await;
        assert_eq!(out.status, 204, "{}", out.text());
        site.raw("GET", "/api/v1/devices", &headers, "").await.is_problem(401, "unauthorized");
        // Neither code nor token is where other users of the machine could read them.
        assert!(!site.log().contains(&code));
        for pid in [site.supervisor(), site.tower().unwrap()] {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(!line.contains(&code) && !line.contains(&site.token), "{line}");
            assert_eq!(proc::threads(pid), 1);
        }
    });
}
