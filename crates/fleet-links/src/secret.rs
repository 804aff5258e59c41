//! A text that must not reach a log.
//!
//! It refuses `Display`, and its `Debug` says nothing; whoever needs the text asks by name.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};

/// Alphabet of generated passwords: no character that is mistaken for another when typed by hand.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password or token. `Debug` prints `Secret(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new password of 24 characters (120 bits) that can be typed on a remote controller.
    /// `None` when the operating system gives no randomness.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let mut raw = [0_u8; 24];
        SystemRandom::new().fill(&mut raw).ok()?;
        Some(Self(raw.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()))
    }

    /// The text itself. Never log it, never put it in an error or an argument list.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn generated_passwords_differ() {
        let one = Secret::generate().unwrap();
        let two = Secret::generate().unwrap();
        assert_eq!(one.expose().len(), 24);
        assert_ne!(one, two);
    }
}
