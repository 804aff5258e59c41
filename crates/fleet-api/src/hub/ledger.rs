//! Bounded records of commands or missions, by id, by device and by idempotency key.
//!
//! What is under way is never evicted; of what ended, the oldest goes first. A key is reserved
//! before its request leaves, so that two calls with one key cause one request. Read next:
//! [`crate::submit`].

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use fleet_types::{
    CommandId, CommandStatus, DeviceSn, IdempotencyKey, MissionId, MissionState, MissionStatus,
};

/// Keys that wait for a first word of their request; the oldest is forgotten beyond this.
const MAX_RESERVED: usize = 10_000;

/// Something with a life and an idempotency key.
pub(crate) trait Record {
    type Id: Copy + Ord;
    fn id(&self) -> Self::Id;
    fn sn(&self) -> &DeviceSn;
    fn key(&self) -> &IdempotencyKey;
    /// Whether the machine made it for a request of its own, not for the caller's key.
    fn is_part(&self) -> bool;
    fn is_final(&self) -> bool;
}

impl Record for CommandStatus {
    type Id = CommandId;
    fn id(&self) -> CommandId {
        self.command_id
    }
    fn sn(&self) -> &DeviceSn {
        &self.sn
    }
    fn key(&self) -> &IdempotencyKey {
        &self.idempotency_key
    }
    fn is_part(&self) -> bool {
        self.mission_id.is_some()
    }
    fn is_final(&self) -> bool {
        self.state.is_final()
    }
}

impl Record for MissionStatus {
    type Id = MissionId;
    fn id(&self) -> MissionId {
        self.mission_id
    }
    fn sn(&self) -> &DeviceSn {
        &self.sn
    }
    fn key(&self) -> &IdempotencyKey {
        &self.idempotency_key
    }
    fn is_part(&self) -> bool {
        false
    }
    fn is_final(&self) -> bool {
        self.state == MissionState::Ended
    }
}

/// What a request asks for, as a digest; equal requests have equal fingerprints.
pub(crate) type Fingerprint = [u8; 32];

/// What is known under a key.
#[derive(Debug)]
pub(crate) enum Keyed<R> {
    /// Nothing: it is reserved now, and the request may be sent.
    Reserved,
    /// The same request went out and has not been answered yet.
    Waiting,
    /// The same request, and where it stands.
    Known(Arc<R>),
    /// Another request used this key.
    Conflict,
}

struct KeyEntry<Id> {
    id: Id,
    /// Absent for what others asked for: then only the id is known.
    fingerprint: Option<Fingerprint>,
}

struct Slot<R> {
    seq: u64,
    record: Arc<R>,
}

type Key = (DeviceSn, IdempotencyKey);

pub(crate) struct Ledger<R: Record> {
    capacity: usize,
    next_seq: u64,
    slots: BTreeMap<R::Id, Slot<R>>,
    /// Ids by first sight.
    order: BTreeMap<u64, R::Id>,
    by_device: BTreeMap<DeviceSn, BTreeSet<u64>>,
    active: BTreeSet<u64>,
    ended: VecDeque<R::Id>,
    keys: BTreeMap<Key, KeyEntry<R::Id>>,
    reserved: VecDeque<Key>,
}

impl<R: Record> Ledger<R> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            next_seq: 0,
            slots: BTreeMap::new(),
            order: BTreeMap::new(),
            by_device: BTreeMap::new(),
            active: BTreeSet::new(),
            ended: VecDeque::new(),
            keys: BTreeMap::new(),
            reserved: VecDeque::new(),
        }
    }

    /// Looks the key up and, when nothing is known under it, reserves it for `id`.
    pub(crate) fn reserve(
        &mut self,
        sn: &DeviceSn,
        key: &IdempotencyKey,
        id: R::Id,
        fingerprint: Fingerprint,
        same: impl Fn(&R) -> bool,
    ) -> Keyed<R> {
        let place = (sn.clone(), key.clone());
        if let Some(entry) = self.keys.get(&place) {
            let known = self.slots.get(&entry.id).map(|slot| &slot.record);
            let matches = match (entry.fingerprint, known) {
                (Some(first), _) => first == fingerprint,
                (None, Some(record)) => same(record),
                (None, None) => true,
            };
            return match (matches, known) {
                (false, _) => Keyed::Conflict,
                (true, Some(record)) => Keyed::Known(Arc::clone(record)),
                (true, None) => Keyed::Waiting,
            };
        }
        if self.reserved.len() >= MAX_RESERVED
            && let Some(oldest) = self.reserved.pop_front()
        {
            self.release(&oldest.0, &oldest.1);
        }
        self.keys.insert(place.clone(), KeyEntry { id, fingerprint: Some(fingerprint) });
        self.reserved.push_back(place);
        Keyed::Reserved
    }

    /// Gives back a key whose request never left.
    pub(crate) fn release(&mut self, sn: &DeviceSn, key: &IdempotencyKey) {
        let place = (sn.clone(), key.clone());
        if self.keys.get(&place).is_some_and(|entry| !self.slots.contains_key(&entry.id)) {
            self.keys.remove(&place);
            self.reserved.retain(|waiting| *waiting != place);
        }
    }

    /// Where the request under this key stands, if anything was heard of it.
    pub(crate) fn by_key(&self, sn: &DeviceSn, key: &IdempotencyKey) -> Option<Arc<R>> {
        let entry = self.keys.get(&(sn.clone(), key.clone()))?;
        self.get(entry.id)
    }

    pub(crate) fn get(&self, id: R::Id) -> Option<Arc<R>> {
        self.slots.get(&id).map(|slot| Arc::clone(&slot.record))
    }

    /// Takes in what the machine says.
    pub(crate) fn put(&mut self, record: Arc<R>) {
        let id = record.id();
        let is_final = record.is_final();
        if !record.is_part() {
            self.bind_key(&record);
        }
        let (seq, was_active) = match self.slots.get_mut(&id) {
            Some(slot) => {
                slot.record = record;
                (slot.seq, self.active.contains(&slot.seq))
            }
            None => {
                let seq = self.next_seq;
                self.next_seq += 1;
                self.order.insert(seq, id);
                self.by_device.entry(record.sn().clone()).or_default().insert(seq);
                self.slots.insert(id, Slot { seq, record });
                (seq, true)
            }
        };
        if !is_final {
            self.active.insert(seq);
            // A machine may take a verdict back (an unknown resolved wrongly); it is alive again.
            if !was_active {
                self.ended.retain(|ended| *ended != id);
            }
        } else if was_active {
            self.active.remove(&seq);
            self.ended.push_back(id);
        }
        while self.slots.len() > self.capacity
            && let Some(oldest) = self.ended.pop_front()
        {
            self.evict(oldest);
        }
    }

    /// The machine owns idempotency: where it answers a key with another id than the one sent, its
    /// word holds.
    fn bind_key(&mut self, record: &R) {
        let place = (record.sn().clone(), record.key().clone());
        match self.keys.get_mut(&place) {
            None => {
                self.keys.insert(place, KeyEntry { id: record.id(), fingerprint: None });
            }
            Some(entry) if self.slots.contains_key(&entry.id) => {}
            Some(entry) => {
                entry.id = record.id();
                self.reserved.retain(|waiting| *waiting != place);
            }
        }
    }

    fn evict(&mut self, id: R::Id) {
        let Some(slot) = self.slots.remove(&id) else { return };
        self.order.remove(&slot.seq);
        let sn = slot.record.sn();
        if let Some(seqs) = self.by_device.get_mut(sn) {
            seqs.remove(&slot.seq);
            if seqs.is_empty() {
                self.by_device.remove(sn);
            }
        }
        let place = (sn.clone(), slot.record.key().clone());
        if self.keys.get(&place).is_some_and(|entry| entry.id == id) {
            self.keys.remove(&place);
        }
    }

    /// Newest first.
    pub(crate) fn newest(&self, max: usize) -> Vec<Arc<R>> {
        self.order.values().rev().take(max).filter_map(|id| self.get(*id)).collect()
    }

    /// Newest first, of one device.
    pub(crate) fn newest_of(&self, sn: &DeviceSn, max: usize) -> Vec<Arc<R>> {
        let seqs = self.by_device.get(sn).into_iter().flatten().rev().take(max);
        seqs.filter_map(|seq| self.get(*self.order.get(seq)?)).collect()
    }

    /// What is under way or unknown, newest first.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Arc<R>> {
        let ids = self.active.iter().rev().filter_map(|seq| self.order.get(seq));
        ids.filter_map(|id| self.slots.get(id).map(|slot| &slot.record))
    }

    /// Everything under way, then what ended last, up to `max` in all; newest first in each part.
    pub(crate) fn active_and_recent(&self, max: usize) -> Vec<Arc<R>> {
        let mut list: Vec<_> = self.active().cloned().collect();
        let room = max.saturating_sub(list.len());
        let recent = self.ended.iter().rev().take(room).filter_map(|id| self.get(*id));
        list.extend(recent);
        list
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn active_len(&self) -> usize {
        self.active.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Job(u32, IdempotencyKey, bool);

    impl Record for Job {
        type Id = u32;
        fn id(&self) -> u32 {
            self.0
        }
        fn sn(&self) -> &DeviceSn {
            static SN: std::sync::LazyLock<DeviceSn> =
                std::sync::LazyLock::new(|| DeviceSn::new("SIM1").unwrap());
            &SN
        }
        fn key(&self) -> &IdempotencyKey {
            &self.1
        }
        fn is_part(&self) -> bool {
            false
        }
        fn is_final(&self) -> bool {
            self.2
        }
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::new(text).unwrap()
    }

    fn job(id: u32, ended: bool) -> Arc<Job> {
        Arc::new(Job(id, key(&format!("k{id}")), ended))
    }

    fn sn() -> DeviceSn {
        DeviceSn::new("SIM1").unwrap()
    }

    #[test]
    fn what_is_under_way_outlives_what_ended() {
        let mut ledger = Ledger::new(3);
        ledger.put(job(1, false));
        for id in 2..=6 {
            ledger.put(job(id, true));
        }
        let ids = |list: Vec<Arc<Job>>| list.iter().map(|job| job.0).collect::<Vec<_>>();
        assert_eq!(ids(ledger.newest(9)), [6, 5, 1]);
        assert_eq!(ids(ledger.newest_of(&sn(), 2)), [6, 5]);
        assert_eq!(ids(ledger.active_and_recent(2)), [1, 6]);
        assert!(ledger.by_key(&sn(), &key("k2")).is_none(), "evicted with its record");
    }

    #[test]
    fn more_under_way_than_the_capacity_are_all_kept() {
        let mut ledger = Ledger::new(2);
        for id in 0..5 {
            ledger.put(job(id, false));
        }
        assert_eq!(ledger.active_len(), 5);
        ledger.put(job(0, true));
        assert_eq!((ledger.len(), ledger.active_len()), (4, 4));
    }

    #[test]
    fn a_key_is_reserved_once_and_remembers_what_was_asked() {
        let mut ledger = Ledger::<Job>::new(9);
        let reserve = |ledger: &mut Ledger<Job>, id, print| {
            ledger.reserve(&sn(), &key("k7"), id, [print; 32], |_| false)
        };
        assert!(matches!(reserve(&mut ledger, 7, 1), Keyed::Reserved));
        assert!(matches!(reserve(&mut ledger, 8, 1), Keyed::Waiting));
        assert!(matches!(reserve(&mut ledger, 8, 2), Keyed::Conflict));
        ledger.put(job(7, false));
        assert!(matches!(reserve(&mut ledger, 8, 1), Keyed::Known(job) if job.0 == 7));
        assert!(matches!(reserve(&mut ledger, 8, 2), Keyed::Conflict));
    }

    #[test]
    fn the_machines_id_for_a_key_wins_over_the_reserved_one() {
        let mut ledger = Ledger::<Job>::new(9);
        ledger.reserve(&sn(), &key("k3"), 99, [0; 32], |_| true);
        ledger.put(job(3, false));
        assert_eq!(ledger.by_key(&sn(), &key("k3")).unwrap().0, 3);
    }

    #[test]
    fn a_request_that_never_left_gives_its_key_back() {
        let mut ledger = Ledger::<Job>::new(9);
        ledger.reserve(&sn(), &key("k1"), 1, [0; 32], |_| true);
        ledger.release(&sn(), &key("k1"));
        let again = ledger.reserve(&sn(), &key("k1"), 2, [9; 32], |_| true);
        assert!(matches!(again, Keyed::Reserved));
    }

    #[test]
    fn forgotten_reservations_are_bounded() {
        let mut ledger = Ledger::<Job>::new(9);
        for n in 0..=MAX_RESERVED {
            let id = u32::try_from(n).unwrap();
            ledger.reserve(&sn(), &key(&format!("r{n}")), id, [0; 32], |_| true);
        }
        assert_eq!(ledger.keys.len(), MAX_RESERVED);
        assert!(!ledger.keys.contains_key(&(sn(), key("r0"))));
    }
}
