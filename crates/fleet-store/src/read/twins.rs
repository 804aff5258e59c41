//! What was known of the devices when the last tower ended.

use fleet_types::{DeviceClass, DeviceSn, DeviceStatus, WallMs};
use serde_json::Value;

use super::typed;
use crate::{database::Database, error::StoreError, sql::At};

/// Latest values of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTwin {
    /// Device.
    pub sn: DeviceSn,
    /// Its kind.
    pub class: DeviceClass,
    /// The dock it was heard through.
    pub gateway_sn: DeviceSn,
    /// Receipt of its newest report.
    pub received_ms: WallMs,
    /// `{"key": {"value", "unit", "source_ms", "received_ms"}}`, as the API has it.
    pub readings: Value,
}

/// The latest values of all devices that were not removed.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn twins(database: &Database) -> Result<Vec<StoredTwin>, StoreError> {
    let sql = "
        select t.sn, t.class, t.gateway_sn, t.received_at, t.readings from twins t
        left join devices d using (sn) where d.removed_at is null order by t.sn";
    let session = database.session().await?;
    let rows = session.query(sql, &[]).await?;
    session.release();
    let twin = |row: &tokio_postgres::Row| {
        let At(received_ms) = row.get(3);
        Ok(StoredTwin {
            sn: typed("a twin", Value::String(row.get(0)))?,
            class: typed("a twin", Value::String(row.get(1)))?,
            gateway_sn: typed("a twin", Value::String(row.get(2)))?,
            received_ms,
            readings: row.get(4),
        })
    };
    rows.iter().map(twin).collect()
}

/// All devices that were not removed, as they were published last.
///
/// # Errors
/// As [`twins`].
pub async fn devices(database: &Database) -> Result<Vec<DeviceStatus>, StoreError> {
    let sql = "
        select status from devices where removed_at is null and status is not null order by sn";
    let session = database.session().await?;
    let rows = session.query(sql, &[]).await?;
    session.release();
    rows.iter().map(|row| typed("a device", row.get(0))).collect()
}
