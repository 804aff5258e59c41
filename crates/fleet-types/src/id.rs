//! Typed identifiers. Next: [`sn`].

mod sn;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use sn::DeviceSn;

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1–64 characters of the allowed alphabet.
    #[error("a serial number has 1 to 64 characters of A-Z a-z 0-9 _ -")]
    Sn,
    /// Not 1–128 printable ASCII characters.
    #[error("an idempotency key has 1 to 128 printable ASCII characters")]
    IdempotencyKey,
}

/// What the caller calls one intended command. Sent again with the same key, the command is not
/// executed again: the status of the first is returned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "console-4f1c-17")]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// Checks and wraps a key.
    ///
    /// # Errors
    /// [`IdError::IdempotencyKey`] when it is empty, over 128 characters or not printable ASCII.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(IdError::IdempotencyKey) }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map($name)
            }
        }
    )+};
}

uuid_id! {
    /// One command; also its DJI `tid`, for life.
    CommandId,
    /// One mission; also its DJI `flight_id`.
    MissionId,
    /// One flow end to end, from the click to the device and back; DJI's `bid`.
    TraceId,
    /// One request of one caller.
    RequestId,
    /// One uploaded wayline file.
    WaylineId,
    /// One alarm.
    AlarmId,
    /// One schedule of recurring missions.
    ScheduleId,
    /// One flight between two docks.
    MultiDockId,
}
