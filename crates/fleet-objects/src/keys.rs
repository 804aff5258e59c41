//! Session keys: who holds one, and for how long, is in the key itself.
//!
//! The access key id carries holder, rights and end; secret and session token are HMACs of it with
//! the master key. Nothing is stored and nothing can be revoked alone, so they live for an hour; a
//! new master key ends all of them. Somebody without the master key can make neither of the two.

use ring::hmac;

/// Bytes that a master key has at least.
const KEY_MIN: usize = 16;
/// Longest access key id that S3 clients take.
const ID_MAX: usize = 128;
const VERSION: &str = "GWJ1";

/// For whom a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A dock, by its serial number: reads and writes below `{sn}/`.
    Dock(String),
    /// The tower: reads, writes and deletes everything.
    Tower,
}

/// What a key says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For whom it is.
    pub holder: Holder,
    /// Its end, seconds since 1970.
    pub expires_s: u64,
}

impl Grant {
    /// Whether the holder may touch this key, or list below this prefix.
    #[must_use]
    pub fn covers(&self, key_or_prefix: &str) -> bool {
        match &self.holder {
            Holder::Tower => true,
            Holder::Dock(sn) => {
                key_or_prefix.strip_prefix(sn.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }
}

/// Credentials as S3 clients take them.
#[derive(Clone)]
pub struct Issued {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The master key is no key.
    #[error("the object store's master key is shorter than {KEY_MIN} characters")]
    TooShort,
    /// The serial number cannot be part of a key.
    #[error("a dock whose serial number is not plain letters and digits gets no credentials")]
    Holder,
}

/// Makes session keys and knows them again.
#[derive(Clone)]
pub struct MasterKey(hmac::Key);

impl MasterKey {
    /// Of a secret that tower and store share.
    ///
    /// # Errors
    /// [`KeyError::TooShort`].
    pub fn new(secret: &str) -> Result<Self, KeyError> {
        if secret.len() < KEY_MIN {
            return Err(KeyError::TooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// Credentials that end at `expires_s`, seconds since 1970.
    ///
    /// # Errors
    /// [`KeyError::Holder`].
    pub fn issue(&self, holder: &Holder, expires_s: u64) -> Result<Issued, KeyError> {
        let name = match holder {
            Holder::Tower => "T",
            Holder::Dock(sn) => sn,
        };
        let kind = if *holder == Holder::Tower { 'T' } else { 'D' };
        let access_key_id = format!("{VERSION}{kind}{expires_s:010x}{name}");
        let is_plain =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if name.is_empty() || !is_plain || access_key_id.len() > ID_MAX {
            return Err(KeyError::Holder);
        }
        Ok(Issued {
            secret_access_key: self.derived("secret", &access_key_id),
            session_token: self.derived("token", &access_key_id),
            access_key_id,
        })
    }

    /// What an access key id says; nothing of one that is not ours. It proves nothing: whoever
    /// presents it must have signed with [`MasterKey::secret_of`] and know the token.
    #[must_use]
    pub fn read(access_key_id: &str) -> Option<Grant> {
        let rest = access_key_id.strip_prefix(VERSION)?;
        let kind = rest.get(..1)?;
        let expires_s = u64::from_str_radix(rest.get(1..11)?, 16).ok()?;
        let holder = match (kind, rest.get(11..)?) {
            ("T", "T") => Holder::Tower,
            ("D", sn) if !sn.is_empty() => Holder::Dock(sn.to_owned()),
            (_, _) => return None,
        };
        Some(Grant { holder, expires_s })
    }

    /// The secret that belongs to an access key id.
    #[must_use]
    pub fn secret_of(&self, access_key_id: &str) -> String {
        self.derived("secret", access_key_id)
    }

    /// Whether this is the session token of an access key id.
    #[must_use]
    pub fn is_token_of(&self, access_key_id: &str, token: &str) -> bool {
        let said = format!("token:{access_key_id}");
        unhex(token).is_some_and(|token| hmac::verify(&self.0, said.as_bytes(), &token).is_ok())
    }

    fn derived(&self, what: &str, access_key_id: &str) -> String {
        hex(hmac::sign(&self.0, format!("{what}:{access_key_id}").as_bytes()).as_ref())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::new("0123456789abcdef").unwrap()
    }

    #[test]
    fn a_key_says_whose_it_is_and_when_it_ends() {
        let dock = Holder::Dock("7CTDM1234567".into());
        for holder in [dock, Holder::Tower] {
            let issued = master().issue(&holder, 1_796_000_000).unwrap();
            let grant = MasterKey::read(&issued.access_key_id).unwrap();
            assert_eq!(grant, Grant { holder, expires_s: 1_796_000_000 });
            assert_eq!(master().secret_of(&issued.access_key_id), issued.secret_access_key);
            assert!(master().is_token_of(&issued.access_key_id, &issued.session_token));
            assert!(!master().is_token_of(&issued.access_key_id, &issued.secret_access_key));
        }
    }

    #[test]
    fn a_changed_id_has_another_secret_and_another_token() {
        let issued = master().issue(&Holder::Dock("A1".into()), 1_000).unwrap();
        for changed in [
            issued.access_key_id.replace("A1", "A2"),
            issued.access_key_id.replace("GWJ1D", "GWJ1T"),
            issued.access_key_id.replacen('0', "1", 1),
        ] {
            assert_ne!(changed, issued.access_key_id);
            assert_ne!(master().secret_of(&changed), issued.secret_access_key);
            assert!(!master().is_token_of(&changed, &issued.session_token));
        }
        let other = MasterKey::new("fedcba9876543210").unwrap();
        assert!(!other.is_token_of(&issued.access_key_id, &issued.session_token));
    }

    #[test]
    fn a_dock_is_kept_below_its_own_prefix() {
        let grant = Grant { holder: Holder::Dock("A1".into()), expires_s: 0 };
        for (key, is_covered) in [
            ("A1/photo.jpg", true),
            ("A1/", true),
            ("A1", false),
            ("A12/photo.jpg", false),
            ("", false),
            ("B1/photo.jpg", false),
        ] {
            assert_eq!(grant.covers(key), is_covered, "{key}");
        }
    }

    #[test]
    fn what_is_no_key_of_ours_is_none() {
        for id in
            ["", "GWJ1", "GWJ1D", "GWJ1D00000003e8", "GWJ1X00000003e8A1", "AKIAIOSFODNN7EXAMPLE"]
        {
            assert_eq!(MasterKey::read(id), None, "{id}");
        }
        assert!(master().issue(&Holder::Dock("a/b".into()), 1).is_err());
        assert!(master().issue(&Holder::Dock(String::new()), 1).is_err());
        assert!(MasterKey::new("short").is_err());
    }
}
