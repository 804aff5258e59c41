//! What the tower before this one knew, from the database to those who show it.
//!
//! Alarms go to their component, with who knew of them; what was last heard of each device goes to
//! the console, as last known and with its true age. Nothing of it reaches a dock's machine:
//! decisions rest on what was heard by this process.

use std::{sync::Arc, time::Duration};

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState};
use fleet_api::Api;
use fleet_core::{alarm::Origin, twin::Twin};
use fleet_store::{
    Database, StoreError,
    read::{self, StoredTwin},
    recorder::Recorder,
};
use fleet_types::{
    DeviceClass, DeviceSn, DeviceStatus, Reason, Scalar, Telemetry, WallMs,
    device::{Activity, Connection},
    telemetry::{JsonText, Schema},
    topic::DeviceOsd,
};
use serde_json::Value;
use tokio::{sync::oneshot, time::sleep};

use super::{alarms::Remembered, clock, fleet::Fleet, recovery::DatabaseView, split::Recalled};

/// Pause after a failed attempt.
const AGAIN: Duration = Duration::from_secs(2);

/// Between two looks at whether the enrolled docks are known.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Who is told.
pub(super) struct Recall {
    pub(super) view: DatabaseView,
    pub(super) recorder: Recorder,
    pub(super) alarms: oneshot::Sender<Vec<Remembered>>,
    /// Processes that show it too, where there are such.
    pub(super) apart: Option<Recalled>,
}

impl Recall {
    /// Ends when everybody was told.
    pub(super) async fn run(self, api: Api, fleet: Arc<Fleet>) {
        self.view.until_ready().await;
        // What is newest may still lie in the spool.
        self.recorder.replayed().await;
        let database = self.view.database();
        let known = tried(&database, alarms).await;
        if !known.is_empty() {
            tracing::info!(alarms = known.len(), "alarms of the time before were taken up");
        }
        // The component runs as long as the process.
        let _ = self.alarms.send(known);
        let (statuses, twins) = tried(&database, devices).await;
        // The broker says it, a moment after it is connected.
        while !fleet.knows_enrolled() {
            sleep(LOOK_AGAIN).await;
        }
        // A dock that was removed since is not brought back.
        let is_here = |sn: &DeviceSn| fleet.may_hear(sn);
        let statuses = statuses.into_iter().filter(|status| {
            is_here(&status.sn) || status.gateway_sn.as_ref().is_some_and(&is_here)
        });
        let twins = twins.into_iter().filter(|twin| is_here(&twin.gateway_sn));
        let schemas = Schemas::new();
        let samples = twins.filter_map(|twin| schemas.sample(twin));
        let (statuses, samples): (Vec<_>, Vec<_>) =
            (statuses.map(last_known).collect(), samples.collect());
        if let Some(apart) = &self.apart {
            apart.put(&statuses, &samples);
        }
        api.recall(statuses, samples);
    }
}

/// Asks until it is answered.
async fn tried<T>(database: &Database, ask: impl AsyncFn(&Database) -> Result<T, StoreError>) -> T {
    loop {
        match ask(database).await {
            Ok(found) => return found,
            Err(error) => tracing::warn!(%error, "what was known before cannot be read yet"),
        }
        sleep(AGAIN).await;
        database.up().await;
    }
}

async fn devices(database: &Database) -> Result<(Vec<DeviceStatus>, Vec<StoredTwin>), StoreError> {
    Ok((read::devices(database).await?, read::twins(database).await?))
}

/// A device as it was left: not heard by this process.
fn last_known(status: DeviceStatus) -> DeviceStatus {
    let reason = Reason {
        message_ko: Some(
            "관제탑이 다시 시작된 뒤로 수신되지 않았습니다. 마지막으로 알려진 값입니다.".into(),
        ),
        ..Reason::new(
            "last_known",
            "Not heard since the tower was started again: what is shown is what was known last.",
        )
    };
    DeviceStatus {
        connection: Connection::Offline,
        reason: Some(reason),
        activity: Activity::Unknown,
        mission_id: None,
        flight_lock: None,
        ..status
    }
}

/// Field tables for values that come from the database.
pub(super) struct Schemas {
    dock: Arc<Schema>,
    aircraft: Arc<Schema>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self {
            dock: Arc::new(Twin::<DockOsd, DockState>::schema()),
            aircraft: Arc::new(Twin::<AircraftOsd, AircraftState>::schema()),
        }
    }

    /// The fields of a class; robots have none yet.
    pub(super) fn of(&self, class: DeviceClass) -> Option<&Arc<Schema>> {
        match class {
            DeviceClass::Dock => Some(&self.dock),
            DeviceClass::Aircraft => Some(&self.aircraft),
            DeviceClass::Robot => None,
        }
    }

    /// The values that this version knows the fields of.
    fn sample(&self, twin: StoredTwin) -> Option<DeviceOsd> {
        let schema = self.of(twin.class)?;
        let mut values = Telemetry::empty(Arc::clone(schema));
        for (index, field) in schema.fields.iter().enumerate() {
            if let Some((value, source_ms, received_ms)) =
                twin.readings.get(&field.key).and_then(reading)
            {
                values.set(index, value, source_ms, received_ms);
            }
        }
        Some(DeviceOsd {
            sn: twin.sn,
            class: twin.class,
            gateway_sn: twin.gateway_sn,
            report_count: 0,
            received_ms: twin.received_ms,
            values,
        })
    }
}

/// A value and its two times.
fn reading(told: &Value) -> Option<(Scalar, Option<WallMs>, WallMs)> {
    let value = match told.get("value")? {
        Value::Null => return None,
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Number(value) => match value.as_i64() {
            Some(whole) => Scalar::Int(whole),
            None => Scalar::Num(value.as_f64()?),
        },
        Value::String(text) => Scalar::Text(text.as_str().into()),
        list @ (Value::Array(_) | Value::Object(_)) => Scalar::Json(JsonText::of(list)),
    };
    let source_ms = told.get("source_ms").and_then(Value::as_i64).map(WallMs);
    Some((value, source_ms, WallMs(told.get("received_ms")?.as_i64()?)))
}

async fn alarms(database: &Database) -> Result<Vec<Remembered>, StoreError> {
    let known = read::remembered_alarms(database, clock::now().wall).await?;
    let known = known.into_iter().filter_map(|(status, origin)| {
        match serde_json::from_value::<Origin>(origin) {
            Ok(origin) => Some((status, origin)),
            Err(error) => {
                tracing::warn!(alarm = %status.alarm_id, %error, "an alarm of another version is not taken up");
                None
            }
        }
    });
    Ok(known.collect())
}
