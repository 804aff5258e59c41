//! WebSocket clients of the tower, as consoles are: the whole fleet in view. They note when a dock's
//! change of mode reaches them; one more asks how many reports of each device were taken in.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::fleet::now_us;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(api: std::net::SocketAddr, token: &str, protocol: &str) -> Socket {
    let mut request = format!("ws://{api}/api/v1/stream").into_client_request().unwrap();
    let protocols = format!("{protocol}, bearer.{token}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// What one client saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Status of docks: serial number, whether debugging, when.
    pub(crate) statuses: Vec<(String, bool, u64)>,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) ended: bool,
}

/// A client that sees everything, until its task is aborted.
pub(crate) async fn client(api: std::net::SocketAddr, token: String, seen: Rc<RefCell<Seen>>) {
    let mut socket = open(api, &token, "gwanje.v2").await;
    socket.send(Message::text(json!({"type": "view"}).to_string())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let at = now_us();
        let mut seen = seen.borrow_mut();
        seen.frames += 1;
        seen.bytes += message.len() as u64;
        let Message::Text(text) = message else { continue };
        if !text.starts_with("{\"type\":\"device\"") {
            continue;
        }
        let frame: Value = serde_json::from_str(&text).unwrap();
        let device = &frame["device"];
        let is_debugging = device["activity"] == "remote_debugging";
        seen.statuses.push((device["sn"].as_str().unwrap().to_owned(), is_debugging, at));
    }
    seen.borrow_mut().ended = true;
}

/// Reports of each device that the tower took in, by the old protocol's first frame.
pub(crate) async fn report_counts(api: std::net::SocketAddr, token: &str) -> BTreeMap<String, u64> {
    let mut socket = open(api, token, "gwanje.v1").await;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if !text.starts_with("{\"type\":\"snapshot\"") {
            continue;
        }
        let frame: Value = serde_json::from_str(&text).unwrap();
        let count =
            |item: &Value| Some((item["sn"].as_str()?.to_owned(), item["report_count"].as_u64()?));
        return frame["osd"].as_array().unwrap().iter().filter_map(count).collect();
    }
    panic!("no snapshot came");
}
