//! Uploads of photos: an S3 PUT to a signed address, over plain HTTP to an IP and port. It resolves no
//! names and puts no address into an error: it carries a token.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use tokio::net::TcpStream;

use super::fetch::address;
use crate::model::UploadTo;

const TIME_OUT: Duration = Duration::from_secs(60);
const SIGNED_FOR: Duration = Duration::from_secs(300);
const ANSWER_MAX: usize = 64 << 10;

/// Puts a file there.
pub(super) async fn put(to: &UploadTo, file: Bytes) -> Result<(), String> {
    match tokio::time::timeout(TIME_OUT, put_untimed(to, file)).await {
        Ok(result) => result,
        Err(_) => Err("no answer within 60 s".to_owned()),
    }
}

async fn put_untimed(to: &UploadTo, file: Bytes) -> Result<(), String> {
    let endpoint = to.endpoint.parse().map_err(|_| "the endpoint is no address".to_owned())?;
    let bucket = Bucket::new(endpoint, UrlStyle::Path, to.bucket.clone(), to.region.clone());
    let bucket = bucket.map_err(|error| format!("bucket: {error}"))?;
    let credentials = Credentials::new_with_token(
        to.access_key_id.clone(),
        to.access_key_secret.clone(),
        to.security_token.clone(),
    );
    let action = bucket.put_object(Some(&credentials), &to.object_key);
    let url = action.sign(SIGNED_FOR);
    if url.scheme() != "http" {
        return Err("only http:// stores can be reached".to_owned());
    }
    let host = url.host_str().ok_or("an endpoint without host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = TcpStream::connect(address(host, port)?).await;
    let stream = stream.map_err(|error| format!("connect: {error}"))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("http: {error}"))?;
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let request = Request::put(target)
        .header(HOST, authority)
        .header(CONNECTION, "close")
        .header(CONTENT_LENGTH, file.len())
        .body(Full::new(file))
        .map_err(|error| format!("request: {error}"))?;
    let exchange = async {
        let response =
            sender.send_request(request).await.map_err(|error| format!("http: {error}"))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let code = String::from_utf8_lossy(&body);
        let code = code.split("<Code>").nth(1).and_then(|rest| rest.split('<').next());
        Err(format!("status {} {}", status.as_u16(), code.unwrap_or_default()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        result = &mut exchange => result,
        _ = connection => exchange.await,
    }
}
