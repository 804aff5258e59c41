//! The position record of every device, by slot, and which of them the last tick changed.
//!
//! A record is made once a tick for all clients (see [`crate::positions`]); a client only picks and
//! copies. A slot is a short number for a serial number, good as long as this process lives: a
//! retired one is given again only after all 65,536 were used.

use std::collections::{HashMap, VecDeque};

use fleet_types::DeviceSn;

use crate::positions::Record;

const MAX_SLOTS: usize = 1 << 16;

/// What is kept at a slot.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Absent when the slot is retired.
    pub(crate) sn: Option<DeviceSn>,
    /// Number of the newest change of the record; 0 until there is one.
    pub(crate) seq: u64,
    pub(crate) record: Option<Record>,
    waits: bool,
}

/// One finished tick: the changes in `(from, to]`.
#[derive(Debug, Default)]
pub(crate) struct Tick {
    pub(crate) number: u32,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Slots it changed, ascending.
    pub(crate) changed: Vec<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: HashMap<DeviceSn, u16>,
    entries: Vec<Entry>,
    retired: VecDeque<u16>,
    waiting: Vec<u16>,
    /// Given but not announced yet.
    unannounced: Vec<(u16, DeviceSn)>,
    /// Grows with every slot given or retired.
    generation: u64,
    seq: u64,
    staged: Vec<u16>,
    tick: Tick,
}

impl Table {
    /// Notes that the device's record is to be made anew at the next tick; gives it a slot.
    pub(crate) fn touch(&mut self, sn: &DeviceSn) {
        let slot = match self.slots.get(sn) {
            Some(slot) => *slot,
            None => match self.give(sn) {
                Some(slot) => slot,
                None => return,
            },
        };
        let entry = &mut self.entries[usize::from(slot)];
        if !entry.waits {
            entry.waits = true;
            self.waiting.push(slot);
        }
    }

    /// The same, for a device that may have no slot: it is given none for this.
    pub(crate) fn touch_known(&mut self, sn: &DeviceSn) {
        if self.slots.contains_key(sn) {
            self.touch(sn);
        }
    }

    /// `None` only with 65,536 living devices, three times what the hub takes.
    fn give(&mut self, sn: &DeviceSn) -> Option<u16> {
        let slot = if self.entries.len() < MAX_SLOTS {
            self.entries.push(Entry::default());
            u16::try_from(self.entries.len() - 1).ok()?
        } else {
            self.retired.pop_front()?
        };
        self.entries[usize::from(slot)] = Entry { sn: Some(sn.clone()), ..Entry::default() };
        self.slots.insert(sn.clone(), slot);
        self.unannounced.push((slot, sn.clone()));
        self.generation += 1;
        Some(slot)
    }

    pub(crate) fn remove(&mut self, sn: &DeviceSn) {
        let Some(slot) = self.slots.remove(sn) else { return };
        // What waits for the tick finds nobody there.
        self.entries[usize::from(slot)] = Entry::default();
        self.retired.push_back(slot);
        self.unannounced.retain(|(given, _)| *given != slot);
        self.generation += 1;
    }

    pub(crate) fn take_unannounced(&mut self) -> Vec<(u16, DeviceSn)> {
        std::mem::take(&mut self.unannounced)
    }

    /// Slots whose records are to be made in the tick that begins.
    pub(crate) fn begin_tick(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.waiting)
    }

    /// The device of a slot whose record is to be made.
    pub(crate) fn sn(&self, slot: u16) -> Option<&DeviceSn> {
        self.entries.get(usize::from(slot))?.sn.as_ref()
    }

    /// Puts a record; clients see it when the tick is finished. One that says the same as before
    /// counts too: it says that the device was heard.
    pub(crate) fn put(&mut self, slot: u16, record: Record) {
        let Some(entry) = self.entries.get_mut(usize::from(slot)) else { return };
        self.seq += 1;
        entry.seq = self.seq;
        entry.record = Some(record);
        entry.waits = false;
        self.staged.push(slot);
    }

    pub(crate) fn finish_tick(&mut self) {
        let mut changed = std::mem::take(&mut self.staged);
        changed.sort_unstable();
        self.tick = Tick {
            number: self.tick.number.wrapping_add(1),
            from: self.tick.to,
            to: self.seq,
            changed,
        };
    }

    pub(crate) fn tick(&self) -> &Tick {
        &self.tick
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn slot(&self, sn: &DeviceSn) -> Option<u16> {
        self.slots.get(sn).copied()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Up to `max` living slots from `from` on, and where to go on; `None` at the end.
    pub(crate) fn slots_from(
        &self,
        from: usize,
        max: usize,
    ) -> (Vec<(u16, DeviceSn)>, Option<usize>) {
        let mut found = Vec::new();
        for (slot, entry) in self.entries.iter().enumerate().skip(from) {
            let (Some(sn), Ok(short)) = (&entry.sn, u16::try_from(slot)) else { continue };
            if found.len() >= max {
                return (found, Some(slot));
            }
            found.push((short, sn.clone()));
        }
        (found, None)
    }
}
