//! Small strings: serial numbers, versions and keys stay out of the heap.
//!
//! It is no general string type: it is written once at decoding and only read afterwards.
//! Next: [`crate::lenient`].

use core::fmt;
use core::ops::Deref;

use serde::{Serialize, Serializer};

/// An owned string; up to 22 bytes are kept inside the value (24 bytes in all).
pub type Text = TextOf<22>;

/// An owned string; up to 38 bytes, enough for a UUID, are kept inside the value (40 in all).
pub type LongText = TextOf<38>;

/// An owned string; up to `INLINE` bytes are kept inside the value.
#[derive(Clone)]
pub struct TextOf<const INLINE: usize>(Repr<INLINE>);

#[derive(Clone)]
enum Repr<const INLINE: usize> {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<str>),
}

impl<const INLINE: usize> TextOf<INLINE> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // The bytes were copied from a whole `str`, so the check cannot fail; it keeps the
            // crate free of unsafe code.
            Repr::Inline { len, bytes } => {
                core::str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default()
            }
            Repr::Heap(text) => text,
        }
    }
}

impl<const INLINE: usize> From<&str> for TextOf<INLINE> {
    fn from(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(slot), Ok(len)) => {
                slot.copy_from_slice(text.as_bytes());
                Self(Repr::Inline { len, bytes })
            }
            (_, _) => Self(Repr::Heap(text.into())),
        }
    }
}

impl<const INLINE: usize> From<String> for TextOf<INLINE> {
    fn from(text: String) -> Self {
        if text.len() <= INLINE { Self::from(text.as_str()) } else { Self(Repr::Heap(text.into())) }
    }
}

impl<const INLINE: usize> Default for TextOf<INLINE> {
    fn default() -> Self {
        Self::from("")
    }
}

impl<const INLINE: usize> Deref for TextOf<INLINE> {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const INLINE: usize> AsRef<str> for TextOf<INLINE> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const INLINE: usize> PartialEq for TextOf<INLINE> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const INLINE: usize> Eq for TextOf<INLINE> {}

impl<const INLINE: usize> PartialEq<str> for TextOf<INLINE> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const INLINE: usize> PartialEq<&str> for TextOf<INLINE> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const INLINE: usize> PartialOrd for TextOf<INLINE> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const INLINE: usize> Ord for TextOf<INLINE> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const INLINE: usize> core::hash::Hash for TextOf<INLINE> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const INLINE: usize> fmt::Display for TextOf<INLINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const INLINE: usize> fmt::Debug for TextOf<INLINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const INLINE: usize> Serialize for TextOf<INLINE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_length() {
        for len in [0, 1, 20, 21, 22, 23, 36, 38, 39, 255, 256, 1000] {
            let text = "\u{ac00}a".repeat(len);
            let text = text.chars().take(len).collect::<String>();
            assert_eq!(Text::from(text.as_str()).as_str(), text);
            assert_eq!(Text::from(text.clone()).as_str(), text);
            assert_eq!(LongText::from(text.as_str()).as_str(), text);
        }
        assert_eq!(core::mem::size_of::<Text>(), 24);
        assert_eq!(core::mem::size_of::<LongText>(), 40);
    }
}
