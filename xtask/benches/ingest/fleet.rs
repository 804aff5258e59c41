//! The simulated docks, in a process of their own: counts what each device publishes, lets some
//! docks change their mode so that a delay can be seen, and falls silent when told to.
//!
//! It is told and tells over one connection, a line each; when that ends, so does the process.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fleet_sim::{Qos, SimConfig, SimFleet, Tap, TelemetryRate};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::interval,
};

use crate::Profile;

/// Changes of mode in a second, the whole fleet's.
const MARKS_A_SECOND: u32 = 20;
/// Docks that connect in a second.
const RAMP_A_SECOND: u32 = 250;

pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros().try_into().unwrap()
}

#[derive(Default)]
struct Device {
    published: u64,
    reports_of_mode: u32,
    place: u32,
    is_debugging: bool,
}

/// What went out.
struct Tally {
    telemetry: Qos,
    mark_every: u32,
    is_silent: Cell<bool>,
    is_marking: Cell<bool>,
    total: Cell<u64>,
    devices: RefCell<BTreeMap<String, Device>>,
    marks: RefCell<Vec<(String, bool, u64)>>,
}

impl Tally {
    fn see(&self, topic: &str, payload: Bytes, qos: Qos) -> Option<(Bytes, Qos)> {
        let is_osd = topic.ends_with("/osd");
        if !is_osd && !topic.ends_with("/state") {
            return Some((payload, qos));
        }
        if is_osd && self.is_silent.get() {
            return None;
        }
        self.total.set(self.total.get() + 1);
        let sn = topic.split('/').nth(2).unwrap_or_default();
        let mut devices = self.devices.borrow_mut();
        if !devices.contains_key(sn) {
            let place = u32::try_from(devices.len()).unwrap();
            devices.insert(sn.to_owned(), Device { place, ..Device::default() });
        }
        let device = devices.get_mut(sn).unwrap();
        device.published += 1;
        if !is_osd {
            return Some((payload, qos));
        }
        Some((self.with_mode(sn, device, payload), self.telemetry))
    }

    /// Every so many reports of its mode a dock goes over to remote debugging, or back.
    fn with_mode(&self, sn: &str, device: &mut Device, payload: Bytes) -> Bytes {
        let text = std::str::from_utf8(&payload).unwrap();
        if !text.contains("\"cover_state\":") || !text.contains("\"mode_code\":0") {
            return payload;
        }
        device.reports_of_mode += 1;
        if self.is_marking.get()
            && (device.reports_of_mode + device.place).is_multiple_of(self.mark_every)
        {
            device.is_debugging = !device.is_debugging;
            self.marks.borrow_mut().push((sn.to_owned(), device.is_debugging, now_us()));
        }
        match device.is_debugging {
            true => text.replace("\"mode_code\":0", "\"mode_code\":2").into(),
            false => payload,
        }
    }
}

pub(crate) async fn run(
    control: SocketAddr,
    broker: SocketAddr,
    docks: u32,
    profile: Profile,
    qos: u8,
) {
    let (read, mut write) = TcpStream::connect(control).await.unwrap().into_split();
    let mut told = BufReader::new(read).lines();
    let tally = Rc::new(Tally {
        telemetry: if qos == 1 { Qos::AtLeastOnce } else { Qos::AtMostOnce },
        // A dock reports its mode every two seconds.
        mark_every: (docks / 2 / MARKS_A_SECOND).max(3),
        is_silent: Cell::new(false),
        is_marking: Cell::new(false),
        total: Cell::new(0),
        devices: RefCell::default(),
        marks: RefCell::default(),
    });
    let seen = Rc::clone(&tally);
    let config = SimConfig {
        telemetry: match profile {
            Profile::Split => TelemetryRate::Documented,
            Profile::Merged => TelemetryRate::Merged,
        },
        tap: Some(Tap::new(move |topic, payload, qos| seen.see(topic, payload, qos))),
        ramp: Duration::from_secs(u64::from(docks.div_ceil(RAMP_A_SECOND))),
        ..SimConfig::new(broker, docks, 1)
    };
    let fleet = SimFleet::start(config).unwrap();
    let mut pace = interval(Duration::from_millis(200));
    loop {
        let line = tokio::select! {
            biased;
            line = told.next_line() => match line {
                Ok(Some(line)) => line,
                Ok(None) | Err(_) => break,
            },
            _ = pace.tick() => "marks".to_owned(),
        };
        let answer = match line.as_str() {
            "silence" => {
                tally.is_silent.set(true);
                json!({"total": tally.total.get()})
            }
            "speak" => {
                tally.is_silent.set(false);
                json!({"total": tally.total.get()})
            }
            "mark" => {
                tally.is_marking.set(true);
                json!({"total": tally.total.get()})
            }
            "total" => json!({"total": tally.total.get()}),
            "counts" => {
                let devices = tally.devices.borrow();
                let counts = devices.iter().map(|(sn, device)| (sn, device.published));
                let unsent = fleet.report().dropped;
                json!({"counts": counts.collect::<BTreeMap<_, _>>(), "unsent": unsent})
            }
            "online" => json!({"online": fleet.online()}),
            "marks" => {
                let marks = tally.marks.take();
                if marks.is_empty() {
                    continue;
                }
                json!({"marks": marks})
            }
            other => panic!("{other}"),
        };
        if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            break;
        }
    }
    fleet.stop().await;
}
