//! The bytes, against the fixture that the console's decoder is tested with too.

use fleet_types::{CommandId, DeviceSn, MissionId, Reason, device::FlightLock};
use uuid::Uuid;

use super::*;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/positions-v1.bin");
const NOW: WallMs = WallMs(1_790_000_000_000);

fn status(class: DeviceClass, connection: Connection, activity: Activity) -> DeviceStatus {
    DeviceStatus {
        sn: DeviceSn::new("SIM1").unwrap(),
        class,
        name: String::new(),
        model: String::new(),
        gateway_sn: None,
        children: Vec::new(),
        connection,
        phase: None,
        reason: None,
        activity,
        since_ms: WallMs(0),
        last_heard_ms: None,
        clock_skew_ms: None,
        firmware: None,
        mission_id: None,
        flight_lock: None,
        unknown_count: 0,
        authority: fleet_types::authority::DeviceAuthority::default(),
    }
}

/// A flying aircraft on a mission with a medium alarm.
fn aircraft() -> Record {
    let mut status = status(DeviceClass::Aircraft, Connection::Online, Activity::FlyingMission);
    status.mission_id = Some(MissionId(Uuid::nil()));
    let measured = Measured {
        latitude_deg: Some(37.566_535_1),
        longitude_deg: Some(126.977_969_2),
        height_m: Some(119.9),
        heading_deg: Some(-90.25),
        speed_mps: Some(12.34),
        battery_percent: Some(63.6),
        heard_ms: Some(WallMs(NOW.0 - 1_290)),
        ..Measured::default()
    };
    Record::new(DeviceClass::Aircraft, Some(&status), Some(Priority::Medium), &measured)
}

/// A stale dock, locked, open, with its aircraft charging inside, west and south of zero.
fn dock() -> Record {
    let mut status = status(DeviceClass::Dock, Connection::Stale, Activity::Idle);
    status.flight_lock = Some(FlightLock {
        command_id: CommandId(Uuid::nil()),
        mission_id: None,
        reason: Reason::new("unknown", "not settled"),
    });
    let measured = Measured {
        latitude_deg: Some(-33.5),
        longitude_deg: Some(-180.0),
        height_m: Some(-4.2),
        heading_deg: Some(359.999),
        battery_percent: Some(100.0),
        cover_open: true,
        aircraft_inside: true,
        charging: true,
        heard_ms: Some(WallMs(NOW.0 - 25_000)),
        ..Measured::default()
    };
    Record::new(DeviceClass::Dock, Some(&status), Some(Priority::High), &measured)
}

/// A robot of which nothing is known.
fn robot() -> Record {
    Record::new(DeviceClass::Robot, None, None, &Measured::default())
}

/// Values beyond what the record holds.
fn extreme() -> Record {
    let status = status(DeviceClass::Aircraft, Connection::Offline, Activity::AircraftOffline);
    let measured = Measured {
        latitude_deg: Some(90.0),
        longitude_deg: Some(180.0),
        height_m: Some(9_000.0),
        heading_deg: Some(725.0),
        speed_mps: Some(400.0),
        battery_percent: Some(-3.0),
        heard_ms: Some(WallMs(NOW.0 - 100_000_000)),
        ..Measured::default()
    };
    Record::new(DeviceClass::Aircraft, Some(&status), Some(Priority::Low), &measured)
}

fn frame() -> Vec<u8> {
    let mut frame = Vec::new();
    let header =
        Header { flags: 0, view: 40_007, server_ms: NOW, tick: 3_000_000_000, missed_ticks: 2 };
    begin(&mut frame, &header);
    for (slot, record) in [(0, aircraft()), (1, dock()), (513, robot()), (65_535, extreme())] {
        record.push(&mut frame, slot, NOW);
    }
    finish(&mut frame, FULL | MORE);
    frame
}

#[test]
fn the_bytes_are_those_the_console_decodes() {
    let now = frame();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(FIXTURE, &now).unwrap();
    }
    assert_eq!(std::fs::read(FIXTURE).unwrap(), now, "UPDATE_FIXTURES=1, and a new version?");
    assert_eq!(now.len(), HEADER_BYTES + 4 * RECORD_BYTES);
}

#[test]
fn the_bytes_are_where_the_document_says() {
    let frame = frame();
    assert_eq!(frame[..8], [0x50, 1, 24, 20, 3, 0, 0x47, 0x9c]);
    assert_eq!(f64::from_le_bytes(frame[8..16].try_into().unwrap()), 1_790_000_000_000.0);
    assert_eq!(frame[20..24], [4, 0, 2, 0]);
    let aircraft = &frame[24..44];
    let state = u16::from_le_bytes([aircraft[2], aircraft[3]]);
    assert_eq!(state, 1 | 2 << 2 | 9 << 5 | 2 << 9 | 1 << 12);
    assert_eq!(i32::from_le_bytes(aircraft[4..8].try_into().unwrap()), 375_665_351);
    assert_eq!(i32::from_le_bytes(aircraft[8..12].try_into().unwrap()), 1_269_779_692);
    assert_eq!(i16::from_le_bytes([aircraft[12], aircraft[13]]), 600);
    assert_eq!(u16::from_le_bytes([aircraft[14], aircraft[15]]), 26_975);
    assert_eq!(aircraft[16..20], [62, 64, 12, 0]);
    let robot = &frame[64..84];
    assert_eq!(u16::from_le_bytes([robot[2], robot[3]]), 2 | 7 << 2 | 15 << 5);
    assert_eq!(robot[4..], [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 255, 255, 255, 255, 255, 255]);
}

#[test]
fn half_a_position_or_one_off_the_globe_is_none() {
    let check = |latitude_deg: Option<f64>, longitude_deg: Option<f64>, known: bool| {
        let measured = Measured { latitude_deg, longitude_deg, ..Measured::default() };
        let record = Record::new(DeviceClass::Dock, None, None, &measured);
        assert_eq!(record.has_position(), known, "{latitude_deg:?} {longitude_deg:?}");
        assert_eq!(record.longitude == NOWHERE, !known);
    };
    check(Some(1.0), None, false);
    check(None, Some(1.0), false);
    check(Some(90.1), Some(0.0), false);
    check(Some(0.0), Some(-180.1), false);
    check(Some(f64::NAN), Some(0.0), false);
    check(Some(0.0), Some(0.0), true);
}

#[test]
fn ages_saturate_and_never_run_backwards() {
    let check = |heard: Option<i64>, age: u16| {
        let measured = Measured { heard_ms: heard.map(WallMs), ..Measured::default() };
        assert_eq!(Record::new(DeviceClass::Dock, None, None, &measured).age(NOW), age);
    };
    check(None, u16::MAX);
    check(Some(NOW.0 + 5_000), 0);
    check(Some(NOW.0 - 99), 0);
    check(Some(NOW.0 - 6_553_400), 65_534);
    check(Some(0), 65_534);
}
