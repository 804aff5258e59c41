//! What is written in one transaction, and its form on the way through the spool.
//!
//! A batch has a number in its recorder's stream; the database remembers the last number it took,
//! so a batch that comes again (the answer was lost, the spool is replayed) changes nothing.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use fleet_types::WallMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::json::Text;

/// Rows of telemetry as `COPY … BINARY` takes them, without header and trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) tuples: Bytes,
    pub(crate) columns: Vec<String>,
    pub(crate) count: u64,
    /// Times of the rows: which days they belong to.
    pub(crate) first: WallMs,
    pub(crate) last: WallMs,
}

/// What is kept by key, each as the JSON that the statement of its kind reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) events: Vec<Value>,
    pub(crate) commands: Vec<Value>,
    pub(crate) missions: Vec<Value>,
    pub(crate) alarms: Vec<Value>,
    pub(crate) devices: Vec<Value>,
    pub(crate) twins: Vec<Text>,
}

impl Kept {
    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(crate) fn count(&self) -> usize {
        let Self { events, commands, missions, alarms, devices, twins } = self;
        let trees = [events, commands, missions, alarms, devices];
        twins.len() + trees.iter().map(|kind| kind.len()).sum::<usize>()
    }

    /// Whether it holds what devices or people were told, or will be.
    pub(crate) fn is_urgent(&self) -> bool {
        let Self { events, commands, missions, alarms, devices: _, twins: _ } = self;
        [events, commands, missions, alarms].iter().any(|kind| !kind.is_empty())
    }

    /// One each, for finding out which is refused.
    pub(crate) fn singles(self) -> Vec<Self> {
        let Self { events, commands, missions, alarms, devices, twins } = self;
        let one = Self::default;
        let mut singles = Vec::new();
        singles.extend(devices.into_iter().map(|item| Self { devices: vec![item], ..one() }));
        singles.extend(events.into_iter().map(|item| Self { events: vec![item], ..one() }));
        singles.extend(commands.into_iter().map(|item| Self { commands: vec![item], ..one() }));
        singles.extend(missions.into_iter().map(|item| Self { missions: vec![item], ..one() }));
        singles.extend(alarms.into_iter().map(|item| Self { alarms: vec![item], ..one() }));
        singles.extend(twins.into_iter().map(|item| Self { twins: vec![item], ..one() }));
        singles
    }
}

/// One transaction's worth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) stream_id: Uuid,
    pub(crate) no: i64,
    pub(crate) rows: Option<Rows>,
    pub(crate) kept: Kept,
}

#[derive(Serialize, Deserialize)]
struct Header {
    stream_id: Uuid,
    no: i64,
    columns: Vec<String>,
    rows: u64,
    first_ms: WallMs,
    last_ms: WallMs,
    kept: Kept,
}

impl Batch {
    /// For the spool: a header in JSON, then the rows as they are.
    pub(crate) fn encode(&self) -> Bytes {
        let none = (Vec::new(), 0, WallMs(0), WallMs(0));
        let rows = self.rows.as_ref();
        let (columns, count, first, last) =
            rows.map_or(none, |rows| (rows.columns.clone(), rows.count, rows.first, rows.last));
        let header = Header {
            stream_id: self.stream_id,
            no: self.no,
            columns,
            rows: count,
            first_ms: first,
            last_ms: last,
            kept: self.kept.clone(),
        };
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let tuples = rows.map_or(&[][..], |rows| &rows.tuples);
        let mut out = BytesMut::with_capacity(4 + header.len() + tuples.len());
        out.put_u32(u32::try_from(header.len()).unwrap_or_default());
        out.put_slice(&header);
        out.put_slice(tuples);
        out.freeze()
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(mut payload: Bytes) -> Result<Self, String> {
        let length = payload.try_get_u32().map_err(|error| error.to_string())?;
        let length = usize::try_from(length).map_err(|error| error.to_string())?;
        if payload.len() < length {
            return Err("the header is cut off".to_owned());
        }
        let header = payload.split_to(length);
        let header: Header = serde_json::from_slice(&header).map_err(|error| error.to_string())?;
        let rows = (header.rows > 0).then_some(Rows {
            tuples: payload,
            columns: header.columns,
            count: header.rows,
            first: header.first_ms,
            last: header.last_ms,
        });
        Ok(Self { stream_id: header.stream_id, no: header.no, rows, kept: header.kept })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_survives_the_spool() {
        let twins = vec![Text::of(&json!({"sn": "D1"}))];
        let kept = Kept { events: vec![json!({"a": 1})], twins, ..Kept::default() };
        let rows = Rows {
            tuples: Bytes::from_static(b"tuples"),
            columns: vec!["at".into()],
            count: 2,
            first: WallMs(5),
            last: WallMs(6),
        };
        for rows in [Some(rows), None] {
            let batch = Batch { stream_id: Uuid::from_u128(1), no: 7, rows, kept: kept.clone() };
            let bytes = batch.encode();
            assert_eq!(Batch::decode(bytes.clone()).unwrap(), batch);
            for cut in 0..20 {
                assert!(Batch::decode(bytes.slice(..cut)).is_err(), "{cut}");
            }
        }
    }
}
