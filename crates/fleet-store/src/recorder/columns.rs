//! From a device's report to a row: which reading goes into which column, and the bytes that
//! `COPY … BINARY` takes.
//!
//! A reading that is older than the report by more than [`FRESH_MS`] is left out: a row says what
//! was known then, not what was remembered. What has no column and changed since the device's last
//! row goes into `extra`; lists at most once a minute.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use bytes::{BufMut, BytesMut};
use fleet_types::{DeviceSn, Reading, Scalar, WallMs, telemetry::Schema, topic::DeviceOsd};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{json, sql::At};

/// How much older than the report a reading may be, milliseconds.
const FRESH_MS: i64 = 10_000;
/// A list that keeps changing is written this often, milliseconds.
const LISTS_EVERY_MS: i64 = 60_000;
/// Devices whose last row is remembered; further ones have no `extra`.
const DEVICES_MAX: usize = 32_768;
/// Units of what moves with every report and is no news.
const NO_NEWS: [&str; 6] = ["s", "ms", "h", "d", "KB", "kB/s"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Double,
    Real,
    Small,
    Integer,
}
use Kind::{Double, Integer, Real, Small};

/// Column, its type, and the keys of the readings that may fill it, the first that is there wins.
const COLUMNS: [(&str, Kind, &[&str]); 32] = [
    ("latitude", Double, &["latitude"]),
    ("longitude", Double, &["longitude"]),
    ("height_m", Real, &["height"]),
    ("elevation_m", Real, &["elevation"]),
    ("heading_deg", Real, &["attitude_head", "heading"]),
    ("pitch_deg", Real, &["attitude_pitch"]),
    ("roll_deg", Real, &["attitude_roll"]),
    ("horizontal_speed_mps", Real, &["horizontal_speed"]),
    ("vertical_speed_mps", Real, &["vertical_speed"]),
    ("home_distance_m", Real, &["home_distance"]),
    ("wind_speed_mps", Real, &["wind_speed"]),
    ("wind_direction", Small, &["wind_direction"]),
    ("mode_code", Small, &["mode_code"]),
    (
        "battery_percent",
        Small,
        &["battery.capacity_percent", "drone_charge_state.capacity_percent"],
    ),
    ("return_home_percent", Small, &["battery.return_home_power"]),
    ("flight_time_left_s", Integer, &["battery.remain_flight_time"]),
    ("gps_count", Small, &["position_state.gps_number"]),
    ("rtk_count", Small, &["position_state.rtk_number"]),
    ("position_fixed", Small, &["position_state.is_fixed"]),
    ("cover_state", Small, &["cover_state"]),
    ("drone_in_dock", Small, &["drone_in_dock"]),
    ("charge_state", Small, &["drone_charge_state.state"]),
    ("task_step", Small, &["flighttask_step_code"]),
    ("emergency_stop", Small, &["emergency_stop_state"]),
    ("rainfall", Small, &["rainfall"]),
    ("temperature_c", Real, &["temperature"]),
    ("humidity_percent", Real, &["humidity"]),
    ("environment_temperature_c", Real, &["environment_temperature"]),
    ("working_voltage_mv", Integer, &["working_voltage"]),
    ("working_current_ma", Real, &["working_current"]),
    ("sdr_quality", Small, &["wireless_link.sdr_quality"]),
    ("network_quality", Small, &["network_state.quality"]),
];

/// The columns of a row, in the order of its fields.
pub(crate) fn names() -> Vec<&'static str> {
    let fixed = ["at", "sn", "site_id", "gateway_sn", "report_no"];
    let typed = COLUMNS.iter().map(|(name, _, _)| *name);
    fixed.into_iter().chain(typed).chain(["extra"]).collect()
}

/// Where the readings of one schema go.
struct Layout {
    schema: Arc<Schema>,
    /// For each column the readings that may fill it.
    sources: Vec<Vec<usize>>,
    /// Readings for `extra`.
    rest: Vec<usize>,
}

impl Layout {
    fn new(schema: &Arc<Schema>) -> Self {
        let index_of = |key: &&str| schema.fields.iter().position(|field| field.key == *key);
        let sources: Vec<Vec<usize>> =
            COLUMNS.iter().map(|(_, _, keys)| keys.iter().filter_map(index_of).collect()).collect();
        let has_column = |index: &usize| sources.iter().any(|column| column.contains(index));
        let is_news = |index: &usize| !NO_NEWS.contains(&schema.fields[*index].unit);
        let rest = 0..schema.fields.len();
        let rest = rest.filter(|index| !has_column(index) && is_news(index)).collect();
        Self { schema: Arc::clone(schema), sources, rest }
    }
}

/// What a device's last row said beside the columns.
struct Last {
    values: Vec<Option<Scalar>>,
    lists_at: WallMs,
}

/// Makes rows, and remembers what each device's last one held.
#[derive(Default)]
pub(crate) struct Encoder {
    layouts: Vec<Layout>,
    last: BTreeMap<DeviceSn, Last>,
}

impl Encoder {
    /// Appends one row to `out`.
    pub(crate) fn push(&mut self, out: &mut BytesMut, site_id: Uuid, osd: &DeviceOsd) {
        let schema = &osd.values.schema;
        let known = self.layouts.iter().position(|layout| Arc::ptr_eq(&layout.schema, schema));
        let layout = known.unwrap_or_else(|| {
            // One schema a class of device: a handful a process.
            self.layouts.push(Layout::new(schema));
            self.layouts.len() - 1
        });
        let layout = &self.layouts[layout];
        let fields = 5 + COLUMNS.len() + 1;
        out.put_i16(i16::try_from(fields).unwrap_or_default());
        put(out, &At(osd.received_ms).micros().to_be_bytes());
        put(out, osd.sn.as_str().as_bytes());
        put(out, site_id.as_bytes());
        if osd.gateway_sn == osd.sn {
            null(out)
        } else {
            put(out, osd.gateway_sn.as_str().as_bytes())
        }
        put(out, &i64::try_from(osd.report_count).unwrap_or(i64::MAX).to_be_bytes());
        let mut numbers = Numbers::default();
        for ((_, kind, _), sources) in COLUMNS.iter().zip(&layout.sources) {
            let value = sources.iter().find_map(|index| fresh(osd, *index)).and_then(number);
            put_number(&mut numbers, *kind, value);
        }
        out.put_slice(numbers.bytes());
        match extra(&mut self.last, layout, osd) {
            Some(text) => {
                out.put_i32(i32::try_from(text.len() + 1).unwrap_or_default());
                // The version of jsonb on the wire.
                out.put_u8(1);
                out.put_slice(text.as_bytes());
            }
            None => null(out),
        }
    }

    pub(crate) fn forget(&mut self, sn: &DeviceSn) {
        self.last.remove(sn);
    }
}

fn fresh(osd: &DeviceOsd, index: usize) -> Option<Reading<'_>> {
    let reading = osd.values.reading(index)?;
    (osd.received_ms.since_ms(reading.received_ms) <= FRESH_MS).then_some(reading)
}

fn number(reading: Reading<'_>) -> Option<f64> {
    match reading.value {
        Scalar::Bool(value) => Some(f64::from(u8::from(*value))),
        value @ (Scalar::Int(_) | Scalar::Num(_) | Scalar::Text(_) | Scalar::Json(_)) => {
            value.as_f64().filter(|value| value.is_finite())
        }
    }
}

fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).unwrap_or_default());
    out.put_slice(bytes);
}

fn null(out: &mut BytesMut) {
    out.put_i32(-1);
}

/// Most bytes of a number: its length and a double.
const NUMBER_MAX: usize = 4 + 8;

/// The numbers of one row, gathered without asking for room each time.
struct Numbers {
    bytes: [u8; COLUMNS.len() * NUMBER_MAX],
    length: usize,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { bytes: [0; COLUMNS.len() * NUMBER_MAX], length: 0 }
    }
}

impl Numbers {
    /// Appends a value of `N` bytes; one beyond the columns would be left out.
    fn put<const N: usize>(&mut self, value: [u8; N]) {
        self.append(i32::try_from(N).unwrap_or_default().to_be_bytes());
        self.append(value);
    }

    fn null(&mut self) {
        self.append((-1_i32).to_be_bytes());
    }

    fn append<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(&bytes);
            self.length += N;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A number that does not fit its column is no value.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, a real is meant to round"
)]
fn put_number(out: &mut Numbers, kind: Kind, value: Option<f64>) {
    let within = |low: f64, high: f64| value.filter(|value| (low..=high).contains(value));
    match kind {
        Double => value.map(|value| out.put(value.to_be_bytes())),
        Real => value.map(|value| out.put((value as f32).to_be_bytes())),
        Small => within(f64::from(i16::MIN), f64::from(i16::MAX))
            .map(|value| out.put((value.round() as i16).to_be_bytes())),
        Integer => within(f64::from(i32::MIN), f64::from(i32::MAX))
            .map(|value| out.put((value.round() as i32).to_be_bytes())),
    }
    .unwrap_or_else(|| out.null());
}

/// What has no column and is new since the device's last row, as JSON.
fn extra(last: &mut BTreeMap<DeviceSn, Last>, layout: &Layout, osd: &DeviceOsd) -> Option<String> {
    let is_full = last.len() >= DEVICES_MAX;
    // The serial number is shared text: naming the entry costs no copy of it.
    let last = match last.entry(osd.sn.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(_) if is_full => return None,
        Entry::Vacant(new) => {
            let values = vec![None; layout.schema.fields.len()];
            new.insert(Last { values, lists_at: WallMs(i64::MIN) })
        }
    };
    let lists_due = osd.received_ms.since_ms(last.lists_at) >= LISTS_EVERY_MS;
    let mut map = Map::new();
    let mut has_list = false;
    for index in &layout.rest {
        let Some(Reading { value, .. }) = fresh(osd, *index) else { continue };
        let is_list = matches!(value, Scalar::Json(_));
        let Some(told) = last.values.get_mut(*index) else { continue };
        // A list is compared only when it may be written: that costs more than all the rest.
        if (is_list && !lists_due) || told.as_ref() == Some(value) {
            continue;
        }
        has_list |= is_list;
        *told = Some(value.clone());
        map.insert(layout.schema.fields[*index].key.clone(), json::value(value));
    }
    if has_list {
        last.lists_at = osd.received_ms;
    }
    (!map.is_empty()).then(|| Value::Object(map).to_string())
}
