//! The way to the database: one batch at a time and in order, as a tower's writer does it. Deliveries
//! are acknowledged when what they led to is safe: a tower that dies before gets them again.

use std::collections::BTreeMap;

use fleet_core::io::Input;

use super::World;
use crate::facts::{Cause, Fact};
use crate::net::Client;
use crate::queue::Event;
use crate::store::Write;
use crate::tower::Held;

/// Pause of a tower's writer after a failure.
const AGAIN_MS: u64 = 400;

impl World {
    /// A machine asks for a record.
    pub(super) fn record(&mut self, write: Write) {
        let tower = write.tower;
        self.towers[tower].to_write.push_back(write);
        self.write_batch(tower);
    }

    pub(super) fn write_batch(&mut self, tower: usize) {
        let node = &mut self.towers[tower];
        if node.is_writing || node.to_write.is_empty() {
            return;
        }
        node.is_writing = true;
        let life = node.life;
        // Records of an old epoch are refused and written again: what follows them waits, so that no
        // outcome gets before its command.
        let mut epochs = BTreeMap::new();
        let is_same =
            |write: &&Write| *epochs.entry(write.dock).or_insert(write.epoch) == write.epoch;
        let count = node.to_write.iter().take_while(is_same).count();
        let batch: Vec<Write> = node.to_write.drain(..count).collect();
        let (write, fate) = self.store.write(self.now, batch);
        if let Some(at) = fate.commit_at {
            self.queue.push(at, Event::Commit(write));
        }
        self.queue.push(fate.answer_at, Event::Stored { tower, life, write, ok: fate.ok });
    }

    pub(super) fn commit(&mut self, batch: u64) {
        for (dock, record) in self.store.commit(batch) {
            self.note(&Fact::Committed { dock, record: &record });
        }
    }

    pub(super) fn stored(&mut self, tower: usize, life: u32, batch: u64, ok: bool) {
        let writes = self.store.answered(batch);
        if self.towers[tower].life != life || !self.towers[tower].is_alive {
            return;
        }
        self.towers[tower].is_writing = false;
        let (fenced, writes): (Vec<Write>, Vec<Write>) =
            writes.into_iter().partition(|write| ok && write.is_fenced);
        let (over, mut again): (Vec<Write>, Vec<Write>) =
            writes.into_iter().partition(|write| ok || write.record.entry.is_awaited());
        for write in fenced {
            self.fenced(write, &mut again);
        }
        // What has happened is written until it can be written, and in order.
        for write in again.into_iter().rev() {
            self.towers[tower].to_write.push_front(write);
        }
        for write in over {
            self.answer(write, ok);
        }
        if ok {
            self.write_batch(tower);
        } else {
            self.queue.push(self.now + AGAIN_MS, Event::WriteAgain { tower, life });
        }
    }

    /// The database knows a later owner of the dock. If that is this tower again, nobody was between
    /// and what has happened is written under the new epoch; else it is lost to this tower.
    fn fenced(&mut self, mut write: Write, again: &mut Vec<Write>) {
        self.count("records refused for an old epoch");
        let epochs = self.towers[write.tower].machines.get(&write.dock).map(|slot| slot.epochs);
        let (tower, dock) = (write.tower, write.dock);
        match epochs {
            Some((first, epoch)) if first <= write.epoch && write.epoch < epoch => {
                if write.record.entry.is_awaited() {
                    self.answer(write, false);
                } else {
                    write.epoch = epoch;
                    write.is_fenced = false;
                    again.push(write);
                }
            }
            // The deliveries that led to it are not acknowledged: the device tells the next owner.
            Some((_, epoch)) if epoch <= write.epoch => self.give_up(tower, dock),
            Some(_) | None => {}
        }
    }

    fn answer(&mut self, write: Write, ok: bool) {
        let Write { tower, dock, journal_id, record, .. } = write;
        self.note(&Fact::Recorded { dock, journal_id, ok });
        let Some(slot) = self.towers[tower].machines.get_mut(&dock) else { return };
        if !ok {
            slot.records.retain(|kept| *kept != record);
        }
        slot.unsafe_records.remove(&journal_id);
        let mut safe = Vec::new();
        for held in &mut slot.held {
            held.waits_for.remove(&journal_id);
        }
        while let Some(at) = slot.held.iter().position(|held| held.waits_for.is_empty()) {
            safe.push(slot.held.remove(at));
        }
        for held in safe {
            self.settle(tower, dock, held);
        }
        let input =
            if ok { Input::Journaled(journal_id) } else { Input::JournalFailed(journal_id) };
        self.feed(tower, dock, Cause::Journal, input);
    }

    /// The machine has handled a delivery. What was said before may be said again and lead to nothing
    /// new: it is acknowledged when what it led to the first time is safe, no sooner.
    pub(super) fn handled(&mut self, tower: usize, dock: usize) {
        let Some(slot) = self.towers[tower].machines.get_mut(&dock) else { return };
        let Some(mut held) = slot.handling.take() else { return };
        held.waits_for.extend(&slot.unsafe_records);
        if held.waits_for.is_empty() {
            self.settle(tower, dock, held);
        } else {
            slot.held.push(held);
        }
    }

    fn settle(&mut self, tower: usize, dock: usize, held: Held) {
        for (topic, payload) in held.replies {
            self.reply(tower, dock, topic, payload);
        }
        self.acknowledge(Client::Events(tower), held.packet);
    }

    /// The database decides on what a dead tower left behind, before anybody reads it.
    pub(super) fn settle_writes(&mut self, tower: usize) {
        for batch in self.store.pending_of(tower) {
            if self.rng.bool() {
                self.commit(batch);
            }
            let _ = self.store.answered(batch);
        }
    }
}
