//! Media as the API shows them: what the rest of the tower gives for it. Only interfaces live here.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
};
use fleet_types::{DeviceSn, MissionId, WallMs};
use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A file that a dock uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MediaFile {
    /// Identity.
    pub media_id: Uuid,
    /// Dock that uploaded it.
    pub sn: DeviceSn,
    /// Flight it is of.
    pub mission_id: Option<MissionId>,
    /// Its name.
    pub name: String,
    /// `photo`, `video` or `other`.
    pub kind: String,
    /// When it was taken, epoch milliseconds; none where the camera did not say its time zone.
    pub taken_ms: Option<WallMs>,
    /// When the dock said that it is there, epoch milliseconds.
    pub stored_ms: WallMs,
    /// Where it was taken, WGS 84, degrees.
    pub latitude: Option<f64>,
    /// Where it was taken, WGS 84, degrees.
    pub longitude: Option<f64>,
    /// Key in the object store.
    #[serde(skip)]
    pub object_key: String,
}

/// How many files of a flight one dock brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlightMedia {
    /// The flight.
    pub mission_id: MissionId,
    /// The dock.
    pub sn: DeviceSn,
    /// Files that are there.
    pub arrived: u64,
    /// Files that the dock counted; more than arrived are missing.
    pub expected: Option<u64>,
}

/// Which files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaAsk {
    /// Of one dock.
    pub sn: Option<DeviceSn>,
    /// Of one flight.
    pub mission_id: Option<MissionId>,
    /// Older than this one.
    pub before: Option<(WallMs, Uuid)>,
    /// At the most.
    pub limit: u16,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// It is on record, and the store does not have it.
    #[error("the object store does not have this file any more")]
    Gone,
    /// Nothing of it lies in the range.
    #[error("nothing of the file lies in this range")]
    Range,
    /// No small picture can be made of it.
    #[error("no small picture can be made of it: {0}")]
    NoPicture(String),
    /// The store, or whoever makes small pictures, is busy or away.
    #[error("media cannot be read now: {0}")]
    Away(String),
}

/// A file on its way.
pub struct MediaBody {
    /// 200 or 206.
    pub status: StatusCode,
    /// Those that tell of the file: length, range, type, version.
    pub headers: HeaderMap,
    /// Its bytes.
    pub body: Body,
}

/// Media on record and in the store. An error in words is why the record cannot be asked.
pub trait Media: Send + Sync {
    /// Files, newest first; with `person`, those that this person may see.
    fn page(
        &self,
        person: Option<Uuid>,
        ask: MediaAsk,
    ) -> BoxFuture<'_, Result<Vec<MediaFile>, String>>;
    /// How many files of these flights there are.
    fn counts(
        &self,
        person: Option<Uuid>,
        missions: Vec<MissionId>,
    ) -> BoxFuture<'_, Result<Vec<FlightMedia>, String>>;
    /// One file, if `person` may see it.
    fn file(
        &self,
        person: Option<Uuid>,
        id: Uuid,
    ) -> BoxFuture<'_, Result<Option<MediaFile>, String>>;
    /// Its bytes, or a range of them (RFC 9110 `Range`).
    fn open(
        &self,
        file: MediaFile,
        range: Option<String>,
    ) -> BoxFuture<'_, Result<MediaBody, MediaError>>;
    /// A small JPEG of it.
    fn thumbnail(&self, file: MediaFile) -> BoxFuture<'_, Result<Bytes, MediaError>>;
}
