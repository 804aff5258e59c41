//! What one client sees of the fleet's positions: its view, and how far it was told.
//!
//! Pure. A client that keeps up is shown what the last tick changed; one that lagged, or that asked
//! for another view, sweeps over the whole table once. Either way it is cut into frames of at most
//! 2,000 records, each made when the client is ready for it, so that nobody holds the fleet's worth
//! of bytes.

use std::collections::BTreeSet;

use fleet_types::{DeviceClass, DeviceSn, WallMs};

use super::table::{Entry, Table};
use crate::people::scope::Scope;
use crate::positions::{self, Angle, FULL, HEADER_BYTES, Header, MORE, RECORD_BYTES, Record};

/// Records in one frame.
pub(crate) const MAX_RECORDS: usize = 2000;

/// A box on the globe; west beyond east crosses the antimeridian. Edges belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bbox {
    pub(crate) west: Angle,
    pub(crate) south: Angle,
    pub(crate) east: Angle,
    pub(crate) north: Angle,
}

impl Bbox {
    /// From `[west, south, east, north]` in degrees; `None` when that is no box.
    pub(crate) fn new([west, south, east, north]: [f64; 4]) -> Option<Self> {
        let finite = [west, south, east, north].iter().all(|edge| edge.is_finite());
        if !finite || south > north {
            return None;
        }
        let latitude = |degrees: f64| positions::to_angle(degrees.clamp(-90.0, 90.0));
        let whole_circle = east - west >= 360.0;
        let (west, east) =
            if whole_circle { (-180.0, 180.0) } else { (wrapped(west), wrapped(east)) };
        Some(Self {
            west: positions::to_angle(west),
            south: latitude(south),
            east: positions::to_angle(east),
            north: latitude(north),
        })
    }

    fn holds(&self, record: &Record) -> bool {
        if !record.has_position() || record.latitude < self.south || record.latitude > self.north {
            return false;
        }
        let longitude = record.longitude;
        if self.west <= self.east {
            longitude >= self.west && longitude <= self.east
        } else {
            longitude >= self.west || longitude <= self.east
        }
    }
}

/// Within ±180; 180 itself stays, it is an edge like any other.
fn wrapped(longitude: f64) -> f64 {
    if (-180.0..=180.0).contains(&longitude) {
        longitude
    } else {
        (longitude + 180.0).rem_euclid(360.0) - 180.0
    }
}

/// What a client asked to see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The client's own number for it.
    pub(crate) id: u16,
    /// Absent: the whole world, and devices without a position.
    pub(crate) bbox: Option<Bbox>,
    /// Absent: every class.
    pub(crate) classes: Option<Vec<DeviceClass>>,
    /// Seen wherever they are.
    pub(crate) sns: BTreeSet<DeviceSn>,
    /// What may be seen at all.
    pub(crate) scope: Scope,
}

#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, slot: u16) -> bool {
        let (word, bit) = place(slot);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn set(&mut self, slot: u16, on: bool) {
        let (word, bit) = place(slot);
        if word >= self.0.len() {
            if !on {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        if on {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }
}

fn place(slot: u16) -> (usize, u64) {
    (usize::from(slot) / 64, 1 << (slot % 64))
}

/// One pass over what is to be told.
#[derive(Debug)]
struct Sweep {
    from: u64,
    to: u64,
    tick: u32,
    missed: u16,
    full: bool,
    /// A frame of it went out already.
    begun: bool,
    next_slot: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Sight {
    wanted: Option<Wanted>,
    /// Slots of the listed devices, as of a generation of the table.
    listed: Bits,
    listed_as_of: u64,
    /// Slots the client was last told are in its view.
    inside: Bits,
    cursor: u64,
    tick: u32,
    sweep: Option<Sweep>,
    /// Ticks merged since [`Sight::take_missed`].
    missed: u64,
}

impl Sight {
    /// From now on `wanted` is seen; the whole of it is told anew.
    pub(crate) fn look(&mut self, table: &Table, wanted: Wanted) {
        self.wanted = Some(wanted);
        self.inside = Bits::default();
        self.find_listed(table);
        let tick = table.tick();
        self.sweep = Some(Sweep {
            from: 0,
            to: tick.to,
            tick: tick.number,
            missed: 0,
            full: true,
            begun: false,
            next_slot: 0,
        });
    }

    /// A tick was finished; while an older one is still being told, it waits.
    pub(crate) fn on_tick(&mut self, table: &Table) {
        let tick = table.tick();
        if self.wanted.is_none() || self.sweep.is_some() || tick.number == self.tick {
            return;
        }
        if self.listed_as_of != table.generation() {
            self.find_listed(table);
        }
        let missed = tick.number.wrapping_sub(self.tick).saturating_sub(1);
        self.missed += u64::from(missed);
        self.sweep = Some(Sweep {
            from: self.cursor,
            to: tick.to,
            tick: tick.number,
            missed: u16::try_from(missed).unwrap_or(u16::MAX),
            full: false,
            begun: false,
            next_slot: 0,
        });
    }

    /// Whether [`Sight::next_frame`] has something to look for.
    pub(crate) fn is_due(&self) -> bool {
        self.sweep.is_some()
    }

    /// Ticks merged since this was asked last.
    pub(crate) fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// The next frame of what is due; `None` when that turned out to be nothing.
    pub(crate) fn next_frame(&mut self, table: &Table, now: WallMs) -> Option<Vec<u8>> {
        let wanted = self.wanted.as_ref()?;
        let sweep = self.sweep.as_mut()?;
        let tick = table.tick();
        let keeps_up = !sweep.full && sweep.from == tick.from && sweep.to == tick.to;
        let expected = if keeps_up { tick.changed.len() } else { table.entries().len() };
        let room = expected.min(MAX_RECORDS) * RECORD_BYTES + HEADER_BYTES;
        let mut frame = Vec::with_capacity(if wanted.bbox.is_some() { HEADER_BYTES } else { room });
        let header = Header {
            flags: 0,
            view: wanted.id,
            server_ms: now,
            tick: sweep.tick,
            missed_ticks: sweep.missed,
        };
        positions::begin(&mut frame, &header);
        let mut picker =
            Picker { wanted, listed: &self.listed, inside: &mut self.inside, sweep, now };
        let cut = if keeps_up {
            let begin = tick.changed.partition_point(|slot| usize::from(*slot) < picker.from());
            let slots = tick.changed[begin..].iter();
            picker.pick(&mut frame, slots.map(|slot| (*slot, &table.entries()[usize::from(*slot)])))
        } else {
            let begin = picker.from().min(table.entries().len());
            picker.pick(&mut frame, (0_u16..=u16::MAX).zip(table.entries()).skip(begin))
        };
        let mut flags = if sweep.full && !sweep.begun { FULL } else { 0 };
        if let Some(next_slot) = cut {
            flags |= MORE;
            sweep.next_slot = next_slot;
            sweep.begun = true;
            positions::finish(&mut frame, flags);
            return Some(frame);
        }
        let worth = sweep.begun || sweep.full || frame.len() > HEADER_BYTES;
        self.cursor = sweep.to;
        self.tick = sweep.tick;
        self.sweep = None;
        positions::finish(&mut frame, flags);
        worth.then_some(frame)
    }

    fn find_listed(&mut self, table: &Table) {
        self.listed = Bits::default();
        self.listed_as_of = table.generation();
        let sns = self.wanted.iter().flat_map(|wanted| &wanted.sns);
        for slot in sns.filter_map(|sn| table.slot(sn)) {
            self.listed.set(slot, true);
        }
    }
}

/// Chooses the records of one frame.
struct Picker<'a> {
    wanted: &'a Wanted,
    listed: &'a Bits,
    inside: &'a mut Bits,
    sweep: &'a Sweep,
    now: WallMs,
}

impl Picker<'_> {
    fn from(&self) -> usize {
        self.sweep.next_slot
    }

    /// Says at which slot to go on, when the frame is full.
    fn pick<'t>(
        &mut self,
        frame: &mut Vec<u8>,
        entries: impl Iterator<Item = (u16, &'t Entry)>,
    ) -> Option<usize> {
        let full_frame = HEADER_BYTES + MAX_RECORDS * RECORD_BYTES;
        for (slot, entry) in entries {
            if frame.len() >= full_frame {
                return Some(usize::from(slot));
            }
            let Some(record) = &entry.record else {
                self.inside.set(slot, false);
                continue;
            };
            let changed = entry.seq > self.sweep.from && entry.seq <= self.sweep.to;
            if !self.sweep.full && !changed {
                continue;
            }
            if !entry.sn.as_ref().is_some_and(|sn| self.wanted.scope.sees(sn)) {
                continue;
            }
            let is_inside = self.sees(slot, record);
            // One that has left is told once more, so that it is seen to go.
            if is_inside || (!self.sweep.full && self.inside.has(slot)) {
                record.push(frame, slot, self.now);
            }
            self.inside.set(slot, is_inside);
        }
        None
    }

    fn sees(&self, slot: u16, record: &Record) -> bool {
        let class = self.wanted.classes.as_ref().is_none_or(|classes| record.is_one_of(classes));
        let place = self.wanted.bbox.as_ref().is_none_or(|bbox| bbox.holds(record));
        (class && place) || self.listed.has(slot)
    }
}

#[cfg(test)]
mod tests;
