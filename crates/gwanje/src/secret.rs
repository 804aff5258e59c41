//! Secrets of this machine: tokens, passwords of child processes, sign-in codes.

pub use fleet_types::Secret;

/// Environment variable that carries the one-time sign-in code from the supervisor to the tower: an
/// argument list would show it to everybody on the machine.
pub const SIGN_IN_VARIABLE: &str = "GWANJE_SIGNIN_CODE";

/// A new random secret of `bytes` random bytes, as lower-case hexadecimal.
///
/// # Errors
/// When the kernel's random source fails.
pub fn random(bytes: usize) -> std::io::Result<Secret> {
    let mut raw = vec![0_u8; bytes];
    getrandom::fill(&mut raw).map_err(|error| std::io::Error::other(error.to_string()))?;
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    let text: String = raw.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
    Ok(Secret::new(text))
}

/// The one-time sign-in code that the supervisor gave this tower, if one did.
#[must_use]
pub fn sign_in_code() -> Option<Secret> {
    std::env::var(SIGN_IN_VARIABLE).ok().filter(|code| code.len() >= 16).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_are_long_and_differ() {
        let (a, b) = (random(24).unwrap(), random(24).unwrap());
        assert_eq!(a.expose().len(), 48);
        assert!(a.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
