//! Telemetry between the processes of one tower: by place in the schema, each report's times once, and
//! numbers by their bits, so that what is shown is what was heard.

use std::collections::BTreeMap;

use fleet_types::{
    DeviceClass, DeviceSn, Scalar, Telemetry, WallMs,
    telemetry::{JsonText, Schema},
    topic::DeviceOsd,
};
use serde::{Deserialize, Serialize};

use super::super::recall::Schemas;

/// A sample as it crosses.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Packed {
    sn: DeviceSn,
    class: DeviceClass,
    gateway_sn: DeviceSn,
    report_count: u64,
    received_ms: WallMs,
    /// Fingerprint of the schema: another version counts its fields otherwise.
    schema: u64,
    /// Source and receipt.
    stamps: Vec<(Option<WallMs>, WallMs)>,
    /// Index in the schema, index of the stamp, value.
    values: Vec<(usize, usize, Value)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Value {
    I(i64),
    /// Bits.
    N(u64),
    B(bool),
    T(String),
    /// JSON text.
    J(String),
}

/// FNV-1a over the keys.
fn fingerprint(schema: &Schema) -> u64 {
    let keys = schema.fields.iter().flat_map(|field| field.key.bytes().chain([0]));
    keys.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(super) fn pack(sample: &DeviceOsd) -> Packed {
    let mut stamps: BTreeMap<(Option<WallMs>, WallMs), usize> = BTreeMap::new();
    let mut values = Vec::new();
    for (index, reading) in sample.values.readings().enumerate() {
        let Some(reading) = reading else { continue };
        let count = stamps.len();
        let stamp = *stamps.entry((reading.source_ms, reading.received_ms)).or_insert(count);
        let value = match reading.value {
            Scalar::Int(value) => Value::I(*value),
            Scalar::Num(value) => Value::N(value.to_bits()),
            Scalar::Bool(value) => Value::B(*value),
            Scalar::Text(text) => Value::T(text.to_string()),
            Scalar::Json(json) => Value::J(json.as_str().to_owned()),
        };
        values.push((index, stamp, value));
    }
    let mut in_order: Vec<_> = stamps.into_iter().collect();
    in_order.sort_by_key(|(_, number)| *number);
    Packed {
        sn: sample.sn.clone(),
        class: sample.class,
        gateway_sn: sample.gateway_sn.clone(),
        report_count: sample.report_count,
        received_ms: sample.received_ms,
        schema: fingerprint(&sample.values.schema),
        stamps: in_order.into_iter().map(|(stamp, _)| stamp).collect(),
        values,
    }
}

/// `None` when it was packed by another version.
pub(super) fn unpack(mut packed: Packed, schemas: &Schemas) -> Option<DeviceOsd> {
    let schema = schemas.of(packed.class)?;
    if fingerprint(schema) != packed.schema {
        return None;
    }
    let mut values = Telemetry::empty(std::sync::Arc::clone(schema));
    packed.values.sort_by_key(|(_, stamp, _)| *stamp);
    let mut current = None;
    for (index, number, value) in packed.values {
        let stamp = match current {
            Some((known, stamp)) if known == number => stamp,
            Some(_) | None => {
                let (source_ms, received_ms) = *packed.stamps.get(number)?;
                values.stamp(source_ms, received_ms)
            }
        };
        current = Some((number, stamp));
        let value = match value {
            Value::I(value) => Scalar::Int(value),
            Value::N(bits) => Scalar::Num(f64::from_bits(bits)),
            Value::B(value) => Scalar::Bool(value),
            Value::T(text) => Scalar::Text(text.into()),
            Value::J(text) => Scalar::Json(JsonText::new(&text)?),
        };
        values.put(index, stamp, value);
    }
    Some(DeviceOsd {
        sn: packed.sn,
        class: packed.class,
        gateway_sn: packed.gateway_sn,
        report_count: packed.report_count,
        received_ms: packed.received_ms,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crossed_is_what_was_heard_to_the_last_bit() {
        let schemas = Schemas::new();
        let schema = schemas.of(DeviceClass::Aircraft).unwrap();
        let mut values = Telemetry::empty(std::sync::Arc::clone(schema));
        let first = values.stamp(Some(WallMs(5)), WallMs(7));
        values.put(0, first, Scalar::Int(-3));
        values.put(1, first, Scalar::Num(0.1 + 0.2));
        values.put(4, first, Scalar::Num(37.123_456_789_012_34));
        let second = values.stamp(None, WallMs(9));
        values.put(2, second, Scalar::Text("관제 \"x\"".into()));
        values.put(3, second, Scalar::Json(JsonText::new("[{\"a\": 1.50}]").unwrap()));
        values.put(5, second, Scalar::Bool(true));
        let sample = DeviceOsd {
            sn: DeviceSn::new("A").unwrap(),
            class: DeviceClass::Aircraft,
            gateway_sn: DeviceSn::new("D").unwrap(),
            report_count: 4,
            received_ms: WallMs(9),
            values,
        };
        let text = serde_json::to_string(&pack(&sample)).unwrap();
        let back = unpack(serde_json::from_str(&text).unwrap(), &schemas).unwrap();
        assert_eq!(back, sample);
        let readings = |of: &DeviceOsd| {
            let all: Vec<_> = of
                .values
                .readings()
                .map(|it| it.map(|it| (it.value.clone(), it.source_ms, it.received_ms)))
                .collect();
            all
        };
        assert_eq!(readings(&back), readings(&sample));
        let mut other = pack(&sample);
        other.schema += 1;
        assert!(unpack(other, &schemas).is_none(), "of another version");
    }
}
