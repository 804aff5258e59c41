//! Passwords that a person types on a remote controller.

pub use fleet_types::Secret;
use ring::rand::{SecureRandom, SystemRandom};

/// Alphabet of generated passwords: no character that is mistaken for another when typed by hand.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new password of 24 characters (120 bits). `None` when the operating system gives no
/// randomness.
#[must_use]
pub fn new_password() -> Option<Secret> {
    let mut raw = [0_u8; 24];
    SystemRandom::new().fill(&mut raw).ok()?;
    let text: String =
        raw.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Some(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_differ() {
        let one = new_password().unwrap();
        let two = new_password().unwrap();
        assert_eq!(one.expose().len(), 24);
        assert_ne!(one, two);
    }
}
