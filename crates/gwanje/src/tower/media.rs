//! Media for the API: the record from the database, the bytes from the object store, small pictures
//! from processes of their own.
//!
//! The tower holds no file in memory but one that a small picture is made of, one at a time. Small
//! pictures are kept in the store beside the docks' folders.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use fleet_api::media::{FlightMedia, Media, MediaAsk, MediaBody, MediaError, MediaFile};
use fleet_objects::{BUCKET, Holder, MasterKey, REGION};
use fleet_store::{
    Database,
    read::{self, MediaPage, StoredMedia},
};
use fleet_types::MissionId;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::Command,
    sync::Semaphore,
    time::timeout,
};
use uuid::Uuid;

use crate::{
    config::{Config, ObjectsMode},
    objects,
    thumbnail::INPUT_MAX,
    tower::clock,
};

/// A name that only signatures see: the store is reached through its socket.
const HOST: &str = "objects.local";
const SIGNED_FOR: Duration = Duration::from_secs(60);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const PICTURE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of a small picture at the most.
const SMALL_MAX: u64 = 512 << 10;
/// Folder of the small pictures; no serial number has a dot.
const SMALL: &str = ".thumbnails";
/// Whoever waits longer for the one who makes small pictures asks again.
const WAITING_MAX: usize = 32;

/// Media on record and in the store.
pub struct StoredFiles {
    database: Database,
    master: MasterKey,
    socket: PathBuf,
    bucket: Bucket,
    /// One small picture at a time: decoding takes a processor.
    turn: Semaphore,
    waiting: Semaphore,
}

impl StoredFiles {
    /// Nothing where nobody keeps media.
    ///
    /// # Errors
    /// When the store's key can neither be read nor made.
    pub fn open(config: &Config, database: Database) -> anyhow::Result<Option<Arc<dyn Media>>> {
        if config.objects.mode == ObjectsMode::None {
            return Ok(None);
        }
        let endpoint = format!("http://{HOST}").parse()?;
        Ok(Some(Arc::new(Self {
            database,
            master: objects::master_key(config)?,
            socket: config.objects_socket(),
            bucket: Bucket::new(endpoint, UrlStyle::Path, BUCKET, REGION)?,
            turn: Semaphore::new(1),
            waiting: Semaphore::new(WAITING_MAX),
        })))
    }

    async fn ask(
        &self,
        method: Method,
        key: &str,
        range: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Incoming>, MediaError> {
        let away = |error: &dyn std::fmt::Display| MediaError::Away(format!("the store: {error}"));
        let now_s = u64::try_from(clock::now().wall.0 / 1000).unwrap_or_default();
        let issued = self.master.issue(&Holder::Tower, now_s + 300).map_err(|e| away(&e))?;
        let (id, secret) = (issued.access_key_id, issued.secret_access_key);
        let credentials = Credentials::new_with_token(id, secret, issued.session_token);
        let url = if method == Method::PUT {
            self.bucket.put_object(Some(&credentials), key).sign(SIGNED_FOR)
        } else {
            self.bucket.get_object(Some(&credentials), key).sign(SIGNED_FOR)
        };
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(target).header(header::HOST, HOST);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let request = request.body(Full::new(body)).map_err(|error| away(&error))?;
        let exchange = async {
            let stream = UnixStream::connect(&self.socket).await.map_err(|e| away(&e))?;
            let handshake = http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = handshake.map_err(|e| away(&e))?;
            // It ends with the answer's body, or with whoever drops it.
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(|e| away(&e))
        };
        let answer = timeout(ANSWER_WITHIN, exchange).await;
        let answer = answer.map_err(|_| MediaError::Away("the store does not answer".into()))??;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(answer),
            StatusCode::NOT_FOUND => Err(MediaError::Gone),
            StatusCode::RANGE_NOT_SATISFIABLE => Err(MediaError::Range),
            other => Err(MediaError::Away(format!("the store answers {other}"))),
        }
    }

    async fn whole(&self, key: &str, most: u64) -> Result<Bytes, MediaError> {
        let answer = self.ask(Method::GET, key, None, Bytes::new()).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let body = Limited::new(answer.into_body(), most).collect();
        match timeout(PICTURE_WITHIN, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(MediaError::NoPicture(error.to_string())),
            Err(_) => Err(MediaError::Away("the store is slow".into())),
        }
    }

    async fn make_small(&self, file: &MediaFile) -> Result<Bytes, MediaError> {
        if file.kind != "photo" {
            return Err(MediaError::NoPicture("it is no photo".into()));
        }
        let small = format!("{SMALL}/{}.jpg", file.media_id);
        match self.whole(&small, SMALL_MAX).await {
            Err(MediaError::Gone) => {}
            known => return known,
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(MediaError::Away("many small pictures are being made".into()));
        };
        let _turn = self.turn.acquire().await;
        // Whoever had the turn before may have made it.
        match self.whole(&small, SMALL_MAX).await {
            Err(MediaError::Gone) => {}
            known => return known,
        }
        let picture = self.whole(&file.object_key, INPUT_MAX).await?;
        let made = timeout(PICTURE_WITHIN, shrunk(picture)).await;
        let made = made.map_err(|_| MediaError::NoPicture("it takes too long".into()))?;
        let made = made.map_err(|error| MediaError::NoPicture(error.to_string()))?;
        // One that could not be kept is made again.
        if let Err(error) = self.ask(Method::PUT, &small, None, made.clone()).await {
            tracing::debug!(%error, "a small picture was not kept");
        }
        Ok(made)
    }
}

/// A process for one picture.
async fn shrunk(picture: Bytes) -> std::io::Result<Bytes> {
    let other = std::io::Error::other;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("thumbnail").arg("--parent").arg(std::process::id().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(other("it has no pipes"));
    };
    let give = async {
        // It may have seen enough before the end.
        let _ = input.write_all(&picture).await;
        drop(input);
    };
    let mut small = Vec::new();
    let mut output = output.take(SMALL_MAX);
    let ((), read) = tokio::join!(give, output.read_to_end(&mut small));
    read?;
    let ended = child.wait().await?;
    if ended.success() && !small.is_empty() {
        Ok(small.into())
    } else {
        Err(other("it is no JPEG"))
    }
}

impl Media for StoredFiles {
    fn page(
        &self,
        person: Option<Uuid>,
        ask: MediaAsk,
    ) -> BoxFuture<'_, Result<Vec<MediaFile>, String>> {
        let MediaAsk { sn, mission_id, before, limit } = ask;
        Box::pin(async move {
            let page = MediaPage { sn, mission_id, before, limit };
            let found = read::media(&self.database, person, &page).await;
            Ok(found.map_err(|error| error.to_string())?.into_iter().map(shown).collect())
        })
    }

    fn counts(
        &self,
        person: Option<Uuid>,
        missions: Vec<MissionId>,
    ) -> BoxFuture<'_, Result<Vec<FlightMedia>, String>> {
        Box::pin(async move {
            if missions.is_empty() {
                return Ok(vec![]);
            }
            let counts = read::media_counts(&self.database, person, &missions).await;
            let counts = counts.map_err(|error| error.to_string())?.into_iter();
            Ok(counts
                .map(|count| FlightMedia {
                    mission_id: count.mission_id,
                    sn: count.sn,
                    arrived: u64::try_from(count.arrived).unwrap_or_default(),
                    expected: count.expected.and_then(|expected| expected.try_into().ok()),
                })
                .collect())
        })
    }

    fn file(
        &self,
        person: Option<Uuid>,
        id: Uuid,
    ) -> BoxFuture<'_, Result<Option<MediaFile>, String>> {
        Box::pin(async move {
            let found = read::media_file(&self.database, person, id).await;
            Ok(found.map_err(|error| error.to_string())?.map(shown))
        })
    }

    fn open(
        &self,
        file: MediaFile,
        range: Option<String>,
    ) -> BoxFuture<'_, Result<MediaBody, MediaError>> {
        Box::pin(async move {
            let key = &file.object_key;
            let answer = self.ask(Method::GET, key, range.as_deref(), Bytes::new()).await?;
            let (parts, body) = answer.into_parts();
            let mut headers = HeaderMap::new();
            for name in [
                header::CONTENT_LENGTH,
                header::CONTENT_RANGE,
                header::CONTENT_TYPE,
                header::ACCEPT_RANGES,
                header::ETAG,
            ] {
                if let Some(value) = parts.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
            Ok(MediaBody { status: parts.status, headers, body: Body::new(body) })
        })
    }

    fn thumbnail(&self, file: MediaFile) -> BoxFuture<'_, Result<Bytes, MediaError>> {
        Box::pin(async move { self.make_small(&file).await })
    }
}

fn shown(file: StoredMedia) -> MediaFile {
    MediaFile {
        media_id: file.media_id,
        sn: file.sn,
        mission_id: file.mission_id,
        name: file.name,
        kind: file.kind,
        taken_ms: file.taken_ms,
        stored_ms: file.stored_ms,
        latitude: file.latitude,
        longitude: file.longitude,
        object_key: file.object_key,
    }
}
