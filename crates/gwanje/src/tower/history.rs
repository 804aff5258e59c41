//! What happened longer ago than the hub remembers, out of the database.

use fleet_api::History;
use fleet_store::{Database, read};
use fleet_types::{DeviceSn, MissionId, MissionStatus, WallMs};
use futures_util::future::BoxFuture;

/// The history in the database.
pub(super) struct StoredHistory(pub(super) Database);

impl History for StoredHistory {
    fn missions(
        &self,
        sn: Option<DeviceSn>,
        before: Option<(WallMs, MissionId)>,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<MissionStatus>, String>> {
        Box::pin(async move {
            let found = read::missions_before(&self.0, sn.as_ref(), before, limit).await;
            found.map_err(|error| error.to_string())
        })
    }

    fn mission(&self, id: MissionId) -> BoxFuture<'_, Result<Option<MissionStatus>, String>> {
        Box::pin(async move { read::mission(&self.0, id).await.map_err(|error| error.to_string()) })
    }
}
