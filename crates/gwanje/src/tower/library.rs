//! Wayline files in the database: a flight that is planned finds its file after a restart.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use fleet_api::{Wayline, WaylineKeeper, Waylines};
use fleet_store::{
    Database,
    waylines::{self, StoredWayline},
};
use fleet_types::id::WaylineId;
use futures_util::future::BoxFuture;

/// The library in the database.
pub(super) struct Library(pub(super) Database);

impl WaylineKeeper for Library {
    fn keep(
        &self,
        wayline: Arc<Wayline>,
        file: Bytes,
        uploaded_by: String,
        gone: Vec<WaylineId>,
    ) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if !self.0.is_writable() {
                return Err("the database cannot be written".to_owned());
            }
            let kept = StoredWayline {
                wayline_id: wayline.wayline_id.0,
                name: wayline.name.clone(),
                md5: wayline.md5.clone(),
                waypoint_count: wayline.summary.waypoint_count,
                info: serde_json::to_value(&*wayline).map_err(|error| error.to_string())?,
                uploaded_by,
                created_ms: wayline.uploaded_ms,
                file,
            };
            let gone: Vec<_> = gone.into_iter().map(|id| id.0).collect();
            waylines::keep(&self.0, &kept, &gone).await.map_err(|error| error.to_string())
        })
    }
}

/// Takes up every file that is kept.
pub(super) async fn take_up(database: &Database, library: &Waylines) -> anyhow::Result<()> {
    let (max_files, max_bytes) = library.limits();
    let kept = waylines::load(database, max_files, max_bytes).await.context("wayline files")?;
    let oldest_first = kept.into_iter().rev();
    let readable = oldest_first.filter_map(|kept| match serde_json::from_value(kept.info) {
        Ok(wayline) => Some((wayline, kept.file)),
        Err(error) => {
            tracing::warn!(wayline_id = %kept.wayline_id, %error, "a wayline file of another version is not taken up");
            None
        }
    });
    library.restore(readable.collect());
    Ok(())
}
