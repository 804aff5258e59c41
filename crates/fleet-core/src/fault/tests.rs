//! Each fault: what raises it, what does not, and that it goes again.

use std::sync::Arc;

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState};
use fleet_types::{Scalar, Telemetry, device::Activity};
use proptest::prelude::*;

use super::{watch::FaultWatch, *};
use crate::twin::{Twin, index_of};

const DOCK: &str = "DOCK";
const CRAFT: &str = "M3TD";

fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).expect("valid")
}

/// One device and the world's clock.
struct Rig {
    watch: FaultWatch,
    now: u64,
    osd: DeviceOsd,
    status: DeviceStatus,
    told: Vec<(u64, FaultKind, bool, Priority)>,
}

impl Rig {
    fn new(class: DeviceClass) -> Self {
        let (name, schema) = match class {
            DeviceClass::Aircraft => (CRAFT, Twin::<AircraftOsd, AircraftState>::schema()),
            DeviceClass::Dock | DeviceClass::Robot => (DOCK, Twin::<DockOsd, DockState>::schema()),
        };
        let osd = DeviceOsd {
            sn: sn(name),
            class,
            gateway_sn: sn(DOCK),
            report_count: 0,
            received_ms: WallMs(0),
            values: Telemetry::empty(Arc::new(schema)),
        };
        let status = DeviceStatus {
            sn: sn(name),
            class,
            name: String::new(),
            model: String::new(),
            gateway_sn: Some(sn(DOCK)),
            children: Vec::new(),
            connection: Connection::Online,
            phase: None,
            reason: None,
            activity: Activity::Unknown,
            since_ms: WallMs(0),
            last_heard_ms: None,
            clock_skew_ms: Some(0),
            firmware: None,
            mission_id: None,
            flight_lock: None,
            unknown_count: 0,
            authority: fleet_types::authority::DeviceAuthority::default(),
        };
        let watch = FaultWatch::new(FaultConfig::default());
        let mut rig = Self { watch, now: 1_000_000, osd, status, told: Vec::new() };
        rig.connection(Connection::Online);
        rig
    }

    fn flying() -> Self {
        let mut rig = Self::new(DeviceClass::Aircraft);
        rig.report(&[("mode_code", 5.0), ("latitude", 35.0), ("longitude", 126.0)]);
        rig
    }

    fn connection(&mut self, connection: Connection) {
        self.status.connection = connection;
        self.watch.status(MonoMs(self.now), &self.status);
        self.drain();
    }

    fn skew(&mut self, ms: i64) {
        self.status.clock_skew_ms = Some(ms);
        self.connection(Connection::Online);
    }

    /// A report with these numbers; codes are told as whole numbers.
    fn report(&mut self, values: &[(&str, f64)]) {
        let wall = WallMs(i64::try_from(self.now).expect("small"));
        for (key, value) in values {
            let at = index_of(&self.osd.values.schema, key);
            let is_code = ["mode_code", "drone_in_dock", "battery.capacity_percent"].contains(key)
                || key.starts_with("wireless_link");
            #[expect(clippy::cast_possible_truncation, reason = "small codes")]
            let value = if is_code { Scalar::Int(*value as i64) } else { Scalar::Num(*value) };
            self.osd.values.set(at, value, None, wall);
        }
        self.watch.reported(MonoMs(self.now), &self.osd);
        self.drain();
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some((MonoMs(due), _)) = self.watch.poll_timeout() {
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            self.watch.handle_timeout(MonoMs(self.now));
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(change) = self.watch.poll_output() {
            self.told.push((self.now - 1_000_000, change.kind, change.is_raised, change.priority));
        }
    }

    fn kinds(&self) -> Vec<(FaultKind, bool)> {
        self.told.iter().map(|(_, kind, up, _)| (*kind, *up)).collect()
    }
}

#[test]
fn a_dock_that_is_gone_is_a_fault_and_one_that_never_came_is_none() {
    let mut rig = Rig::new(DeviceClass::Dock);
    rig.pass(5_000);
    rig.connection(Connection::Offline);
    rig.pass(9_999);
    assert_eq!(rig.told, []);
    rig.pass(1);
    assert_eq!(rig.told, [(15_000, FaultKind::HeartbeatLost, true, Priority::Medium)]);
    rig.connection(Connection::BringingUp);
    rig.pass(5_000);
    rig.connection(Connection::Offline);
    rig.pass(20_000);
    assert_eq!(rig.told.len(), 1, "it came for a moment only");
    rig.connection(Connection::Online);
    rig.pass(60_000);
    assert_eq!(rig.kinds()[1], (FaultKind::HeartbeatLost, false));

    let mut rig = Rig::new(DeviceClass::Dock);
    rig.watch = FaultWatch::new(FaultConfig::default());
    rig.connection(Connection::NeverSeen);
    rig.connection(Connection::Offline);
    rig.pass(3_600_000);
    assert_eq!(rig.told, []);
}

#[test]
fn an_aircraft_is_missed_in_flight_only() {
    let mut rig = Rig::new(DeviceClass::Aircraft);
    rig.report(&[("mode_code", 0.0)]);
    rig.connection(Connection::Offline);
    rig.pass(600_000);
    assert_eq!(rig.told, []);
    let mut rig = Rig::flying();
    rig.connection(Connection::Offline);
    rig.pass(10_000);
    assert_eq!(rig.told, [(10_000, FaultKind::HeartbeatLost, true, Priority::High)]);
}

#[test]
fn telemetry_that_stops_while_the_dock_is_heard_is_a_fault() {
    let mut rig = Rig::new(DeviceClass::Dock);
    rig.report(&[("mode_code", 0.0)]);
    rig.pass(10_000);
    rig.report(&[("temperature", 20.0)]);
    rig.pass(9_999);
    assert_eq!(rig.told, []);
    rig.pass(1);
    assert_eq!(rig.told, [(20_000, FaultKind::OsdStalled, true, Priority::Medium)]);
    for _ in 0..10 {
        rig.report(&[("mode_code", 0.0)]);
        rig.pass(2_000);
    }
    assert_eq!(rig.kinds()[1..], [(FaultKind::OsdStalled, false)]);
}

#[test]
fn a_value_that_does_not_come_or_does_not_move_is_a_fault() {
    let mut rig = Rig::new(DeviceClass::Dock);
    rig.report(&[("wind_speed", 3.0)]);
    for _ in 0..14 {
        rig.report(&[("mode_code", 0.0)]);
        rig.pass(2_000);
    }
    assert_eq!(rig.told, []);
    for _ in 0..3 {
        rig.report(&[("mode_code", 0.0)]);
        rig.pass(2_000);
    }
    assert_eq!(rig.kinds(), [(FaultKind::FieldFrozen("wind_speed"), true)]);
    for _ in 0..7 {
        rig.report(&[("mode_code", 0.0), ("wind_speed", 3.0)]);
        rig.pass(2_000);
    }
    assert_eq!(rig.kinds()[1..], [(FaultKind::FieldFrozen("wind_speed"), false)]);

    // In flight, under way, and always at the same place.
    let mut rig = Rig::flying();
    for _ in 0..8 {
        rig.report(&[
            ("mode_code", 5.0),
            ("horizontal_speed", 12.0),
            ("latitude", 35.0),
            ("longitude", 126.0),
        ]);
        rig.pass(2_000);
    }
    assert_eq!(rig.kinds(), [(FaultKind::FieldFrozen("latitude"), true)]);
    // Due east the latitude stands, and all is well.
    let mut rig = Rig::flying();
    for step in 0..30 {
        let east = 126.0 + f64::from(step) * 0.000_2;
        rig.report(&[
            ("mode_code", 5.0),
            ("horizontal_speed", 9.0),
            ("latitude", 35.0),
            ("longitude", east),
        ]);
        rig.pass(2_000);
    }
    assert_eq!(rig.told, []);
}

#[test]
fn a_stop_on_a_wayline_is_a_fault_unless_somebody_ordered_it_or_it_goes_on() {
    let report = |rig: &mut Rig, speed: f64, times: u32| {
        for _ in 0..times {
            let was = rig.osd.values.get("latitude").and_then(|it| it.value.as_f64());
            let lat = was.expect("it flies") + speed * 2.0 / 111_320.0;
            rig.report(&[
                ("mode_code", 5.0),
                ("horizontal_speed", speed),
                ("latitude", lat),
                ("longitude", 126.0),
            ]);
            rig.pass(2_000);
        }
    };
    let mut rig = Rig::flying();
    report(&mut rig, 10.0, 5);
    report(&mut rig, 0.0, 9);
    assert_eq!(rig.told, [], "a photo takes its time");
    report(&mut rig, 10.0, 3);
    report(&mut rig, 0.0, 12);
    assert_eq!(rig.kinds(), [(FaultKind::SpeedDrop, true)]);
    report(&mut rig, 10.0, 7);
    assert_eq!(rig.kinds()[1..], [(FaultKind::SpeedDrop, false)]);

    let mut rig = Rig::flying();
    report(&mut rig, 10.0, 5);
    rig.watch.commanded(MonoMs(rig.now), &sn(DOCK));
    report(&mut rig, 0.0, 60);
    assert_eq!(rig.told, [], "it was paused");
}

#[test]
fn a_jump_is_a_fault_and_a_fast_flight_or_a_gap_is_none() {
    let mut rig = Rig::flying();
    let mut lat = 35.0;
    let mut go = |rig: &mut Rig, metres: f64, ms: u64| {
        rig.pass(ms);
        lat += metres / 111_320.0;
        rig.report(&[
            ("mode_code", 5.0),
            ("latitude", lat),
            ("longitude", 126.0),
            ("horizontal_speed", 10.0),
        ]);
    };
    for _ in 0..10 {
        go(&mut rig, 20.0, 2_000);
    }
    // A second without link, then reports that were late come together.
    go(&mut rig, 150.0, 15_000);
    go(&mut rig, 40.0, 5);
    go(&mut rig, 40.0, 5);
    assert_eq!(rig.told, []);
    go(&mut rig, 3_000.0, 2_000);
    assert_eq!(rig.kinds(), [(FaultKind::PositionJump, true)]);
    for _ in 0..7 {
        go(&mut rig, 20.0, 2_000);
    }
    assert_eq!(rig.kinds()[1..], [(FaultKind::PositionJump, false)]);
    // On the ground there may be no fix at all.
    let mut rig = Rig::new(DeviceClass::Aircraft);
    rig.report(&[("mode_code", 0.0), ("latitude", 0.0), ("longitude", 0.0)]);
    rig.pass(2_000);
    rig.report(&[("mode_code", 4.0), ("latitude", 35.0), ("longitude", 126.0)]);
    assert_eq!(rig.told, []);
}

#[test]
fn a_bad_or_falling_link_matters_while_the_aircraft_is_out() {
    let report = |rig: &mut Rig, in_dock: f64, quality: f64, times: u32| {
        for _ in 0..times {
            rig.report(&[
                ("mode_code", 4.0),
                ("drone_in_dock", in_dock),
                ("wireless_link.sdr_link_state", 1.0),
                ("wireless_link.sdr_quality", quality),
            ]);
            rig.pass(2_000);
        }
    };
    let mut rig = Rig::new(DeviceClass::Dock);
    report(&mut rig, 1.0, 0.0, 30);
    report(&mut rig, 0.0, 5.0, 5);
    report(&mut rig, 0.0, 0.0, 3);
    report(&mut rig, 0.0, 5.0, 3);
    assert_eq!(rig.told, []);
    report(&mut rig, 0.0, 2.0, 5);
    assert_eq!(rig.kinds(), [(FaultKind::LinkQuality, true)], "from 5 to 2 is falling fast");
    report(&mut rig, 0.0, 2.0, 20);
    assert_eq!(rig.told.len(), 1, "2 is not good enough to clear it");
    report(&mut rig, 0.0, 4.0, 7);
    assert_eq!(rig.kinds()[1..], [(FaultKind::LinkQuality, false)]);
}

#[test]
fn a_clock_that_is_off_is_a_fault_with_a_gap_between_up_and_down() {
    let mut rig = Rig::new(DeviceClass::Dock);
    rig.skew(-11_000);
    rig.pass(5_000);
    rig.skew(0);
    rig.pass(60_000);
    assert_eq!(rig.told, [], "a late message looks like a skew, for a moment");
    rig.skew(11_000);
    rig.pass(10_000);
    assert_eq!(rig.kinds(), [(FaultKind::ClockSkew, true)]);
    rig.skew(7_000);
    rig.pass(60_000);
    assert_eq!(rig.told.len(), 1);
    rig.skew(4_000);
    rig.pass(10_000);
    assert_eq!(rig.kinds()[1..], [(FaultKind::ClockSkew, false)]);
}

#[test]
fn a_removed_dock_is_not_watched_any_more() {
    let mut rig = Rig::flying();
    rig.connection(Connection::Offline);
    rig.watch.forget(&sn(DOCK));
    rig.pass(3_600_000);
    assert_eq!((rig.told.len(), rig.watch.poll_timeout()), (0, None));
}

#[test]
fn a_change_is_a_condition_of_the_alarms() {
    let change = |kind, is_raised| FaultChange {
        sn: sn(CRAFT),
        by: sn(DOCK),
        kind,
        is_raised,
        priority: Priority::High,
    };
    let raised = change(FaultKind::FieldFrozen("height"), true).into_input();
    let AlarmInput::Raise(condition) = raised else { panic!("raised") };
    let AlarmInput::Clear(key) = change(FaultKind::FieldFrozen("height"), false).into_input()
    else {
        panic!("cleared")
    };
    assert_eq!((&condition.key, key.instance.as_str()), (&key, "height"));
    assert_eq!(condition.reason.code, "field_frozen");
    let AlarmInput::Clear(other) = change(FaultKind::FieldFrozen("latitude"), false).into_input()
    else {
        panic!("cleared")
    };
    assert_ne!(key, other);
}

proptest! {
    /// A condition is told only after it lasted, both ways; between, nothing flickers.
    #[test]
    fn a_debounce_tells_only_what_lasted(
        steps in prop::collection::vec((1_u64..8_000, any::<bool>()), 1..100)
    ) {
        let (raise_ms, clear_ms) = (5_000, 10_000);
        let mut debounce = Debounce::default();
        let mut now = 0;
        let mut is_up = false;
        let mut since = None;
        for (gap, is_bad) in steps {
            now += gap;
            if is_bad == is_up {
                since = None;
            } else {
                since.get_or_insert(now);
            }
            let needed = if is_bad { raise_ms } else { clear_ms };
            let expect = since.filter(|since| now - since >= needed).map(|_| is_bad);
            prop_assert_eq!(debounce.feed(MonoMs(now), is_bad, raise_ms, clear_ms), expect);
            if let Some(up) = expect {
                (is_up, since) = (up, None);
            }
            prop_assert_eq!(debounce.is_raised(), is_up);
        }
    }

    /// A device that reports plausibly, whatever the wind, raises nothing.
    #[test]
    fn an_ordinary_flight_raises_nothing(
        legs in prop::collection::vec((0.0..360.0, 1.0..15.0, 2_u32..40, 1_u64..9), 1..12),
        jitter in prop::collection::vec(0_u64..900, 40),
    ) {
        let mut rig = Rig::flying();
        let (mut lat, mut lon, mut percent) = (35.0, 126.0, 100.0);
        for (heading, speed, reports, photo) in legs {
            let heading: f64 = heading;
            for (number, late) in (0..reports).zip(jitter.iter().cycle()) {
                rig.pass(1_600 + late);
                lat += heading.to_radians().cos() * speed * 2.0 / 111_320.0;
                lon += heading.to_radians().sin() * speed * 2.0 / 91_000.0;
                percent -= 0.05;
                rig.report(&[
                    ("mode_code", 5.0), ("latitude", lat), ("longitude", lon),
                    ("horizontal_speed", speed), ("battery.capacity_percent", percent),
                    ("height", 60.0), ("vertical_speed", 0.0),
                ]);
                prop_assert_eq!(&rig.told, &[], "{}", number);
            }
            for _ in 0..photo {
                rig.pass(2_000);
                rig.report(&[("mode_code", 5.0), ("latitude", lat), ("longitude", lon), ("horizontal_speed", 0.0), ("height", 60.0), ("battery.capacity_percent", percent)]);
                prop_assert_eq!(&rig.told, &[]);
            }
        }
    }
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut debounce, mut now) = (Debounce::default(), 0);
    for _ in 0..400 {
        now += rng.u64(..150);
        debounce.feed(MonoMs(now), rng.bool(), 100, 200);
    }
    crate::machine::taken::assert_all(&MACHINE);
}
