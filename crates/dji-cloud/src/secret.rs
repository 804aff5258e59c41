//! Text that must not reach a log: keys, tokens, licences, binding codes.
//!
//! It is written to the wire as it is, but `Debug` shows only that there is one.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{Take, WireValue};
use crate::text::Text;

/// A secret string.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Text);

impl Secret {
    /// The secret itself: for the wire only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl WireValue for Secret {
    const EXPECTED: &'static str = "string";

    fn from_i64(value: i64) -> Take<Self> {
        Take::Coerced(Self(value.to_string().into()))
    }
    fn from_text(text: &str) -> Take<Self> {
        Take::Exact(Self(text.into()))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        out.push(LeafSpec { key: path.to_owned(), unit, codes: &[], kind: LeafKind::Text });
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        // Leaves are shown and recorded; a secret is neither.
        f(base, LeafRef::Text("***"));
    }
}
