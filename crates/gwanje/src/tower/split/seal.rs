//! The one secret of a split tower, and what is made of it: seals of frames, MACs of orders.
//!
//! Frames are sealed with AES-256-GCM under a key of their sender's own start, so that a frame number is
//! never used twice under one key. An order carries an HMAC-SHA-256 besides, over everything it says.
//! The secret lies in the data directory (`bus-key`), its owner's alone, and is never logged.

use fleet_bus::wire::{FRAME_VERSION, Frame, Side};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};

/// File of the data directory with the secret.
pub const KEY_FILE: &str = "bus-key";
/// Bytes of a sender's name.
const NAME_MAX: usize = 64;

/// What is made of the secret.
#[derive(Clone)]
pub struct Keys {
    frames: hmac::Key,
    orders: hmac::Key,
    /// Signs the addresses of wayline files.
    pub waylines: [u8; 32],
}

fn derived(secret: &hmac::Key, purpose: &str) -> [u8; 32] {
    let mut key = [0; 32];
    let tag = hmac::sign(secret, purpose.as_bytes());
    // SHA-256 is 32 bytes.
    key.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    key
}

impl Keys {
    /// Of the secret's text.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derived(&secret, purpose));
        Self {
            frames: key("gwanje frames 1"),
            orders: key("gwanje orders 1"),
            waylines: derived(&secret, "gwanje waylines 1"),
        }
    }

    /// The MAC of an order's text, lower-case hexadecimal.
    #[must_use]
    pub fn mac(&self, text: &str) -> String {
        let tag = hmac::sign(&self.orders, text.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether this is the MAC of that text; compared in constant time.
    #[must_use]
    pub fn is_mac(&self, text: &str, mac: &str) -> bool {
        let bytes = (0..mac.len() / 2)
            .map(|at| mac.get(2 * at..2 * at + 2).and_then(|it| u8::from_str_radix(it, 16).ok()));
        let Some(bytes) = bytes.collect::<Option<Vec<u8>>>() else { return false };
        hmac::verify(&self.orders, text.as_bytes(), &bytes).is_ok()
    }

    fn frame_key(&self, side: Side, sender: &str) -> Option<LessSafeKey> {
        let key = derived(&self.frames, &format!("{}|{sender}", word(side)));
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?))
    }

    /// What a frame of that side says; `None` when nobody with the secret sealed it, or it was changed.
    #[must_use]
    pub fn open(&self, side: Side, frame: &Frame) -> Option<Vec<u8>> {
        if frame.version != FRAME_VERSION || frame.sender.len() > NAME_MAX {
            return None;
        }
        let key = self.frame_key(side, &frame.sender)?;
        let mut body = frame.body.clone();
        let aad = Aad::from(FRAME_VERSION.to_be_bytes());
        let length = key.open_in_place(nonce(frame.sequence), aad, &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Link => "link",
        Side::Api => "api",
    }
}

/// Each number once under the key of one start.
fn nonce(sequence: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Seals the frames of this start of this process.
pub struct Sealer {
    key: LessSafeKey,
    sender: String,
    sequence: u64,
}

impl Sealer {
    /// `sender` is random: another start is another sender.
    ///
    /// # Errors
    /// When the key is of no use, which it never is.
    pub fn new(keys: &Keys, side: Side, sender: &str) -> anyhow::Result<Self> {
        let key = keys.frame_key(side, sender);
        let key = key.ok_or_else(|| anyhow::anyhow!("no key can be made for the bus"))?;
        Ok(Self { key, sender: sender.to_owned(), sequence: 0 })
    }

    /// The next frame.
    pub fn seal(&mut self, mut body: Vec<u8>) -> Option<Frame> {
        self.sequence += 1;
        let aad = Aad::from(FRAME_VERSION.to_be_bytes());
        self.key.seal_in_place_append_tag(nonce(self.sequence), aad, &mut body).ok()?;
        let (sender, sequence) = (self.sender.clone(), self.sequence);
        Some(Frame { version: FRAME_VERSION, sender, sequence, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_opens_for_its_side_with_its_secret_and_unchanged() {
        let keys = Keys::new("secret");
        let mut sealer = Sealer::new(&keys, Side::Api, "one").unwrap();
        let frame = sealer.seal(b"hello".to_vec()).unwrap();
        assert_eq!(keys.open(Side::Api, &frame).as_deref(), Some(&b"hello"[..]));
        assert_eq!(keys.open(Side::Link, &frame), None, "another direction");
        assert_eq!(Keys::new("other").open(Side::Api, &frame), None, "another secret");
        let changes: [fn(&mut Frame); 4] = [
            |it| it.sequence += 1,
            |it| it.sender.push('x'),
            |it| it.body[0] ^= 1,
            |it| it.version += 1,
        ];
        for change in changes {
            let mut changed = frame.clone();
            change(&mut changed);
            assert_eq!(keys.open(Side::Api, &changed), None, "{changed:?}");
        }
        let next = sealer.seal(b"hello".to_vec()).unwrap();
        assert_ne!(next.body, frame.body, "no number is used twice");
    }

    #[test]
    fn a_mac_is_of_one_text_and_one_secret() {
        let keys = Keys::new("secret");
        let mac = keys.mac("open the cover");
        assert!(keys.is_mac("open the cover", &mac));
        assert!(!keys.is_mac("open the covers", &mac));
        assert!(!Keys::new("other").is_mac("open the cover", &mac));
        for wrong in ["", "zz", &mac[2..], &format!("{mac}00")] {
            assert!(!keys.is_mac("open the cover", wrong), "{wrong}");
        }
    }
}
