//! A short, repeatable fuzz run: seeded mutations of typical messages, none may break a promise.
//!
//! The long runs are the fuzz targets' (`fuzz/`); this one is for every `cargo test`. The same seed
//! mutates the same way on every machine.

use std::time::{Duration, Instant};

use crate::exercise;

const SEEDS: &[&str] = &[
    include_str!("../data/dock-osd.json"),
    include_str!("../data/aircraft-osd.json"),
    r#"{"tid":"t","bid":"b","timestamp":"1","need_reply":1,"method":"flighttask_progress","data":
        {"result":0,"output":{"status":"ok","progress":{"percent":100,"current_step":5},"ext":
        {"flight_id":"F","break_point":{"index":1,"state":0,"progress":0.5}}}}}"#,
    r#"{"method":"update_topo","data":{"type":"2","sub_type":0,"sub_devices":[{"sn":"A"}]}}"#,
    r#"{"method":"hms","data":{"list":[{"code":"0x19111800","device_type":"3-2-0","level":2,
        "in_the_sky":0,"args":{"component_index":0,"sensor_index":0}}]}}"#,
    r#"{"tid":"t","method":"cover_open","data":{"result":514121,"output":{"status":"rejected"}}}"#,
    r#"{"method":"flighttask_prepare","data":{"flight_id":"f","task_type":0,"rth_altitude":100,
        "file":{"url":"http://127.0.0.1/f","fingerprint":"0"},"out_of_control_action":0}}"#,
    r#"{"mode_code":0,"cover_state":1,"latitude":37.5,"81-0-0":{"gimbal_yaw":1.5}}"#,
];

/// Pieces that JSON breaks by, and that mean something here.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-0",
    "1e309",
    "-9223372036854775808",
    "18446744073709551615",
    "0.4",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\"ok\"",
    "\"success\"",
    "\"data\":",
    "\"method\":\"hms\"",
    "\"result\":false",
    "\"status\":2",
    "32767",
    "{\"a\":[{}]}",
];

/// A small generator (xorshift64*), so that a failure can be played again anywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end.max(1)
    }
}

fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        match chance.below(6) {
            0 if !bytes.is_empty() => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            2 => drop(bytes.drain(at..(at + chance.below(12)).min(bytes.len()))),
            3 => {
                let piece = PIECES[chance.below(PIECES.len())];
                drop(bytes.splice(at..at, piece.bytes()));
            }
            4 => {
                let end = (at + chance.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = chance.below(bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
}

/// Runs so many mutated executions; each decodes on one topic.
fn run(seed: u64, executions: u32) {
    let mut chance = Chance(seed);
    for number in 0..executions {
        let mut bytes = vec![u8::try_from(chance.below(14)).unwrap(), 0];
        if chance.below(4) == 0 {
            bytes[1] = u8::try_from(chance.below(256)).unwrap();
        }
        let mut body = SEEDS[chance.below(SEEDS.len())].as_bytes().to_vec();
        mutate(&mut body, &mut chance);
        bytes.extend_from_slice(&body);
        let done = std::panic::catch_unwind(|| exercise::message(&bytes));
        assert!(done.is_ok(), "execution {number}: {:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn two_hundred_thousand_mutations_break_no_promise() {
    let start = Instant::now();
    // Unoptimised and on a busy machine a round takes long; what is run is whole rounds, the
    // first always.
    for round in 0..10_u64 {
        run(0x6777_616e_6a65 + round, 20_000);
        if start.elapsed() > Duration::from_secs(20) {
            println!("only {} rounds of 10: the machine is slow", round + 1);
            break;
        }
    }
}

/// Ten million executions with other seeds: `cargo test -p dji-cloud --test wire -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn ten_million_mutations_break_no_promise() {
    for round in 0..500_u64 {
        run(0x006d_6963_6821 + round * 7919, 20_000);
        if round % 50 == 49 {
            println!("{} executions", (round + 1) * 20_000);
        }
    }
}

#[test]
fn any_bytes_on_every_topic() {
    let mut chance = Chance(7);
    for _ in 0..2_000 {
        let len = chance.below(64);
        let bytes: Vec<u8> = (0..len).map(|_| u8::try_from(chance.below(256)).unwrap()).collect();
        exercise::envelope(&bytes);
    }
    for seed in SEEDS {
        exercise::envelope(seed.as_bytes());
    }
}
