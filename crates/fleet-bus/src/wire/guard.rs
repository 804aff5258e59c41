//! Which datagrams may reach the RTPS implementation.
//!
//! Whoever reaches the port can send anything, and `dust_dds` 0.16 answers some of it with a panic
//! or a loop without end: on one thread that would stop the tower. Each check here names what it
//! prevents; `docs/dds.md` lists them. A datagram that fails is dropped whole. Nothing is decoded
//! beyond what these checks need.

/// Bytes of the RTPS header.
const HEADER: usize = 20;
/// Sequence numbers beyond this overflow when they are added to.
const SEQUENCE_MAX: i64 = 1 << 48;
/// Sequence numbers one GAP may skip: each costs a step of a loop.
const GAP_MAX: i64 = 1 << 20;
/// Bits of a set, by the RTPS specification.
const SET_BITS_MAX: u32 = 256;
/// Fragments of one sample: their set has no room for more.
const FRAGMENTS_MAX: u32 = 256;
/// Bytes of one sample in fragments; room for it is made at once.
const SAMPLE_MAX: u32 = 1 << 20;

mod id {
    pub(super) const ACKNACK: u8 = 0x06;
    pub(super) const HEARTBEAT: u8 = 0x07;
    pub(super) const GAP: u8 = 0x08;
    pub(super) const INFO_REPLY_IP4: u8 = 0x0d;
    pub(super) const INFO_REPLY: u8 = 0x0f;
    pub(super) const NACK_FRAG: u8 = 0x12;
    pub(super) const HEARTBEAT_FRAG: u8 = 0x13;
    pub(super) const DATA: u8 = 0x15;
    pub(super) const DATA_FRAG: u8 = 0x16;
}

/// Whether a datagram of somebody else is one that can be handled.
pub(super) fn is_sound(datagram: &[u8], own_prefix: &[u8; 12]) -> bool {
    let Some((header, mut rest)) = datagram.split_at_checked(HEADER) else { return false };
    if !header.starts_with(b"RTPS\x02") || is_own(datagram, own_prefix) {
        return false;
    }
    while !rest.is_empty() {
        let Some((&[kind, flags, a, b], body)) = rest.split_first_chunk() else { return false };
        let little = flags & 1 == 1;
        let length =
            if little { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) }.into();
        // The last submessage may say 0: it goes on to the end.
        let length = if length == 0 && takes_the_rest(kind) { body.len() } else { length };
        let Some((body, after)) = body.split_at_checked(length) else { return false };
        if !is_sound_submessage(kind, &Body { bytes: body, little }) {
            return false;
        }
        rest = after;
    }
    true
}

/// Whether it is our own: multicast comes back, and there is nobody here to discover.
pub(super) fn is_own(datagram: &[u8], own_prefix: &[u8; 12]) -> bool {
    datagram.get(8..HEADER).is_some_and(|prefix| prefix == own_prefix)
}

fn takes_the_rest(kind: u8) -> bool {
    !matches!(kind, 0x01 | 0x09)
}

fn is_sound_submessage(kind: u8, body: &Body<'_>) -> bool {
    match kind {
        // Not implemented there: they panic.
        id::INFO_REPLY | id::INFO_REPLY_IP4 => false,
        id::DATA => body.sequence(12).is_some(),
        id::DATA_FRAG => {
            let (Some(size), Some(count), Some(fragment)) =
                (body.long(28), body.short(24), body.short(26))
            else {
                return false;
            };
            // Divided by, and the number of them indexes a set.
            body.sequence(12).is_some()
                && fragment > 0
                && count > 0
                && size <= SAMPLE_MAX
                && size.div_ceil(u32::from(fragment)) <= FRAGMENTS_MAX
                && body.long(20).is_some_and(|first| (1..=FRAGMENTS_MAX).contains(&first))
        }
        id::GAP => {
            let span = body.sequence(8).zip(body.sequence(16));
            span.is_some_and(|(start, base)| base.saturating_sub(start) <= GAP_MAX)
                && body.long(24).is_some_and(|bits| bits <= SET_BITS_MAX)
        }
        id::HEARTBEAT => {
            let span = body.sequence(8).zip(body.sequence(16));
            span.is_some_and(|(first, last)| last >= first - 1)
        }
        id::ACKNACK => {
            body.sequence(8).is_some() && body.long(16).is_some_and(|bits| bits <= SET_BITS_MAX)
        }
        // Longer sets are written beyond the end of theirs.
        id::NACK_FRAG => {
            body.sequence(8).is_some()
                && body.long(16).is_some_and(|base| base < u32::MAX - SET_BITS_MAX)
                && body.long(20).is_some_and(|bits| bits <= SET_BITS_MAX)
        }
        id::HEARTBEAT_FRAG => body.sequence(8).is_some(),
        _ => true,
    }
}

struct Body<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Body<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    }

    /// A sequence number that can be counted with.
    fn sequence(&self, at: usize) -> Option<i64> {
        let (high, low) = (self.long(at)?, self.long(at + 4)?);
        let number = (i64::from(high) << 32) | i64::from(low);
        (high < u32::from(u16::MAX) && number <= SEQUENCE_MAX).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [u8; 12] = [9; 12];

    fn datagram(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = b"RTPS\x02\x03\x01\x10".to_vec();
        bytes.extend([7; 12]);
        bytes.extend([kind, 1]);
        bytes.extend(u16::try_from(body.len()).expect("short").to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn sequence(number: i64) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&i32::try_from(number >> 32).expect("fits").to_le_bytes());
        bytes[4..]
            .copy_from_slice(&u32::try_from(number & 0xffff_ffff).expect("fits").to_le_bytes());
        bytes
    }

    fn check(what: &str, kind: u8, parts: &[&[u8]], sound: bool) {
        assert_eq!(is_sound(&datagram(kind, &parts.concat()), &OWN), sound, "{what}");
    }

    #[test]
    fn what_would_stop_the_loop_is_dropped() {
        let ids = [0; 8];
        let long = |number: u32| number.to_le_bytes();
        check("gap", id::GAP, &[&ids, &sequence(1), &sequence(900), &long(0)], true);
        let far = sequence(1 << 40);
        check("endless gap", id::GAP, &[&ids, &sequence(1), &far, &long(0)], false);
        check(
            "set beyond its end",
            id::GAP,
            &[&ids, &sequence(1), &sequence(2), &long(257)],
            false,
        );
        check("heartbeat", id::HEARTBEAT, &[&ids, &sequence(1), &sequence(0), &long(1)], true);
        check("backwards", id::HEARTBEAT, &[&ids, &sequence(9), &sequence(1), &long(1)], false);
        let most = [0xff; 8];
        check("overflow", id::HEARTBEAT, &[&ids, &sequence(1), &most, &long(1)], false);
        check("reply to", id::INFO_REPLY, &[&[0; 28]], false);
        check("reply to, IPv4", id::INFO_REPLY_IP4, &[&[0; 8]], false);
        let frag = |first: u32, count: u16, size: u16, data: u32| {
            let mut body = [0_u8; 12].to_vec();
            body.extend(sequence(5));
            body.extend(first.to_le_bytes());
            body.extend(count.to_le_bytes());
            body.extend(size.to_le_bytes());
            body.extend(data.to_le_bytes());
            body
        };
        check("fragment", id::DATA_FRAG, &[&frag(1, 1, 1000, 5000)], true);
        check("divided by zero", id::DATA_FRAG, &[&frag(1, 1, 0, 5000)], false);
        check("too many", id::DATA_FRAG, &[&frag(1, 1, 10, 5000)], false);
        check("too large", id::DATA_FRAG, &[&frag(1, 1, 65_000, 0xffff_ffff)], false);
        check("no such fragment", id::DATA_FRAG, &[&frag(0, 1, 1000, 5000)], false);
        let nack = |bits: u32| [&ids[..], &sequence(1), &long(1), &long(bits)].concat();
        check("fragments wanted", id::NACK_FRAG, &[&nack(4)], true);
        check("too many wanted", id::NACK_FRAG, &[&nack(100_000)], false);
    }

    #[test]
    fn only_whole_messages_of_others_are_sound() {
        let good = datagram(id::ACKNACK, &[&[0; 8][..], &sequence(1), &[0; 4], &[1; 4]].concat());
        assert!(is_sound(&good, &OWN));
        assert!(!is_sound(&good, &[7; 12]), "our own");
        for length in 0..good.len() {
            assert!(!is_sound(&good[..length], &OWN) || length == HEADER, "{length} bytes");
        }
        let mut other = good;
        other[4] = 3;
        assert!(!is_sound(&other, &OWN), "another version");
    }
}
