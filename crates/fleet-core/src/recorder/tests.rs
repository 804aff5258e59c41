//! The policy against its own statement, by example and by chance.

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState};
use fleet_types::{Telemetry, WallMs};
use proptest::prelude::*;

use super::*;
use crate::twin::Twin;

fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).expect("valid")
}

fn schema(class: DeviceClass) -> Arc<Schema> {
    Arc::new(match class {
        DeviceClass::Aircraft => Twin::<AircraftOsd, AircraftState>::schema(),
        DeviceClass::Dock | DeviceClass::Robot => Twin::<DockOsd, DockState>::schema(),
    })
}

struct Device(DeviceOsd);

impl Device {
    fn new(name: &str, class: DeviceClass) -> Self {
        Self(DeviceOsd {
            sn: sn(name),
            class,
            gateway_sn: sn("DOCK"),
            report_count: 0,
            received_ms: WallMs(0),
            values: Telemetry::empty(schema(class)),
        })
    }

    fn report(&mut self, values: &[(&str, Scalar)]) -> &DeviceOsd {
        for (key, value) in values {
            let at = index_of(&self.0.values.schema, key);
            self.0.values.set(at, value.clone(), None, WallMs(0));
        }
        self.0.report_count += 1;
        &self.0
    }
}

#[test]
fn a_flight_is_recorded_whole_and_an_aircraft_on_the_ground_once_a_minute() {
    let mut policy = RecorderPolicy::new(RecorderConfig::default());
    let mut aircraft = Device::new("M3D", DeviceClass::Aircraft);
    let mut at = 0;
    let mut check = |after_ms: u64, mode: i64, height_m: f64, expect: Option<Why>| {
        at += after_ms;
        let values = [("mode_code", Scalar::Int(mode)), ("height", Scalar::Num(height_m))];
        let decision = policy.handle(MonoMs(at), aircraft.report(&values));
        assert_eq!(decision.row, expect, "at {at}");
    };
    check(0, 0, 10.0, Some(Why::First));
    check(2_000, 0, 10.4, None);
    check(57_999, 0, 10.4, None);
    check(1, 0, 10.4, Some(Why::Due));
    check(2_000, 0, 11.4, Some(Why::Changed));
    check(2_000, 0, 11.4, None);
    check(2_000, 4, 11.4, Some(Why::InFlight));
    check(500, 5, 11.4, Some(Why::InFlight));
    check(500, 99, 11.4, Some(Why::InFlight));
    check(500, 0, 11.4, Some(Why::Changed));
    check(500, 0, 11.4, None);
}

#[test]
fn an_aircraft_that_told_no_mode_is_recorded_whole() {
    let mut policy = RecorderPolicy::new(RecorderConfig::default());
    let mut aircraft = Device::new("M3D", DeviceClass::Aircraft);
    policy.handle(MonoMs(0), aircraft.report(&[]));
    let decision = policy.handle(MonoMs(1), aircraft.report(&[]));
    assert_eq!(decision, Decision { row: Some(Why::InFlight), in_flight: true, missed: 0 });
}

#[test]
fn a_drift_in_small_steps_is_recorded() {
    let config = RecorderConfig { dock_every_ms: u64::MAX, ..RecorderConfig::default() };
    let mut policy = RecorderPolicy::new(config);
    let mut dock = Device::new("DOCK", DeviceClass::Dock);
    let mut rows = 0;
    for step in 0..=100_u8 {
        let value = Scalar::Num(20.0 + f64::from(step) * 0.25);
        let sample = dock.report(&[("temperature", value)]);
        rows += usize::from(policy.handle(MonoMs(step.into()), sample).row.is_some());
    }
    assert_eq!(rows, 26, "the first, and one for each degree");
}

#[test]
fn what_the_bus_coalesced_is_counted() {
    let mut policy = RecorderPolicy::new(RecorderConfig::default());
    let mut aircraft = Device::new("M3D", DeviceClass::Aircraft);
    let mut missed = |count: u64| {
        aircraft.0.report_count = count;
        policy.handle(MonoMs(0), &aircraft.0).missed
    };
    assert_eq!(missed(7), 0, "what was before the first is not known");
    assert_eq!(missed(8), 0);
    assert_eq!(missed(12), 3);
    assert_eq!(missed(1), 0, "a new machine counts from the start");
    assert_eq!(missed(3), 1);
}

#[test]
fn one_device_too_many_is_recorded_whole_and_not_remembered() {
    let config = RecorderConfig { devices_max: 1, ..RecorderConfig::default() };
    let mut policy = RecorderPolicy::new(config);
    let (mut one, mut two) =
        (Device::new("D1", DeviceClass::Dock), Device::new("D2", DeviceClass::Dock));
    assert_eq!(policy.handle(MonoMs(0), one.report(&[])).row, Some(Why::First));
    for at in 0..3 {
        assert_eq!(policy.handle(MonoMs(at), two.report(&[])).row, Some(Why::Untracked));
    }
    policy.forget(&sn("D1"));
    assert_eq!(policy.handle(MonoMs(4), two.report(&[])).row, Some(Why::First));
    assert_eq!(policy.devices(), 1);
}

#[derive(Clone, Debug)]
struct Step {
    after_ms: u64,
    mode: i64,
    temperature: f64,
    rate: f64,
}

prop_compose! {
    fn step()(
        after_ms in prop_oneof![1_u64..3_000, 55_000_u64..65_000],
        mode in prop_oneof![4 => Just(0_i64), 1 => 0_i64..16],
        temperature in prop_oneof![20.0..20.9, 0.0..40.0],
        rate in 0.0..1e4,
    ) -> Step {
        Step { after_ms, mode, temperature, rate }
    }
}

proptest! {
    /// The statement of the policy, against a model that keeps every row whole.
    #[test]
    fn what_is_left_out_is_young_and_within_its_deadband(
        is_dock in any::<bool>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let class = if is_dock { DeviceClass::Dock } else { DeviceClass::Aircraft };
        let (measure, every_ms) =
            if is_dock { ("temperature", 10_000) } else { ("elevation", 60_000) };
        let noise = if is_dock { "network_state.rate" } else { "battery.remain_flight_time" };
        let mut policy = RecorderPolicy::new(RecorderConfig::default());
        let mut device = Device::new("X", class);
        let mut at = 0;
        let mut last: Option<(u64, i64, f64)> = None;
        for Step { after_ms, mode, temperature, rate } in steps {
            at += after_ms;
            let sample = device.report(&[
                ("mode_code", Scalar::Int(mode)),
                (measure, Scalar::Num(temperature)),
                (noise, Scalar::Num(rate)),
            ]);
            let decision = policy.handle(MonoMs(at), sample);
            let flies = !is_dock && ![0, 13, 14].contains(&mode);
            prop_assert_eq!(decision.in_flight, flies);
            let must = match last {
                None => true,
                Some((row_at, row_mode, row_value)) => {
                    flies
                        || at - row_at >= every_ms
                        || mode != row_mode
                        || (temperature - row_value).abs() >= 1.0
                }
            };
            prop_assert_eq!(decision.row.is_some(), must);
            if must {
                last = Some((at, mode, temperature));
            }
        }
        prop_assert_eq!(policy.devices(), 1);
    }
}
