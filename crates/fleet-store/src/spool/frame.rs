//! A frame: length, checksum, kind, number, payload. The same on disk and between the processes.
//!
//! All numbers are big-endian. The checksum covers everything after itself.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Before the payload: length of what follows the checksum, checksum, kind, number.
pub(super) const HEADER: usize = 4 + 4 + 1 + 8;
/// Largest payload; a batch is some hundred KiB.
pub(super) const PAYLOAD_MAX: usize = 16 << 20;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) seq: u64,
    pub(super) payload: Bytes,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A whole frame, and how many bytes it took.
    Whole(Frame, usize),
    /// More bytes are needed.
    Short,
    /// No frame: wrong length or checksum.
    Bad,
}

impl Frame {
    pub(super) fn new(kind: u8, seq: u64, payload: Bytes) -> Self {
        Self { kind, seq, payload }
    }

    pub(super) fn encode(&self) -> Bytes {
        let length = 9 + self.payload.len();
        let mut body = BytesMut::with_capacity(HEADER + self.payload.len());
        body.put_u32(u32::try_from(length).unwrap_or_default());
        body.put_u32(0);
        body.put_u8(self.kind);
        body.put_u64(self.seq);
        body.put_slice(&self.payload);
        let sum = crc32fast::hash(&body[8..]);
        body[4..8].copy_from_slice(&sum.to_be_bytes());
        body.freeze()
    }

    pub(super) fn parse(mut bytes: &[u8]) -> Parsed {
        if bytes.len() < HEADER {
            return Parsed::Short;
        }
        let length = usize::try_from(bytes.get_u32()).unwrap_or(usize::MAX);
        let sum = bytes.get_u32();
        if !(9..=PAYLOAD_MAX + 9).contains(&length) {
            return Parsed::Bad;
        }
        let Some(mut body) = bytes.get(..length) else { return Parsed::Short };
        if crc32fast::hash(body) != sum {
            return Parsed::Bad;
        }
        let (kind, seq) = (body.get_u8(), body.get_u64());
        Parsed::Whole(Self { kind, seq, payload: Bytes::copy_from_slice(body) }, 8 + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_short_or_bad() {
        let frame = Frame::new(3, 77, Bytes::from_static(b"payload"));
        let bytes = frame.encode();
        assert_eq!(Frame::parse(&bytes), Parsed::Whole(frame, bytes.len()));
        for cut in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..cut]), Parsed::Short, "{cut}");
        }
        for at in 4..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            assert_eq!(Frame::parse(&flipped), Parsed::Bad, "{at}");
        }
        assert_eq!(Frame::parse(&[0xff; 32]), Parsed::Bad);
        assert_eq!(Frame::parse(&[0; 32]), Parsed::Bad);
    }
}
