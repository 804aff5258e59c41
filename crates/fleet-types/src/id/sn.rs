//! Serial numbers, kept where they are used: every component looks its devices up by them for every
//! report, and following a pointer at each comparison cost more than the comparison.

use std::{
    borrow::{Borrow, Cow},
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::IdError;

/// Longest serial number that needs no memory of its own; DJI's have 14 to 20 characters.
const SHORT_MAX: usize = 22;

/// Serial number of a dock, aircraft or robot: 1–64 characters of `[A-Za-z0-9_-]`. The alphabet is
/// what makes it safe inside an MQTT topic; everything else is refused at the edge.
#[derive(Clone, ToSchema)]
#[schema(value_type = String, example = "7CTDM1200BXXXX")]
pub struct DeviceSn(Repr);

#[derive(Clone)]
enum Repr {
    Short { length: u8, bytes: [u8; SHORT_MAX] },
    Long(Arc<str>),
}

impl DeviceSn {
    /// Checks and wraps a serial number.
    ///
    /// # Errors
    /// [`IdError::Sn`] when it is empty, over 64 characters or outside the alphabet.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !fits {
            return Err(IdError::Sn);
        }
        let mut bytes = [0; SHORT_MAX];
        let repr = match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Repr::Short { length, bytes }
            }
            (None, _) | (_, Err(_)) => Repr::Long(text.into()),
        };
        Ok(Self(repr))
    }

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was text when it was put in.
            Repr::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Repr::Long(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Repr::Long(text) => text.as_bytes(),
        }
    }
}

impl PartialEq for DeviceSn {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for DeviceSn {}

impl PartialOrd for DeviceSn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As its text is ordered.
impl Ord for DeviceSn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// As its text is hashed: maps are asked by text, too.
impl Hash for DeviceSn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for DeviceSn {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for DeviceSn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceSn").field(&self.as_str()).finish()
    }
}

impl fmt::Display for DeviceSn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeviceSn {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl Serialize for DeviceSn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DeviceSn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, hash::DefaultHasher};

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

    #[test]
    fn short_and_long_ones_are_their_text() {
        let long = |c: &str| c.repeat(SHORT_MAX + 1);
        let texts =
            ["a", "B", "a1", "SIMDK200000001", &"x".repeat(SHORT_MAX), &long("x"), &long("A")];
        let sns = texts.map(|text| DeviceSn::new(text).unwrap());
        for (sn, text) in sns.iter().zip(texts) {
            assert_eq!((sn.as_str(), sn.to_string()), (text, text.to_owned()));
            assert_eq!(serde_json::to_string(sn).unwrap(), format!("\"{text}\""));
            assert_eq!(format!("{sn:?}"), format!("DeviceSn(\"{text}\")"));
            for (other, other_text) in sns.iter().zip(texts) {
                assert_eq!(sn.cmp(other), text.cmp(other_text));
                assert_eq!(sn == other, text == other_text);
            }
        }
        let hash = |of: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            of(&mut hasher);
            hasher.finish()
        };
        for (sn, text) in sns.iter().zip(texts) {
            assert_eq!(hash(&|to| sn.hash(to)), hash(&|to| text.hash(to)));
        }
        let map: BTreeMap<_, _> = sns.into_iter().zip(0..).collect();
        assert!(texts.iter().zip(0..).all(|(text, number)| map.get(*text) == Some(&number)));
        assert_eq!(size_of::<DeviceSn>(), 24);
    }
}
