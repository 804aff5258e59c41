//! What the processes of a split tower tell each other, inside a sealed frame: JSON, because samples hold
//! what devices said, and that has no schema.

use fleet_api::{BrokerState, Check, StoreState};
use fleet_types::{DeviceSn, WallMs};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// One thing said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Part {
    /// The sender lives.
    Beat(Beat),
    /// The sender ends, and wanted to.
    Bye,
    /// A sample of a bus topic; `to` is who asked for it, none: everybody.
    Sample { topic: String, data: Box<RawValue>, to: Option<String> },
    /// What was known of a device before the link began.
    Recalled { to: String, status: Box<RawValue>, osd: Option<Box<RawValue>> },
    /// A device was removed.
    Gone(DeviceSn),
    /// From here on follows everything that is so now, for one who asked.
    Current { to: String },
    /// That was everything.
    Complete { to: String },
    /// Something to be done.
    Order(Sealed),
    /// What became of an order at the door.
    Receipt(Receipt),
}

/// A sign of life.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Beat {
    /// For people: `link`, `api 127.0.0.1:8080`.
    pub(super) name: String,
    /// When the process began.
    pub(super) started_ms: WallMs,
    /// Which of all links of this data directory it is, counted up; zero of an api.
    pub(super) epoch: u64,
    /// Components that panicked and do not run any more.
    pub(super) failed: Vec<String>,
    /// The link whose picture an api holds complete; none: it asks for it.
    pub(super) in_step: Option<String>,
    /// Links that an api hears, by epoch, and when each began: none should hear of another.
    pub(super) links: Vec<(u64, WallMs)>,
    /// How a link stands; with some beats.
    pub(super) look: Option<Box<Look>>,
}

/// How the link's process stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) broker: BrokerState,
    pub(super) store: StoreState,
    pub(super) checks: Vec<Check>,
}

/// An order and the MAC over its text, which is an [`Order`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) text: String,
    pub(super) mac: String,
}

/// Something to be done: the whole sample of the topic it was asked for on, with SN, method and data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) order_id: Uuid,
    /// Counted up each time it is said again because no receipt came.
    pub(super) attempt: u32,
    /// The link it is for.
    pub(super) epoch: u64,
    pub(super) issued_ms: WallMs,
    /// After this it is not taken any more.
    pub(super) expires_ms: WallMs,
    pub(super) topic: String,
    pub(super) data: Box<RawValue>,
}

/// What became of an order at the door. What its machine makes of it comes as samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) order_id: Uuid,
    /// Why it was not taken in.
    pub(super) refused: Option<Refusal>,
}

/// Why an order is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    /// Nobody with the key made its MAC.
    WrongMac,
    /// For a link that is no more, or not yet.
    OtherEpoch,
    /// It came too late, or its life is over.
    Expired,
    /// It was issued in the future: a clock is wrong.
    ClockAhead,
    /// The same words came before: somebody says again what was not theirs to say.
    Replayed,
    /// It cannot be read.
    Malformed,
    /// There is no room for it.
    Full,
}

impl Refusal {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::WrongMac => "wrong_mac",
            Self::OtherEpoch => "other_epoch",
            Self::Expired => "expired",
            Self::ClockAhead => "clock_ahead",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            Self::Full => "queue_full",
        }
    }
}
