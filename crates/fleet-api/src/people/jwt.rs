//! JSON Web Tokens, the little of them that sign-in needs: compact, signed, three algorithms.
//!
//! The algorithm belongs to the key, never to the token: a token whose header names another one is
//! refused, and so is `none`. A claim of a wrong type is a refusal, not an absence. Written here
//! because the crate that uses `ring` has just that mistake unmended (ADR 0019). Read next:
//! [`super::keys`].

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// Longest token that is looked at.
const MAX_BYTES: usize = 8 << 10;
/// The audience of every token that means a person.
pub(crate) const AUDIENCE: &str = "authenticated";
/// Difference of clocks that is forgiven, seconds.
const LEEWAY_S: i64 = 30;

/// What a key verifies with. One key, one algorithm.
#[derive(Clone)]
pub(crate) enum VerifyKey {
    Es256(Vec<u8>),
    Rs256 { n: Vec<u8>, e: Vec<u8> },
    Hs256(hmac::Key),
}

impl VerifyKey {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256 { .. } => "RS256",
            Self::Hs256(_) => "HS256",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Rs256 { n, e } => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::Hs256(key) => hmac::verify(key, message, signature),
        }
        .is_ok()
    }
}

/// Why a token is nobody's. Callers are told "not valid"; the log gets the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("not a token")]
    Shape,
    #[error("its algorithm is not that of its key")]
    Algorithm,
    #[error("its key is not known")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("a claim is missing or of a wrong type")]
    Claims,
    #[error("another issuer made it")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it is not for a person")]
    Role,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    Early,
}

/// What a token says. Unknown claims are passed over, `user_metadata` among them: nothing is
/// decided by what people may write about themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) sub: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) email: Option<String>,
    /// Seconds since 1970.
    pub(crate) exp: i64,
    pub(crate) iat: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Said {
    iss: String,
    aud: OneOrMany,
    sub: Uuid,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    role: String,
    session_id: Uuid,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A token taken apart; nothing in it is believed yet.
pub(crate) struct Token<'a> {
    message: &'a str,
    body: &'a str,
    signature: Vec<u8>,
    header: Header,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Refused::Shape`].
    pub(crate) fn read(text: &'a str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::Shape);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Refused::Shape)?;
        let (head, body) = message.split_once('.').ok_or(Refused::Shape)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Shape);
        let signature = decoded(signature)?;
        let header: Header = serde_json::from_slice(&decoded(head)?).map_err(|_| Refused::Shape)?;
        if header.crit.is_some() {
            return Err(Refused::Shape);
        }
        Ok(Self { message, body, signature, header })
    }

    /// Which key it says signed it.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    pub(crate) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    /// Believes it, if this key signed it and it is for us, now. `expired_s` forgives an expiry of
    /// so many seconds ago.
    ///
    /// # Errors
    /// The first [`Refused`] that applies.
    pub(crate) fn verify(
        &self,
        key: &VerifyKey,
        issuer: &str,
        now_s: i64,
        expired_s: i64,
    ) -> Result<Claims, Refused> {
        if self.header.alg != key.algorithm() {
            return Err(Refused::Algorithm);
        }
        if !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err(Refused::Signature);
        }
        let body = URL_SAFE_NO_PAD.decode(self.body).map_err(|_| Refused::Shape)?;
        let said: Said = serde_json::from_slice(&body).map_err(|_| Refused::Claims)?;
        if said.iss != issuer {
            return Err(Refused::Issuer);
        }
        let fits = match &said.aud {
            OneOrMany::One(aud) => aud == AUDIENCE,
            OneOrMany::Many(all) => all.iter().any(|aud| aud == AUDIENCE),
        };
        if !fits {
            return Err(Refused::Audience);
        }
        if said.role != AUDIENCE {
            return Err(Refused::Role);
        }
        if said.exp.saturating_add(LEEWAY_S).saturating_add(expired_s) <= now_s {
            return Err(Refused::Expired);
        }
        let latest = now_s.saturating_add(LEEWAY_S);
        if said.nbf.is_some_and(|nbf| nbf > latest) || said.iat > latest {
            return Err(Refused::Early);
        }
        let Said { sub, session_id, email, exp, iat, .. } = said;
        Ok(Claims { sub, session_id, email, exp, iat })
    }
}

/// The tower's own key: it signs what the embedded sign-in gives out.
pub struct Signer {
    pair: EcdsaKeyPair,
    kid: String,
    random: SystemRandom,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The key in the file is none, or the system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signing key cannot be used; delete its file to get a fresh one (everybody signs in anew)"
)]
pub struct BadKey;

impl Signer {
    /// A fresh key as a text for a private file.
    ///
    /// # Errors
    /// [`BadKey`] without random numbers.
    pub fn fresh_key() -> Result<String, BadKey> {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|document| URL_SAFE_NO_PAD.encode(document)).map_err(|_| BadKey)
    }

    /// Reads what [`Self::fresh_key`] made.
    ///
    /// # Errors
    /// [`BadKey`], which does not repeat it.
    pub fn from_key(text: &str) -> Result<Self, BadKey> {
        let random = SystemRandom::new();
        let document = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| BadKey)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &random);
        let pair = pair.map_err(|_| BadKey)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        let kid = crate::auth::hex(&digest.as_ref()[..8]);
        Ok(Self { pair, kid, random })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn verify_key(&self) -> VerifyKey {
        VerifyKey::Es256(self.pair.public_key().as_ref().to_vec())
    }

    /// The public half, as a set of keys.
    pub(crate) fn jwks(&self) -> Value {
        // 0x04, then x, then y, 32 bytes each.
        let point = self.pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| {
            URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default())
        };
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65),
            "alg": "ES256", "kid": self.kid, "use": "sig", "key_ops": ["verify"], "ext": true,
        }]})
    }

    /// A token that says this.
    ///
    /// # Errors
    /// [`BadKey`] without random numbers.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, BadKey> {
        let header = json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"});
        let body = serde_json::to_vec(claims).map_err(|_| BadKey)?;
        let head = URL_SAFE_NO_PAD.encode(header.to_string());
        let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(body));
        let signed = self.pair.sign(&self.random, message.as_bytes()).map_err(|_| BadKey)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// A verification key out of a set of keys, with its name; none for one that is not for us.
pub(crate) fn key_of(jwk: &Value) -> Option<(String, VerifyKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|used_for| used_for != "sig") {
        return None;
    }
    let key = match (text("kty")?, text("alg")) {
        ("EC", Some("ES256") | None) if text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let fits = x.len() == 32 && y.len() == 32;
            fits.then(|| VerifyKey::Es256([&[4][..], &x, &y].concat()))?
        }
        ("RSA", Some("RS256") | None) => VerifyKey::Rs256 { n: bytes("n")?, e: bytes("e")? },
        // A shared secret in a set that anybody may read is no secret.
        (_, _) => return None,
    };
    Some((text("kid")?.to_owned(), key))
}

/// A signature over anything by a key's own algorithm; for tests of refusals.
#[cfg(test)]
pub(crate) fn sign_hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "http://tower/auth/v1";
    const NOW: i64 = 1_790_000_000;

    fn signer() -> Signer {
        Signer::from_key(&Signer::fresh_key().unwrap()).unwrap()
    }

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": "authenticated", "sub": Uuid::from_u128(1), "exp": NOW + 60,
            "iat": NOW, "role": "authenticated", "session_id": Uuid::from_u128(2),
            "email": "kim@example.kr", "user_metadata": {"role": "administrator"},
        })
    }

    fn check(token: &str, key: &VerifyKey) -> Result<Claims, Refused> {
        Token::read(token)?.verify(key, ISSUER, NOW, 0)
    }

    #[test]
    fn a_token_says_who_and_nothing_of_what_they_say_of_themselves() {
        let signer = signer();
        let token = signer.sign(&claims()).unwrap();
        assert_eq!(Token::read(&token).unwrap().kid(), Some(signer.kid()));
        let read = check(&token, &signer.verify_key()).unwrap();
        let expect = Claims {
            sub: Uuid::from_u128(1),
            session_id: Uuid::from_u128(2),
            email: Some("kim@example.kr".to_owned()),
            exp: NOW + 60,
            iat: NOW,
        };
        assert_eq!(read, expect);
    }

    #[test]
    fn every_claim_is_checked() {
        let signer = signer();
        let with = |name: &str, value: Value, expect: Option<Refused>| {
            let mut said = claims();
            if value.is_null() {
                said.as_object_mut().unwrap().remove(name);
            } else {
                said[name] = value.clone();
            }
            let token = signer.sign(&said).unwrap();
            assert_eq!(check(&token, &signer.verify_key()).err(), expect, "{name} {value}");
        };
        with("iss", json!("http://evil/auth/v1"), Some(Refused::Issuer));
        with("iss", json!("http://tower/auth/v1/"), Some(Refused::Issuer));
        with("aud", json!("anon"), Some(Refused::Audience));
        with("aud", json!(["x", "authenticated"]), None);
        with("aud", json!([]), Some(Refused::Audience));
        with("role", json!("service_role"), Some(Refused::Role));
        with("exp", json!(NOW - 30), Some(Refused::Expired));
        with("exp", json!(NOW - 29), None);
        with("nbf", json!(NOW + 31), Some(Refused::Early));
        with("iat", json!(NOW + 31), Some(Refused::Early));
        // A claim of a wrong type is no absent claim.
        with("exp", json!("9999999999"), Some(Refused::Claims));
        with("nbf", json!("1"), Some(Refused::Claims));
        with("sub", json!("kim"), Some(Refused::Claims));
        for name in ["iss", "aud", "exp", "iat", "sub", "role", "session_id"] {
            with(name, Value::Null, Some(Refused::Claims));
        }
    }

    #[test]
    fn the_algorithm_is_the_key_s() {
        let signer = signer();
        let key = signer.verify_key();
        let VerifyKey::Es256(point) = &key else { panic!("another key") };
        // Signed with the public key as a shared secret.
        let header = json!({"alg": "HS256", "kid": signer.kid(), "typ": "JWT"});
        let forged = sign_hs256(point, &header, &claims());
        assert_eq!(check(&forged, &key).err(), Some(Refused::Algorithm));
        for alg in ["none", "None", "NONE", "", "es256", "RS256"] {
            let header = json!({"alg": alg, "kid": signer.kid()}).to_string();
            let body = claims().to_string();
            let (head, body) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
            let token = format!("{head}.{body}.");
            assert_eq!(check(&token, &key).err(), Some(Refused::Algorithm), "{alg}");
        }
        let shared = VerifyKey::Hs256(hmac::Key::new(hmac::HMAC_SHA256, b"a secret of ours"));
        let header = json!({"alg": "HS256"});
        let good = sign_hs256(b"a secret of ours", &header, &claims());
        assert!(check(&good, &shared).is_ok());
        let other = sign_hs256(b"another secret", &header, &claims());
        assert_eq!(check(&other, &shared).err(), Some(Refused::Signature));
        let ours = signer.sign(&claims()).unwrap();
        assert_eq!(check(&ours, &shared).err(), Some(Refused::Algorithm));
    }

    #[test]
    fn what_was_changed_is_refused() {
        let (signer, other) = (signer(), signer());
        let token = signer.sign(&claims()).unwrap();
        assert_eq!(check(&token, &other.verify_key()).err(), Some(Refused::Signature));
        let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let mut said = claims();
        said["sub"] = json!(Uuid::from_u128(9));
        let changed = URL_SAFE_NO_PAD.encode(said.to_string());
        let forged = format!("{head}.{changed}.{signature}");
        assert_eq!(check(&forged, &signer.verify_key()).err(), Some(Refused::Signature));
        for text in [
            String::new(),
            "a.b".to_owned(),
            "..".to_owned(),
            format!("{head}.{body}"),
            format!("{head}.{body}.{signature}="),
            format!("{head}={body}.{signature}"),
            "x".repeat(MAX_BYTES + 1),
        ] {
            assert_eq!(check(&text, &signer.verify_key()).err(), Some(Refused::Shape), "{text}");
        }
        let crit = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","crit":["b64"]}"#);
        let critical = format!("{crit}.{body}.{signature}");
        assert_eq!(check(&critical, &signer.verify_key()).err(), Some(Refused::Shape));
    }

    #[test]
    fn a_set_gives_public_keys_only() {
        let signer = signer();
        let set = signer.jwks();
        let (kid, key) = key_of(&set["keys"][0]).unwrap();
        assert_eq!(kid, signer.kid());
        assert!(check(&signer.sign(&claims()).unwrap(), &key).is_ok());
        let shared = json!({"kty": "oct", "alg": "HS256", "kid": "a", "k": "c2VjcmV0"});
        assert!(key_of(&shared).is_none());
        let mut wrong = set["keys"][0].clone();
        wrong["alg"] = json!("HS256");
        assert!(key_of(&wrong).is_none());
        assert!(!set.to_string().contains("\"d\""));
    }

    #[test]
    fn a_key_survives_its_file_and_nothing_else_is_one() {
        let text = Signer::fresh_key().unwrap();
        let (first, again) = (Signer::from_key(&text).unwrap(), Signer::from_key(&text).unwrap());
        assert_eq!(first.kid(), again.kid());
        for bad in ["", "x", &text[1..]] {
            assert_eq!(Signer::from_key(bad).err(), Some(BadKey));
        }
    }
}
