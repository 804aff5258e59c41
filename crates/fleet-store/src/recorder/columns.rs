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
use fleet_types::{
    DeviceSn, Reading, Scalar, WallMs,
    telemetry::{Schema, Values},
    topic::DeviceOsd,
};
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
    /// Readings for `extra`, ascending.
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

    fn is_rest(&self, index: usize) -> bool {
        self.rest.binary_search(&index).is_ok()
    }
}

/// What a device's rows said so far beside the columns.
#[derive(Default)]
struct Last {
    /// As of the last row; shared with the twin, and with the policy, as far as they are the same.
    /// Of lists it says nothing.
    told: Values,
    /// The lists that were written last, with their fields.
    lists: Vec<(usize, Scalar)>,
    /// When that was; none before the first row.
    lists_at: Option<WallMs>,
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
    // A serial number is kept in place: naming the entry costs no memory.
    let last = match last.entry(osd.sn.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(_) if is_full => return None,
        Entry::Vacant(new) => {
            let told = Values::new(layout.schema.fields.len());
            new.insert(Last { told, ..Last::default() })
        }
    };
    let mut map = Map::new();
    last.note_changes(layout, osd, &mut map);
    let since_lists = last.lists_at.map(|at| osd.received_ms.since_ms(at));
    if since_lists.is_none_or(|since| since >= LISTS_EVERY_MS)
        && last.note_lists(layout, osd, &mut map)
    {
        last.lists_at = Some(osd.received_ms);
    }
    (!map.is_empty()).then(|| Value::Object(map).to_string())
}

impl Last {
    /// Values that are not what the last row said. What is shared with it is the same, which is
    /// most of them.
    fn note_changes(&mut self, layout: &Layout, osd: &DeviceOsd, map: &mut Map<String, Value>) {
        let values = osd.values.values();
        let mut untold = Vec::new();
        for (index, told, now) in self.told.unshared(values) {
            let Some(now) = now.filter(|now| !matches!(now, Scalar::Json(_))) else { continue };
            if !layout.is_rest(index) || told == Some(now) {
                continue;
            }
            match fresh(osd, index) {
                Some(_) => {
                    map.insert(layout.schema.fields[index].key.clone(), json::value(now));
                }
                // It is news when it is heard again.
                None => untold.push((index, told.cloned())),
            }
        }
        self.told = values.clone();
        for (index, told) in untold {
            self.told.replace(index, told);
        }
    }

    /// Lists that are not what was written last: comparing them costs more than all the rest, so this
    /// is asked now and then. True when there are any.
    fn note_lists(
        &mut self,
        layout: &Layout,
        osd: &DeviceOsd,
        map: &mut Map<String, Value>,
    ) -> bool {
        let mut has_new = false;
        for index in &layout.rest {
            let Some(Reading { value, .. }) = fresh(osd, *index) else { continue };
            if !matches!(value, Scalar::Json(_)) {
                continue;
            }
            match self.lists.iter_mut().find(|(of, _)| of == index) {
                Some((_, told)) if told == value => continue,
                Some((_, told)) => *told = value.clone(),
                None => self.lists.push((*index, value.clone())),
            }
            has_new = true;
            map.insert(layout.schema.fields[*index].key.clone(), json::value(value));
        }
        has_new
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{
        DeviceClass, Telemetry,
        telemetry::{FieldSpec, JsonText},
    };
    use serde_json::json;

    use super::*;

    /// A field's value and when it was heard.
    type Heard = (usize, Scalar, i64);

    /// What rows say beside their columns: when each is made, and what was heard before it.
    fn told(rows: &[(i64, &[Heard])]) -> Vec<Option<Value>> {
        let field = |key: &str| FieldSpec { key: key.to_owned(), unit: "" };
        let fields = ["gear", "country", "cameras", "latitude"].map(field).to_vec();
        let schema = Arc::new(Schema { fields });
        let (layout, mut last) = (Layout::new(&schema), BTreeMap::new());
        let sn = DeviceSn::new("AC1").unwrap();
        let mut values = Telemetry::empty(schema);
        let row = |(at, heard): &(i64, &[Heard])| {
            for (index, value, at) in *heard {
                values.set(*index, value.clone(), None, WallMs(*at));
            }
            let osd = DeviceOsd {
                gateway_sn: sn.clone(),
                sn: sn.clone(),
                class: DeviceClass::Aircraft,
                report_count: 1,
                received_ms: WallMs(*at),
                values: values.clone(),
            };
            extra(&mut last, &layout, &osd).map(|text| serde_json::from_str(&text).unwrap())
        };
        rows.iter().map(row).collect()
    }

    fn gear(gear: i64, at: i64) -> Heard {
        (0, Scalar::Int(gear), at)
    }

    fn cameras(zoom: i64, at: i64) -> Heard {
        (2, Scalar::Json(JsonText::of(&json!([{ "zoom": zoom }]))), at)
    }

    #[test]
    fn what_a_row_said_already_is_not_said_again() {
        let country = |at| (1, Scalar::Text("KR".into()), at);
        let latitude = |value, at| (3, Scalar::Num(value), at);
        let rows = told(&[
            (0, &[gear(1, 0), country(0), latitude(37.5, 0)]),
            (1_000, &[gear(1, 1_000), country(1_000), latitude(37.6, 1_000)]),
            (2_000, &[gear(2, 2_000), country(2_000)]),
            (3_000, &[gear(1, 3_000)]),
        ]);
        let gear = |gear| Some(json!({ "gear": gear }));
        assert_eq!(rows, [Some(json!({"gear": 1, "country": "KR"})), None, gear(2), gear(1)]);
    }

    #[test]
    fn lists_are_said_when_they_changed_and_no_more_than_once_a_minute() {
        let rows = told(&[
            (0, &[cameras(1, 0)]),
            (1_000, &[cameras(2, 1_000)]),
            (60_000, &[cameras(1, 60_000)]),
            (60_500, &[cameras(3, 60_500)]),
            (61_000, &[cameras(4, 61_000)]),
            (121_000, &[cameras(4, 121_000)]),
        ]);
        let cameras = |zoom: i64| Some(json!({"cameras": [{ "zoom": zoom }]}));
        assert_eq!(rows, [cameras(1), None, None, cameras(3), None, cameras(4)]);
    }

    #[test]
    fn what_was_too_old_for_its_row_is_said_when_it_is_heard_again() {
        let rows = told(&[
            (0, &[gear(1, 0)]),
            (20_000, &[gear(2, 1_000)]),
            (21_000, &[gear(2, 21_000)]),
            (22_000, &[gear(2, 22_000)]),
        ]);
        assert_eq!(rows, [Some(json!({"gear": 1})), None, Some(json!({"gear": 2})), None]);
    }
}
