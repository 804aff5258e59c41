//! Uploaded wayline files, and the short-lived addresses under which docks fetch them.
//!
//! In memory, and with a [`WaylineKeeper`] where a restart does not reach them; bounded by count and bytes: the oldest file that no mission under way uses gives
//! way; when all are in use the upload is refused. An address is a credential: HMAC-SHA256 over id
//! and expiry, under a key of this process, never logged. Read next: [`crate::routes`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use fleet_types::{WallMs, id::WaylineId, plan::FlightBox};
use futures_util::future::BoxFuture;
use md5::{Digest, Md5};
use ring::hmac;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{NoRandom, hex},
    clock::now_ms,
    config::ApiConfig,
};

/// Largest KMZ accepted.
pub(crate) const MAX_FILE_BYTES: usize = 20 << 20;

/// What a wayline file holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaylineSummary {
    /// Waypoints of all waylines.
    pub waypoint_count: u32,
    /// Metres along the waylines.
    pub length_m: f64,
    /// Seconds to fly them, without take-off and return.
    pub duration_s: f64,
    /// Whether the file says that its wayline is left when the link is lost.
    pub exits_wayline_when_link_lost: bool,
    /// Where it flies; heights are of use only where the file counts them from take-off.
    pub flight_box: Option<FlightBox>,
}

/// An uploaded wayline file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wayline {
    /// Identity.
    pub wayline_id: WaylineId,
    /// Name given by people.
    pub name: String,
    /// Size of the KMZ.
    pub size_bytes: u64,
    /// MD5 of the KMZ, lower-case hexadecimal.
    pub md5: String,
    /// What it holds.
    pub summary: WaylineSummary,
    /// When it was uploaded.
    pub uploaded_ms: WallMs,
}

/// Why a signed address does not open its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("the signature of this address is wrong")]
    Forged,
    #[error("this address has expired; a fresh one is made when the dock asks again")]
    Expired,
}

/// A file could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all wayline files kept are used by missions under way; upload again when one has ended")]
pub(crate) struct StoreFull;

/// Keeps files over a restart of the process.
pub trait WaylineKeeper: Send + Sync {
    /// Keeps a file; those that gave way to it need not be kept any more. The error is why not, in
    /// words.
    fn keep(
        &self,
        wayline: Arc<Wayline>,
        file: Bytes,
        uploaded_by: String,
        gone: Vec<WaylineId>,
    ) -> BoxFuture<'_, Result<(), String>>;
}

/// What a dock needs to fetch a file.
#[derive(Clone, PartialEq, Eq)]
pub struct WaylineResource {
    /// Short-lived address; a credential, never logged.
    pub url: String,
    /// MD5 of the file, lower-case hexadecimal.
    pub md5: String,
}

impl fmt::Debug for WaylineResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaylineResource").field("md5", &self.md5).finish_non_exhaustive()
    }
}

struct Stored {
    seq: u64,
    wayline: Arc<Wayline>,
    bytes: Bytes,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<WaylineId, Stored>,
    next_seq: u64,
    total_bytes: usize,
}

pub(crate) struct WaylineStore {
    key: hmac::Key,
    /// Another process serves the files, and has this key too: an address may be made of a file that
    /// only it has.
    is_shared: bool,
    base: String,
    life: Duration,
    max_files: usize,
    max_bytes: usize,
    inner: Mutex<Inner>,
    keeper: OnceLock<Arc<dyn WaylineKeeper>>,
}

impl WaylineStore {
    pub(crate) fn new(
        base: &str,
        life: Duration,
        max_files: usize,
        max_bytes: usize,
    ) -> Result<Self, NoRandom> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            is_shared: false,
            base: base.trim_end_matches('/').to_owned(),
            life,
            max_files,
            max_bytes,
            inner: Mutex::default(),
            keeper: OnceLock::new(),
        })
    }

    /// Keeps a checked file, here and where a restart does not reach it. Without the latter it is
    /// not kept at all: who has an answer relies on it. The error says why, in words.
    pub(crate) async fn keep(
        &self,
        wayline: Arc<Wayline>,
        gone: Vec<WaylineId>,
        uploaded_by: String,
    ) -> Result<(), String> {
        let Some(keeper) = self.keeper.get() else { return Ok(()) };
        let Some(bytes) = self.bytes(wayline.wayline_id) else { return Ok(()) };
        let id = wayline.wayline_id;
        let kept = keeper.keep(wayline, bytes, uploaded_by, gone).await;
        if kept.is_err() {
            let mut inner = self.inner();
            if let Some(stored) = inner.files.remove(&id) {
                inner.total_bytes -= stored.bytes.len();
            }
        }
        kept
    }

    /// Takes up files of the process before this one, oldest first.
    fn restore(&self, kept: Vec<(Wayline, Bytes)>) {
        let mut inner = self.inner();
        for (wayline, bytes) in kept {
            let fits = inner.files.len() < self.max_files
                && inner.total_bytes + bytes.len() <= self.max_bytes;
            if !fits || inner.files.contains_key(&wayline.wayline_id) {
                continue;
            }
            inner.total_bytes += bytes.len();
            inner.next_seq += 1;
            let (seq, id) = (inner.next_seq, wayline.wayline_id);
            inner.files.insert(id, Stored { seq, wayline: Arc::new(wayline), bytes });
        }
    }

    /// Takes a checked file in, and says which gave way. `in_use` are the files of missions under
    /// way.
    pub(crate) fn put(
        &self,
        name: &str,
        bytes: Bytes,
        summary: WaylineSummary,
        in_use: &BTreeSet<WaylineId>,
    ) -> Result<(Arc<Wayline>, Vec<WaylineId>), StoreFull> {
        let wayline = Arc::new(Wayline {
            wayline_id: WaylineId(Uuid::now_v7()),
            name: name.to_owned(),
            size_bytes: bytes.len() as u64,
            md5: md5_of(&bytes),
            summary,
            uploaded_ms: now_ms(),
        });
        let mut gave_way = Vec::new();
        let mut inner = self.inner();
        while inner.files.len() >= self.max_files
            || inner.total_bytes + bytes.len() > self.max_bytes
        {
            let free = inner.files.values().filter(|s| !in_use.contains(&s.wayline.wayline_id));
            let oldest = free.min_by_key(|stored| stored.seq).map(|s| s.wayline.wayline_id);
            let gone = oldest.and_then(|id| inner.files.remove(&id)).ok_or(StoreFull)?;
            inner.total_bytes -= gone.bytes.len();
            gave_way.push(gone.wayline.wayline_id);
            tracing::info!(wayline_id = %gone.wayline.wayline_id, "the oldest wayline file gave way");
        }
        inner.total_bytes += bytes.len();
        inner.next_seq += 1;
        let seq = inner.next_seq;
        let id = wayline.wayline_id;
        inner.files.insert(id, Stored { seq, wayline: Arc::clone(&wayline), bytes });
        Ok((wayline, gave_way))
    }

    /// Newest first.
    pub(crate) fn list(&self) -> Vec<Arc<Wayline>> {
        let inner = self.inner();
        let mut list: Vec<_> =
            inner.files.values().map(|stored| (stored.seq, Arc::clone(&stored.wayline))).collect();
        list.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        list.into_iter().map(|(_, wayline)| wayline).collect()
    }

    /// The newest file of this name with these bytes.
    pub(crate) fn find(&self, name: &str, md5: &str) -> Option<Arc<Wayline>> {
        self.list().into_iter().find(|wayline| wayline.name == name && wayline.md5 == md5)
    }

    pub(crate) fn get(&self, id: WaylineId) -> Option<Arc<Wayline>> {
        self.inner().files.get(&id).map(|stored| Arc::clone(&stored.wayline))
    }

    pub(crate) fn bytes(&self, id: WaylineId) -> Option<Bytes> {
        self.inner().files.get(&id).map(|stored| stored.bytes.clone())
    }

    pub(crate) fn total_bytes(&self) -> usize {
        self.inner().total_bytes
    }

    /// A fresh address for a file that is kept.
    pub(crate) fn mint(&self, id: WaylineId) -> Option<WaylineResource> {
        let md5 = self.get(id)?.md5.clone();
        Some(WaylineResource { url: self.sign(id), md5 })
    }

    /// A fresh address, whether or not the file is kept.
    fn sign(&self, id: WaylineId) -> String {
        let life_ms = i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX);
        let expires = now_ms().0.saturating_add(life_ms);
        let sig = hex(hmac::sign(&self.key, signed_text(id, expires).as_bytes()).as_ref());
        format!("{}/api/v1/waylines/{id}/file?expires={expires}&sig={sig}", self.base)
    }

    /// Whether an address was made by [`WaylineStore::mint`] and still works. A forged one is
    /// called forged even when it also claims to have expired.
    pub(crate) fn verify(
        &self,
        id: WaylineId,
        expires_ms: i64,
        sig: &str,
        now: WallMs,
    ) -> Result<(), UrlError> {
        let sig = unhex(sig).ok_or(UrlError::Forged)?;
        hmac::verify(&self.key, signed_text(id, expires_ms).as_bytes(), &sig)
            .map_err(|_| UrlError::Forged)?;
        if now.0 >= expires_ms { Err(UrlError::Expired) } else { Ok(()) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fingerprint of a file, lower-case hexadecimal.
pub(crate) fn md5_of(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn signed_text(id: WaylineId, expires_ms: i64) -> String {
    format!("wayline|{id}|{expires_ms}")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..32).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}

/// The wayline files and their addresses. Made before the API, which keeps files in it; whoever
/// answers a dock that asks again (`flighttask_resource_get`) takes fresh addresses from it. Cheap,
/// never waits; clones share the files.
#[derive(Clone)]
pub struct Waylines(pub(crate) Arc<WaylineStore>);

impl Waylines {
    /// An empty store whose addresses begin with the configured public one.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives no random numbers for the key of the addresses.
    pub fn new(config: &ApiConfig) -> Result<Self, NoRandom> {
        let limits = &config.limits;
        let store = WaylineStore::new(
            &config.public_url,
            config.wayline_url_life,
            limits.waylines,
            limits.wayline_bytes,
        )?;
        Ok(Self(Arc::new(store)))
    }

    /// See [`Waylines::new`]; the key of the addresses is one that other processes of the tower have,
    /// so that one makes addresses of files that another serves.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn sharing(config: &ApiConfig, secret: &[u8; 32]) -> Result<Self, NoRandom> {
        let limits = &config.limits;
        let (base, life) = (&config.public_url, config.wayline_url_life);
        let mut store = WaylineStore::new(base, life, limits.waylines, limits.wayline_bytes)?;
        store.key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        store.is_shared = true;
        Ok(Self(Arc::new(store)))
    }

    /// Files outlive the process from here on. The first keeper counts.
    pub fn kept_by(&self, keeper: Arc<dyn WaylineKeeper>) {
        let _ = self.0.keeper.set(keeper);
    }

    /// Takes up what the process before this one kept, oldest first. What does not fit, or is there
    /// already, is left out.
    pub fn restore(&self, kept: Vec<(Wayline, Bytes)>) {
        self.0.restore(kept);
    }

    /// Files and bytes that are kept at the most.
    #[must_use]
    pub fn limits(&self) -> (usize, usize) {
        (self.0.max_files, self.0.max_bytes)
    }

    /// What is known of a file, or `None` when it is not kept (any more).
    #[must_use]
    pub fn wayline(&self, wayline_id: WaylineId) -> Option<Arc<Wayline>> {
        self.0.get(wayline_id)
    }

    /// A fresh address, or `None` when the file is not kept (any more).
    #[must_use]
    pub fn mint_url(&self, wayline_id: WaylineId) -> Option<String> {
        let kept = self.resource(wayline_id).map(|resource| resource.url);
        kept.or_else(|| self.0.is_shared.then(|| self.0.sign(wayline_id)))
    }

    /// A fresh address with the file's MD5, or `None` when the file is not kept (any more).
    #[must_use]
    pub fn resource(&self, wayline_id: WaylineId) -> Option<WaylineResource> {
        self.0.mint(wayline_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: WaylineSummary = WaylineSummary {
        waypoint_count: 2,
        length_m: 1.0,
        duration_s: 1.0,
        exits_wayline_when_link_lost: false,
        flight_box: None,
    };

    fn store(files: usize, bytes: usize) -> WaylineStore {
        WaylineStore::new("http://h:1/", Duration::from_mins(1), files, bytes).unwrap()
    }

    fn put(
        store: &WaylineStore,
        len: usize,
        in_use: &BTreeSet<WaylineId>,
    ) -> Result<WaylineId, StoreFull> {
        let put = store.put("n", vec![0; len].into(), SUMMARY, in_use);
        put.map(|(wayline, _)| wayline.wayline_id)
    }

    #[test]
    fn the_oldest_unused_file_gives_way() {
        let store = store(2, 100);
        let nothing = BTreeSet::new();
        let first = put(&store, 40, &nothing).unwrap();
        let second = put(&store, 40, &nothing).unwrap();
        let third = put(&store, 40, &BTreeSet::from([first])).unwrap();
        assert!(store.get(first).is_some() && store.get(second).is_none());
        assert_eq!(store.total_bytes(), 80);
        let used = BTreeSet::from([first, third]);
        assert_eq!(put(&store, 1, &used), Err(StoreFull));
        assert_eq!(put(&store, 101, &nothing), Err(StoreFull));
    }

    #[test]
    fn an_address_opens_its_own_file_until_it_expires() {
        let store = store(2, 100);
        let id = put(&store, 1, &BTreeSet::new()).unwrap();
        let url = store.mint(id).unwrap().url;
        let query = url.strip_prefix(&format!("http://h:1/api/v1/waylines/{id}/file?expires="));
        let (expires, sig) = query.unwrap().split_once("&sig=").unwrap();
        let expires: i64 = expires.parse().unwrap();
        let check = |id, at, sig: &str, now| store.verify(id, at, sig, WallMs(now));
        assert_eq!(check(id, expires, sig, expires - 1), Ok(()));
        assert_eq!(check(id, expires, sig, expires), Err(UrlError::Expired));
        assert_eq!(check(id, expires + 1, sig, 0), Err(UrlError::Forged));
        assert_eq!(check(WaylineId(Uuid::nil()), expires, sig, 0), Err(UrlError::Forged));
        assert_eq!(check(id, expires, &sig[2..], 0), Err(UrlError::Forged));
        assert_eq!(check(id, expires, &"é".repeat(32), 0), Err(UrlError::Forged));
    }
}
