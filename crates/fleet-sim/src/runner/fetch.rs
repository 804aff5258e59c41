//! Downloads of wayline files: plain HTTP/1.1 GET to an IP and port, bounded in size and time. It
//! resolves no names, follows no redirects and never puts a URL into an error, because URLs carry
//! tokens. Read next: `dock`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, StatusCode, Uri, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const MAX_BYTES: usize = 64 << 20;
const TIME_OUT: Duration = Duration::from_secs(30);

/// The body of a 200 answer, or why there is none.
pub(super) async fn get(url: &str) -> Result<Bytes, String> {
    match tokio::time::timeout(TIME_OUT, get_untimed(url)).await {
        Ok(result) => result,
        Err(_) => Err("no file within 30 s".to_owned()),
    }
}

async fn get_untimed(url: &str) -> Result<Bytes, String> {
    let uri: Uri = url.parse().map_err(|_| "not a URL".to_owned())?;
    if uri.scheme_str() != Some("http") {
        return Err("only http:// addresses can be fetched".to_owned());
    }
    let authority = uri.authority().ok_or("URL without host")?;
    let address = address(authority.host(), authority.port_u16().unwrap_or(80))?;
    let stream = TcpStream::connect(address).await.map_err(|error| format!("connect: {error}"))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("http: {error}"))?;
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(target)
        .header(HOST, authority.as_str())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("request: {error}"))?;
    let exchange = async {
        let response =
            sender.send_request(request).await.map_err(|error| format!("http: {error}"))?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES);
        let collected = body.collect().await.map_err(|error| format!("body: {error}"))?;
        Ok(collected.to_bytes())
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        result = &mut exchange => result,
        // The connection may end before the body is taken from it.
        _ = connection => exchange.await,
    }
}

pub(super) fn address(host: &str, port: u16) -> Result<SocketAddr, String> {
    if host == "localhost" {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = bare.parse().map_err(|_| "the host must be an IP address".to_owned())?;
    Ok(SocketAddr::new(ip, port))
}
