//! The door of the process that owns the docks: which orders of other processes are taken in, and that
//! none is taken twice.
//!
//! Pure: told when and what. An order is for one link (its epoch), lives for seconds, and its id is
//! remembered for longer than it lives: so nothing that was heard on the wire is of any use to whoever
//! says it again. Said again by its own sender, who heard no receipt, it is answered as the first time.

use std::collections::BTreeMap;

use fleet_types::{MonoMs, Now, WallMs};
use uuid::Uuid;

use super::{
    says::{Order, Receipt, Refusal, Sealed},
    seal::Keys,
};

/// How old an order may be that comes in: the caller was told that its outcome is unknown soon after.
pub(super) const TRANSIT_MS: i64 = 3_000;
/// How far the other process's clock may be ahead.
const AHEAD_MS: i64 = 1_000;
/// Ids are remembered for much longer than an order lives.
const KNOWN_MS: u64 = 60_000;
/// Ids remembered; when there are more nothing is taken in, rather than one forgotten.
const KNOWN_MAX: usize = 8192;

/// What becomes of an order.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is to be carried out, now and once.
    Take(Order),
    /// It was before: the receipt is given again.
    Again(Receipt),
    /// It is not; the id where it has one that can be believed.
    Refuse(Refusal, Option<Uuid>),
}

struct Known {
    attempt: u32,
    refused: Option<Refusal>,
    at: MonoMs,
}

/// The door of one link.
pub(super) struct Gate {
    epoch: u64,
    known: BTreeMap<Uuid, Known>,
}

impl Gate {
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, known: BTreeMap::new() }
    }

    /// Judges what came.
    pub(super) fn judge(&mut self, keys: &Keys, sealed: &Sealed, now: Now) -> Verdict {
        if !keys.is_mac(&sealed.text, &sealed.mac) {
            return Verdict::Refuse(Refusal::WrongMac, None);
        }
        let Ok(order) = serde_json::from_str::<Order>(&sealed.text) else {
            return Verdict::Refuse(Refusal::Malformed, None);
        };
        let id = order.order_id;
        self.known.retain(|_, known| now.mono.since_ms(known.at) < KNOWN_MS);
        if let Some(known) = self.known.get_mut(&id) {
            if order.attempt <= known.attempt {
                return Verdict::Refuse(Refusal::Replayed, None);
            }
            known.attempt = order.attempt;
            return Verdict::Again(Receipt { order_id: id, refused: known.refused });
        }
        let refused = self.fits(&order, now.wall);
        if self.known.len() >= KNOWN_MAX {
            return Verdict::Refuse(Refusal::Full, Some(id));
        }
        self.known.insert(id, Known { attempt: order.attempt, refused, at: now.mono });
        match refused {
            Some(refusal) => Verdict::Refuse(refusal, Some(id)),
            None => Verdict::Take(order),
        }
    }

    /// What was taken had no room after all: said again it is answered so.
    pub(super) fn was_refused(&mut self, id: Uuid, refusal: Refusal) {
        if let Some(known) = self.known.get_mut(&id) {
            known.refused = Some(refusal);
        }
    }

    fn fits(&self, order: &Order, now: WallMs) -> Option<Refusal> {
        let age = now.0.saturating_sub(order.issued_ms.0);
        if order.epoch != self.epoch {
            Some(Refusal::OtherEpoch)
        } else if age > TRANSIT_MS || now >= order.expires_ms {
            Some(Refusal::Expired)
        } else if age < -AHEAD_MS {
            Some(Refusal::ClockAhead)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(1_000_000 + i64::try_from(ms).unwrap()) }
    }

    fn order(change: impl FnOnce(&mut Order)) -> Sealed {
        let mut order = Order {
            order_id: Uuid::from_u128(7),
            attempt: 0,
            epoch: 5,
            issued_ms: at(0).wall,
            expires_ms: at(60_000).wall,
            topic: "Command".to_owned(),
            data: RawValue::from_string("{}".to_owned()).unwrap(),
        };
        change(&mut order);
        let text = serde_json::to_string(&order).unwrap();
        Sealed { mac: Keys::new("k").mac(&text), text }
    }

    /// What a fresh door says of it at so many milliseconds.
    fn says(ms: u64, sealed: &Sealed) -> String {
        said(&mut Gate::new(5), ms, sealed)
    }

    fn said(gate: &mut Gate, ms: u64, sealed: &Sealed) -> String {
        match gate.judge(&Keys::new("k"), sealed, at(ms)) {
            Verdict::Take(order) => format!("take {}", order.topic),
            Verdict::Again(receipt) => format!("again {:?}", receipt.refused),
            Verdict::Refuse(refusal, _) => refusal.word().to_owned(),
        }
    }

    #[test]
    fn an_order_is_taken_when_all_of_it_is_right() {
        assert_eq!(says(100, &order(|_| {})), "take Command");
        let forged = Sealed { mac: Keys::new("other").mac("x"), ..order(|_| {}) };
        assert_eq!(says(100, &forged), "wrong_mac");
        let mut changed = order(|_| {});
        changed.text = changed.text.replace("Command", "Mission");
        assert_eq!(says(100, &changed), "wrong_mac");
        assert_eq!(says(100, &order(|it| it.epoch = 4)), "other_epoch");
        assert_eq!(says(100, &order(|it| it.expires_ms = at(100).wall)), "expired");
        assert_eq!(says(3_000, &order(|_| {})), "take Command");
        assert_eq!(says(3_001, &order(|_| {})), "expired", "it was under way for too long");
        assert_eq!(says(0, &order(|it| it.issued_ms.0 += 1_001)), "clock_ahead");
        let text = "{}".to_owned();
        let nothing = Sealed { mac: Keys::new("k").mac(&text), text };
        assert_eq!(says(0, &nothing), "malformed");
    }

    #[test]
    fn nothing_is_taken_twice() {
        let mut gate = Gate::new(5);
        assert_eq!(said(&mut gate, 10, &order(|_| {})), "take Command");
        assert_eq!(said(&mut gate, 11, &order(|_| {})), "replayed");
        // Its own sender heard no receipt.
        assert_eq!(said(&mut gate, 12, &order(|it| it.attempt = 1)), "again None");
        assert_eq!(said(&mut gate, 13, &order(|it| it.attempt = 1)), "replayed");
        // The same id in other words.
        assert_eq!(said(&mut gate, 14, &order(|it| it.topic = "X".to_owned())), "replayed");
        // When it is forgotten it is long over.
        assert_eq!(said(&mut gate, 100_000, &order(|_| {})), "expired");
    }

    #[test]
    fn a_refusal_stays_a_refusal() {
        let mut gate = Gate::new(5);
        assert_eq!(said(&mut gate, 10, &order(|it| it.epoch = 4)), "other_epoch");
        let again = order(|it| (it.epoch, it.attempt) = (5, 1));
        assert_eq!(said(&mut gate, 11, &again), "again Some(OtherEpoch)");
        let mut gate = Gate::new(5);
        assert_eq!(said(&mut gate, 10, &order(|_| {})), "take Command");
        gate.was_refused(Uuid::from_u128(7), Refusal::Full);
        assert_eq!(said(&mut gate, 11, &order(|it| it.attempt = 1)), "again Some(Full)");
    }

    #[test]
    fn a_flood_forgets_nothing() {
        let mut gate = Gate::new(5);
        for number in 0..KNOWN_MAX {
            let id = Uuid::from_u128(100 + number as u128);
            gate.known.insert(id, Known { attempt: 0, refused: None, at: MonoMs(0) });
        }
        assert_eq!(said(&mut gate, 10, &order(|_| {})), "queue_full");
    }
}
