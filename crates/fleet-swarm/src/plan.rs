//! What one seed stands for: the fleet, and how badly everything around it behaves.
//!
//! Each class of trouble is there in some worlds and absent in others: what only shows without it
//! (a retry that is never needed) is found too. Every node draws from a generator of its own, so
//! that one more dock does not change what befalls the others.

use fastrand::Rng;
use fleet_sim::DockFaults;

use crate::queue::Ms;

/// Milliseconds since 1970 at the beginning of every world.
pub const EPOCH_MS: i64 = 1_790_000_000_000;

/// A world to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed it was drawn from.
    pub seed: u64,
    /// Docks.
    pub docks: Vec<DockPlan>,
    /// Towers.
    pub towers: Vec<TowerPlan>,
    /// From here on nothing breaks any more.
    pub heal_at: Ms,
    /// Here it ends.
    pub end_at: Ms,
    /// The network.
    pub net: NetPlan,
    /// The database.
    pub store: StorePlan,
    /// The people.
    pub people: PeoplePlan,
    /// Towers share the docks by leases; else each dock has one tower for good.
    pub has_leases: bool,
}

/// A dock and its site.
#[derive(Clone, Debug)]
pub struct DockPlan {
    /// Physical seconds per simulated second.
    pub speed: f64,
    /// Between two telemetry reports.
    pub telemetry_ms: u64,
    /// Its misfortunes.
    pub faults: DockFaults,
    /// The broker keeps what comes for it while it is away.
    pub persists: bool,
    /// Mean time between changes of weather, button and battery, if there are any.
    pub nature_every_ms: Option<Ms>,
    /// Mean time between changes of its list of health messages, if there are any.
    pub health_every_ms: Option<Ms>,
}

/// A tower.
#[derive(Clone, Debug)]
pub struct TowerPlan {
    /// Its wall clock minus the true time.
    pub wall_skew_ms: i64,
    /// Where its monotonic clock begins.
    pub mono_start_ms: u64,
    /// Mean time between its deaths, if it dies.
    pub crash_every_ms: Option<Ms>,
    /// Mean time between losses of one of its machines.
    pub panic_every_ms: Option<Ms>,
    /// Mean time between standstills of its connection to the table of leases.
    pub lease_stall_every_ms: Option<Ms>,
    /// Mean time between moments in which the whole process stands still.
    pub suspend_every_ms: Option<Ms>,
    /// Mean time between moments in which it gives a dock back for a while.
    pub rest_every_ms: Option<Ms>,
}

/// The network.
#[derive(Clone, Debug)]
pub struct NetPlan {
    /// Shortest delay of a packet.
    pub base_ms: Ms,
    /// Ordinary spread above it.
    pub jitter_ms: Ms,
    /// Chance of a packet that takes up to [`Self::spike_ms`] longer.
    pub spike: f64,
    /// How much longer.
    pub spike_ms: Ms,
    /// Chance that a publish at least once comes twice.
    pub duplicate: f64,
    /// Mean time between breaks of one connection.
    pub cut_every_ms: Option<Ms>,
    /// Mean time between standstills of one connection.
    pub stall_every_ms: Option<Ms>,
    /// Mean time between restarts of the broker.
    pub broker_restart_every_ms: Option<Ms>,
    /// Whether persistent sessions outlive its restart.
    pub broker_keeps_sessions: bool,
}

/// The database.
#[derive(Clone, Debug)]
pub struct StorePlan {
    /// Shortest write.
    pub base_ms: Ms,
    /// Ordinary spread above it.
    pub jitter_ms: Ms,
    /// Chance that a write fails.
    pub fail: f64,
    /// Chance that a write is done and the answer lost.
    pub lost_answer: f64,
    /// Mean time between outages.
    pub down_every_ms: Option<Ms>,
    /// How much faster than time its clock runs, percent; leases are counted by it.
    pub clock_percent: i64,
}

/// The people.
#[derive(Clone, Debug)]
pub struct PeoplePlan {
    /// Mean time between things they ask of one dock.
    pub every_ms: Ms,
    /// Chance that they ask twice.
    pub twice: f64,
    /// Chance that somebody settles an unknown outcome they look at.
    pub settle: f64,
}

impl Plan {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(mix(seed, 0x51A7));
        let docks = match rng.u8(..) {
            0..150 => 1,
            150..225 => 2,
            225..250 => 3,
            250.. => 5,
        };
        let towers = if rng.u8(..) < 160 { 1 } else { rng.usize(2..=3) };
        let heal_at = rng.u64(25_000..60_000);
        Self {
            seed,
            docks: (0..docks).map(|index| dock(seed, index)).collect(),
            towers: (0..towers).map(|index| tower(seed, index)).collect(),
            heal_at,
            end_at: heal_at + 60_000,
            has_leases: towers > 1 || rng.u8(..) < 50,
            net: net(&mut rng),
            store: store(&mut rng),
            people: PeoplePlan {
                every_ms: rng.u64(3_000..12_000),
                twice: if rng.bool() { 0.3 } else { 0.0 },
                settle: if rng.bool() { 0.5 } else { 0.0 },
            },
        }
    }
}

fn dock(seed: u64, index: usize) -> DockPlan {
    let mut rng = Rng::with_seed(mix(seed, 0xD0C + index as u64));
    let chance = |rng: &mut Rng, share: f64, most: f64| {
        if rng.f64() < share { rng.f64() * most } else { 0.0 }
    };
    let mut faults = DockFaults {
        refuse: chance(&mut rng, 0.3, 0.3),
        lost_reply: chance(&mut rng, 0.4, 0.5),
        late_reply: chance(&mut rng, 0.4, 0.5),
        late_ms: rng.u64(500..20_000),
        silent: chance(&mut rng, 0.3, 0.3),
        no_effect: chance(&mut rng, 0.15, 0.3),
        crash: chance(&mut rng, 0.2, 0.2),
        no_gateway: rng.u8(..) < 16,
        flat_osd: rng.u8(..) < 16,
        ..DockFaults::default()
    };
    faults.skew_ms = match rng.u8(..) {
        0..150 => rng.i64(-500..500),
        150..220 => rng.i64(-20_000..20_000),
        220.. => rng.i64(-90_000..90_000),
    };
    faults.battery_percent =
        Some(if rng.u8(..) < 40 { 20.0 + rng.f64() * 25.0 } else { 60.0 + rng.f64() * 40.0 });
    DockPlan {
        speed: 8.0 + rng.f64() * 30.0,
        telemetry_ms: rng.u64(3_000..7_000),
        faults,
        persists: rng.bool(),
        nature_every_ms: rng.bool().then(|| rng.u64(8_000..40_000)),
        health_every_ms: (rng.u8(..) < 90).then(|| rng.u64(3_000..12_000)),
    }
}

fn tower(seed: u64, index: usize) -> TowerPlan {
    let mut rng = Rng::with_seed(mix(seed, 0x70E6 + index as u64));
    TowerPlan {
        wall_skew_ms: if rng.u8(..) < 40 { rng.i64(-15_000..15_000) } else { rng.i64(-200..200) },
        mono_start_ms: rng.u64(1_000..10_000_000),
        crash_every_ms: (rng.u8(..) < 100).then(|| rng.u64(15_000..60_000)),
        panic_every_ms: (rng.u8(..) < 60).then(|| rng.u64(15_000..60_000)),
        lease_stall_every_ms: (rng.u8(..) < 110).then(|| rng.u64(10_000..40_000)),
        suspend_every_ms: (rng.u8(..) < 60).then(|| rng.u64(10_000..40_000)),
        rest_every_ms: (rng.u8(..) < 40).then(|| rng.u64(10_000..40_000)),
    }
}

fn net(rng: &mut Rng) -> NetPlan {
    let spike = if rng.bool() { rng.f64() * 0.1 } else { 0.0 };
    NetPlan {
        base_ms: rng.u64(1..40),
        jitter_ms: rng.u64(1..120),
        spike,
        spike_ms: rng.u64(200..8_000),
        duplicate: if rng.bool() { rng.f64() * 0.15 } else { 0.0 },
        cut_every_ms: rng.bool().then(|| rng.u64(8_000..60_000)),
        stall_every_ms: (rng.u8(..) < 100).then(|| rng.u64(10_000..60_000)),
        broker_restart_every_ms: (rng.u8(..) < 70).then(|| rng.u64(15_000..60_000)),
        broker_keeps_sessions: rng.bool(),
    }
}

fn store(rng: &mut Rng) -> StorePlan {
    StorePlan {
        base_ms: rng.u64(1..20),
        jitter_ms: if rng.u8(..) < 60 { rng.u64(100..4_000) } else { rng.u64(1..60) },
        fail: if rng.u8(..) < 80 { rng.f64() * 0.2 } else { 0.0 },
        lost_answer: if rng.u8(..) < 80 { rng.f64() * 0.2 } else { 0.0 },
        down_every_ms: (rng.u8(..) < 80).then(|| rng.u64(10_000..60_000)),
        clock_percent: if rng.bool() { rng.i64(-15..=15) } else { 0 },
    }
}

/// A seed of its own for one purpose (SplitMix64's finaliser).
#[must_use]
pub fn mix(seed: u64, purpose: u64) -> u64 {
    let mut x = seed ^ purpose.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
