//! What happened longer ago than the hub remembers, out of the database.

use fleet_api::History;
use fleet_store::{Database, read};
use fleet_types::{DeviceSn, MissionId, MissionStatus, WallMs};
use futures_util::future::BoxFuture;
use uuid::Uuid;

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
}
