//! A text that must not be seen: passwords, keys, licences, sign-in codes.
//!
//! It refuses to be printed, logged or serialised; whoever needs the text calls
//! [`Secret::expose`], which is easy to find in a review. Read next: [`crate::config`].

use std::fmt;

/// Text that prints as `***`. There is no `Serialize` on purpose.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A new random secret of `bytes` random bytes, as lower-case hexadecimal.
    ///
    /// # Errors
    /// When the kernel's random source fails.
    pub fn random(bytes: usize) -> std::io::Result<Self> {
        let mut raw = vec![0_u8; bytes];
        getrandom::fill(&mut raw).map_err(|error| std::io::Error::other(error.to_string()))?;
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
        Ok(Self(raw.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "***" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn random_secrets_are_long_and_differ() {
        let (a, b) = (Secret::random(24).unwrap(), Secret::random(24).unwrap());
        assert_eq!(a.expose().len(), 48);
        assert!(a.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
