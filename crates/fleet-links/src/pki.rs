//! The site's own certificate authority as texts: its certificate, what it signs for the broker,
//! the tower and devices, and the list of what it revoked.
//!
//! It refuses to touch the disk, to know the clock and to keep a book of what was issued: the
//! binary does (`gwanje ca`). Keys are [`Secret`]s. All keys are ECDSA P-256, which every broker
//! and dock of interest takes. Next: [`crate::mosquitto`], whose listeners use the files.

mod ending;

use std::{fmt, time::Duration};

use fleet_types::DeviceSn;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;

pub use ending::ends_s;

use crate::Secret;

/// Seconds of a day.
pub const DAY_S: u64 = 86_400;
/// Certificates are valid from so long before they are made: clocks differ.
const BACKDATED_S: u64 = 3600;
const SERIAL_BYTES: usize = 16;
/// The last second of the year 9999, the latest that a certificate can name.
const LATEST_S: u64 = 253_402_300_799;

/// Serial number of a certificate, as OpenSSL shows it: hexadecimal, two digits a byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 40 || !text.len().is_multiple_of(2) || !text.is_ascii() {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.map(Self)
    }

    fn random() -> Result<Self, PkiError> {
        let mut bytes = [0_u8; SERIAL_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| PkiError::NoRandomness)?;
        // Positive, and never with a leading zero byte that encoders drop.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Ok(Self(bytes.to_vec()))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// A key or certificate that is not ours to use.
    #[error("the authority's key cannot be used: {0}")]
    BadKey(String),
    /// A host that no certificate can name.
    #[error("{0:?} is no host name or IP address")]
    BadHost(String),
    /// The library refused.
    #[error("the certificate cannot be made: {0}")]
    Refused(String),
}

/// From when to when, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before_s: u64,
    /// Last second.
    pub not_after_s: u64,
}

impl Validity {
    /// From an hour before `now_s` for so many days.
    #[must_use]
    pub fn days(now_s: u64, days: u32) -> Self {
        let not_after_s = now_s.saturating_add(u64::from(days) * DAY_S).min(LATEST_S);
        Self { not_before_s: now_s.saturating_sub(BACKDATED_S), not_after_s }
    }
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Server,
    Client,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Serial number.
    pub serial: Serial,
    /// Certificate, PEM.
    pub certificate: String,
    /// Private key, PEM.
    pub key: Secret,
    /// How long it is good for.
    pub validity: Validity,
}

/// The authority: signs, and keeps nothing.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    not_after_s: u64,
}

impl Authority {
    /// A new one; its own certificate with its key.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn create(name: &str, validity: Validity) -> Result<(Self, Issued), PkiError> {
        let (key, serial) = (new_key()?, Serial::random()?);
        let mut params = authority_params(name);
        dated(&mut params, validity);
        params.serial_number = Some(SerialNumber::from_slice(&serial.0));
        let certificate = params.self_signed(&key).map_err(refused)?.pem();
        let issued =
            Issued { serial, certificate, key: Secret::new(key.serialize_pem()), validity };
        let issuer = Issuer::new(params, key);
        Ok((Self { issuer, not_after_s: validity.not_after_s }, issued))
    }

    /// The one that [`Self::create`] made with this name and key, and that ends then.
    ///
    /// # Errors
    /// [`PkiError::BadKey`] when the text is no private key.
    pub fn open(name: &str, key_pem: &Secret, not_after_s: u64) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(key_pem.expose())
            // The library's own words could repeat a piece of the key.
            .map_err(|_| PkiError::BadKey("it is no PKCS #8 key in PEM".to_owned()))?;
        Ok(Self { issuer: Issuer::new(authority_params(name), key), not_after_s })
    }

    /// A certificate for a broker that is reached by these names and addresses.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn server(&self, hosts: &[String], validity: Validity) -> Result<Issued, PkiError> {
        let Some(first) = hosts.first() else { return Err(PkiError::BadHost(String::new())) };
        let params = CertificateParams::new(hosts.to_vec())
            .map_err(|_| PkiError::BadHost(hosts.join(", ")))?;
        self.issue(params, first, Use::Server, validity)
    }

    /// A certificate by which a client of the broker is known as `name`.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn client(&self, name: &str, validity: Validity) -> Result<Issued, PkiError> {
        self.issue(CertificateParams::default(), name, Use::Client, validity)
    }

    /// A certificate by which a device is known: its common name is the serial number.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn device(&self, sn: &DeviceSn, validity: Validity) -> Result<Issued, PkiError> {
        self.client(sn.as_str(), validity)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        name: &str,
        purpose: Use,
        validity: Validity,
    ) -> Result<Issued, PkiError> {
        let (key, serial) = (new_key()?, Serial::random()?);
        // What outlives its authority would be refused anyway, without a date to be warned of.
        let not_after_s = validity.not_after_s.min(self.not_after_s);
        let validity = Validity { not_after_s, ..validity };
        dated(&mut params, validity);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from_slice(&serial.0));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match purpose {
            Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?.pem();
        Ok(Issued { serial, certificate, key: Secret::new(key.serialize_pem()), validity })
    }

    /// The list of what is revoked (PEM), each with its time. `number` must grow from list to list.
    /// The list is good for as long as the authority: it is handed to the broker as a file, and one
    /// that went out of date would lock everybody out.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn revocations(
        &self,
        number: u64,
        now_s: u64,
        revoked: &[(Serial, u64)],
    ) -> Result<String, PkiError> {
        let entry = |(serial, at_s): &(Serial, u64)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial.0),
            revocation_time: date(*at_s),
            reason_code: Some(RevocationReason::Unspecified),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            // In the past for a broker whose clock is a little behind.
            this_update: date(now_s.saturating_sub(BACKDATED_S)),
            next_update: date(self.not_after_s.max(now_s + DAY_S)),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(refused)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("not_after_s", &self.not_after_s).finish_non_exhaustive()
    }
}

/// The same for one name always: an issuer is known by its name and key.
fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn dated(params: &mut CertificateParams, validity: Validity) {
    params.not_before = date(validity.not_before_s);
    params.not_after = date(validity.not_after_s);
}

fn date(unix_s: u64) -> OffsetDateTime {
    date_time_ymd(1970, 1, 1) + Duration::from_secs(unix_s.min(LATEST_S))
}

fn new_key() -> Result<KeyPair, PkiError> {
    KeyPair::generate().map_err(|_| PkiError::NoRandomness)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn refused(error: rcgen::Error) -> PkiError {
    PkiError::Refused(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_790_000_000;

    #[test]
    fn serials_are_written_and_read() {
        let serial = Serial::random().unwrap();
        assert_eq!(Serial::parse(&serial.to_string()), Some(serial.clone()));
        assert_eq!(serial.to_string().len(), 2 * SERIAL_BYTES);
        for wrong in ["", "A", "GG", "가가", &"00".repeat(21)] {
            assert_eq!(Serial::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_outlives_its_authority_and_keys_stay_out_of_sight() {
        let (authority, own) = Authority::create("Site", Validity::days(NOW_S, 10)).unwrap();
        let device = DeviceSn::new("D1").unwrap();
        let issued = authority.device(&device, Validity::days(NOW_S, 365)).unwrap();
        assert_eq!(issued.validity.not_after_s, own.validity.not_after_s);
        let shown = format!("{authority:?} {own:?} {issued:?}");
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
        let again = Authority::open("Site", &own.key, own.validity.not_after_s).unwrap();
        assert!(again.server(&["192.0.2.1".into(), "broker.site".into()], own.validity).is_ok());
        assert!(again.server(&["배".into()], own.validity).is_err());
        assert!(again.server(&[], own.validity).is_err());
        let error = Authority::open("Site", &Secret::new("not a key"), 0).unwrap_err();
        assert!(!error.to_string().contains("not a key"), "{error}");
        let list = again.revocations(1, NOW_S, &[(issued.serial, NOW_S)]).unwrap();
        assert!(list.starts_with("-----BEGIN X509 CRL-----"), "{list}");
    }
}
