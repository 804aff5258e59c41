//! Typed identifiers.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Serial number of a dock, aircraft or robot: 1–64 characters of `[A-Za-z0-9_-]`. The alphabet is
/// what makes it safe inside an MQTT topic; everything else is refused at the edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "7CTDM1200BXXXX")]
pub struct DeviceSn(Arc<str>);

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

impl DeviceSn {
    /// Checks and wraps a serial number.
    ///
    /// # Errors
    /// [`IdError::Sn`] when it is empty, over 64 characters or outside the alphabet.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits { Ok(Self(text.into())) } else { Err(IdError::Sn) }
    }

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceSn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DeviceSn {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl std::borrow::Borrow<str> for DeviceSn {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for DeviceSn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_safe_in_a_topic() {
        let check =
            |text: &str, fits: bool| assert_eq!(DeviceSn::new(text).is_ok(), fits, "{text:?}");
        check("7CTDM1200BXXXX", true);
        check("amr_01-b", true);
        check("", false);
        check("a/b", false);
        check("+", false);
        check("#", false);
        check("한글", false);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
    }

    #[test]
    fn a_bad_serial_number_is_refused_in_json() {
        assert!(serde_json::from_str::<DeviceSn>("\"a+b\"").is_err());
        assert!(serde_json::from_str::<DeviceSn>("\"SIMDK200000001\"").is_ok());
    }
}
