//! What happened longer ago than the hub remembers, out of the database.

use fleet_api::History;
use fleet_store::{Database, read};
use fleet_types::{
    DeviceSn, MissionId, MissionStatus, WallMs,
    flight::{FlightFilter, FlightRecord, FlightSeries, TelemetryRow},
};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::clock;

/// The history in the database.
pub(super) struct StoredHistory(pub(super) Database);

impl History for StoredHistory {
    fn missions(
        &self,
        person: Option<Uuid>,
        sn: Option<DeviceSn>,
        before: Option<(WallMs, MissionId)>,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<MissionStatus>, String>> {
        Box::pin(async move {
            let found = read::missions_before(&self.0, person, sn.as_ref(), before, limit).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn mission(
        &self,
        person: Option<Uuid>,
        id: MissionId,
    ) -> BoxFuture<'_, Result<Option<MissionStatus>, String>> {
        Box::pin(async move {
            let found = read::mission(&self.0, person, id).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn flights(
        &self,
        person: Option<Uuid>,
        filter: FlightFilter,
    ) -> BoxFuture<'_, Result<Vec<MissionStatus>, String>> {
        Box::pin(async move {
            let found = read::flights(&self.0, person, &filter).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn flight(
        &self,
        person: Option<Uuid>,
        id: MissionId,
    ) -> BoxFuture<'_, Result<Option<FlightRecord>, String>> {
        Box::pin(async move {
            let found = read::flight(&self.0, person, id, clock::now().wall).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn series(
        &self,
        person: Option<Uuid>,
        sn: DeviceSn,
        span: (WallMs, WallMs),
        points: u16,
    ) -> BoxFuture<'_, Result<FlightSeries, String>> {
        Box::pin(async move {
            let found = read::series(&self.0, person, &sn, span, points).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn rows_after(
        &self,
        person: Option<Uuid>,
        sn: DeviceSn,
        after: (WallMs, i64),
        until: WallMs,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<TelemetryRow>, String>> {
        Box::pin(async move {
            let found = read::rows_after(&self.0, person, &sn, after, until, limit).await;
            found.map_err(|error| error.to_string())
        })
    }
}
