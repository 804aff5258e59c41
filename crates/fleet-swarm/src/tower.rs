//! A tower: machines of `fleet-core` and around them a shell as small as can be, with the rules of
//! the real one (`gwanje`, `fleet-links`): an ordinary command is refused while the link is down, a
//! counter-action waits for it; what is on the wire when the connection breaks is lost, never sent
//! again; a delivery is acknowledged, to broker
//! and device, when it was handled and what it led to is on record.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use fastrand::Rng;
use fleet_core::alarm::AlarmBook;
use fleet_core::dock::DockMachine;
use fleet_core::io::JournalId;
use fleet_core::journal::Record;
use fleet_core::lease::PartitionLease;
use fleet_core::recorder::{RecorderConfig, RecorderPolicy};
use fleet_types::{CommandId, DeviceSn, MonoMs, Now, WallMs};

use crate::facts::Sent;
use crate::net::Message;
use crate::plan::{EPOCH_MS, TowerPlan, mix};
use crate::queue::Ms;
use crate::store::Write;

/// Counter-actions that wait for the link; more are refused.
pub const COUNTERS_MAX: usize = 64;

/// One tower.
pub struct Tower {
    /// How it was meant.
    pub plan: TowerPlan,
    /// Chance inside it: seeds of its machines.
    pub rng: Rng,
    /// Whether it runs.
    pub is_alive: bool,
    /// Its how-manieth life this is.
    pub life: u32,
    /// Its machines, by dock.
    pub machines: BTreeMap<usize, Slot>,
    /// Counter-actions that wait for the link.
    pub counters: VecDeque<(Sent, Message)>,
    /// Records that wait for the database, oldest first.
    pub to_write: VecDeque<Write>,
    /// A batch is on its way to the database.
    pub is_writing: bool,
    /// Commands on the wire, by packet.
    pub on_wire: BTreeMap<u64, (usize, CommandId)>,
    /// Its leases, by dock, and when each wants to be woken.
    pub leases: BTreeMap<usize, (PartitionLease, Option<Ms>)>,
    /// Its questions to the table of leases do not arrive before this.
    pub lease_stalled_until: Ms,
    /// Its process stands still until then.
    pub suspended_until: Ms,
    /// Its alarms.
    pub alarms: AlarmBook,
    /// What it makes of telemetry.
    pub recorder: RecorderPolicy,
    /// Reports lost on the way to the recorder since the one before, by serial number; none of a
    /// device that the recorder has not met, or whose machine was made anew.
    pub lost_reports: BTreeMap<DeviceSn, u64>,
}

/// A machine and when it wants to be woken.
pub struct Slot {
    /// The machine.
    pub machine: DockMachine,
    /// As planned.
    pub tick_at: Option<Ms>,
    /// Everything on record of the dock, and everything asked for since.
    pub records: Vec<Rc<Record>>,
    /// The delivery that is being handled.
    pub handling: Option<Held>,
    /// Deliveries that are acknowledged when what they led to is safe.
    pub held: Vec<Held>,
    /// Records of what has happened that were asked for and are not safe yet.
    pub unsafe_records: BTreeSet<JournalId>,
    /// The tower has the right to command the dock, as far as it knows. Without it the machine goes
    /// on for the sake of counter-actions; what it tells is not passed on, and the device is not
    /// told that anything it said is safe.
    pub is_owner: bool,
    /// The first of the epochs that the records follow one another in, and the present one.
    pub epochs: (u64, u64),
}

/// A delivery that was handled, and what waits until its records are safe.
#[derive(Default)]
pub struct Held {
    /// Packet to be acknowledged to the broker.
    pub packet: u64,
    /// Acknowledgements to the device.
    pub replies: Vec<(String, Vec<u8>)>,
    /// Records that are not safe yet.
    pub waits_for: BTreeSet<JournalId>,
}

impl Tower {
    /// A tower that has not started.
    #[must_use]
    pub fn new(plan: TowerPlan, seed: u64, index: usize) -> Self {
        Self {
            plan,
            rng: Rng::with_seed(mix(seed, 0x7013 + index as u64)),
            is_alive: false,
            life: 0,
            machines: BTreeMap::new(),
            counters: VecDeque::new(),
            to_write: VecDeque::new(),
            is_writing: false,
            on_wire: BTreeMap::new(),
            leases: BTreeMap::new(),
            lease_stalled_until: 0,
            suspended_until: 0,
            alarms: AlarmBook::new(mix(seed, 0xA1A + index as u64)),
            recorder: RecorderPolicy::new(RecorderConfig::default()),
            lost_reports: BTreeMap::new(),
        }
    }

    /// Its two clocks at a moment.
    #[must_use]
    pub fn now(&self, at: Ms) -> Now {
        let wall = EPOCH_MS.saturating_add_unsigned(at) + self.plan.wall_skew_ms;
        Now { mono: MonoMs(self.plan.mono_start_ms + at), wall: WallMs(wall) }
    }

    /// The moment at which its monotonic clock shows this.
    #[must_use]
    pub fn moment(&self, mono: MonoMs) -> Ms {
        mono.0.saturating_sub(self.plan.mono_start_ms)
    }

    /// It dies: nothing of its memory is left.
    pub fn die(&mut self) {
        self.is_alive = false;
        self.machines.clear();
        self.counters.clear();
        self.on_wire.clear();
        self.to_write.clear();
        self.is_writing = false;
        self.leases.clear();
        self.alarms = AlarmBook::new(self.rng.u64(..));
        self.recorder = RecorderPolicy::new(RecorderConfig::default());
        self.lost_reports.clear();
        self.suspended_until = 0;
    }
}
