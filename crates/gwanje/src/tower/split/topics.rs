//! Which bus topics cross, and how their samples are written.
//!
//! From the link: what is so ([`outlets`]). To it: what somebody asks for ([`orders`]). A topic crosses
//! one way only, so nothing comes back to where it was written.

use std::{collections::BTreeMap, sync::Arc};

use fleet_bus::{Bus, Reader, Writer};
use fleet_types::{
    AlarmStatus, CommandRequest, CommandStatus, DeviceStatus, LinkStatus, MissionRequest,
    MissionStatus, TraceStep,
    alarm::AlarmOrder,
    authority::{AuthorityAnswer, AuthorityRequest},
    command::Resolution,
    plan::MissionControl,
    preflight::{DockNotice, PreflightReport, PreflightRequest},
    topic::{DeviceDrift, DeviceEvent, DeviceOsd, Topic},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::{super::recall::Schemas, osd, says::Part};

/// Samples that wait for the crossing; it holds nobody up.
const WAITING_MAX: usize = 8192;
/// Samples of a topic taken at once.
const BATCH: usize = 256;
/// Commands, missions and alarms whose newest state is kept for a process that begins later.
const CHANGES_KEPT: usize = 4096;

/// A sample that can be written and read.
pub(super) trait Crosses: Topic + Sized {
    fn pack(&self) -> Option<Box<RawValue>>;
    fn unpack(data: &RawValue, schemas: &Schemas) -> Option<Self>;
}

macro_rules! crosses {
    ($($name:ident)+) => {$(
        impl Crosses for $name {
            fn pack(&self) -> Option<Box<RawValue>> {
                to_raw_value(self).ok()
            }
            fn unpack(data: &RawValue, _: &Schemas) -> Option<Self> {
                serde_json::from_str(data.get()).ok()
            }
        }
    )+};
}

crosses! {
    DeviceStatus DeviceDrift DeviceEvent CommandStatus MissionStatus AlarmStatus LinkStatus TraceStep
    PreflightReport AuthorityAnswer
}

impl Crosses for DeviceOsd {
    fn pack(&self) -> Option<Box<RawValue>> {
        to_raw_value(&osd::pack(self)).ok()
    }
    fn unpack(data: &RawValue, schemas: &Schemas) -> Option<Self> {
        osd::unpack(serde_json::from_str(data.get()).ok()?, schemas)
    }
}

/// A topic on its way out.
pub(super) trait Outlet: Send {
    /// Takes what waits; `heard` says whether there is anybody to send it to. True when there may be
    /// more.
    fn take(&mut self, heard: bool, out: &mut Vec<Part>) -> bool;
    /// Keys of what is so now, the longest unchanged first.
    fn keys(&self) -> Vec<String>;
    /// What is so of one key, for one who asked.
    fn current(&self, key: &str, to: &str) -> Option<Part>;
    /// A device was removed.
    fn forget(&mut self, key: &str);
}

struct Line<T: Crosses> {
    reader: Reader<T>,
    keeps: usize,
    newest: BTreeMap<String, (u64, Arc<T>)>,
    order: BTreeMap<u64, String>,
    number: u64,
}

impl<T: Crosses> Line<T> {
    fn boxed(bus: &Bus, keeps: usize) -> Box<dyn Outlet> {
        let (newest, order) = (BTreeMap::new(), BTreeMap::new());
        Box::new(Self { reader: bus.watcher::<T>(WAITING_MAX), keeps, newest, order, number: 0 })
    }

    fn keep(&mut self, sample: &Arc<T>) {
        if self.keeps == 0 {
            return;
        }
        self.number += 1;
        let key = sample.key().into_owned();
        let before = self.newest.insert(key.clone(), (self.number, Arc::clone(sample)));
        if let Some((number, _)) = before {
            self.order.remove(&number);
        }
        self.order.insert(self.number, key);
        if self.order.len() > self.keeps
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.newest.remove(&oldest);
        }
    }
}

fn part<T: Crosses>(sample: &T, to: Option<&str>) -> Option<Part> {
    let (topic, to) = (T::NAME.to_owned(), to.map(str::to_owned));
    Some(Part::Sample { topic, data: sample.pack()?, to })
}

impl<T: Crosses> Outlet for Line<T> {
    fn take(&mut self, heard: bool, out: &mut Vec<Part>) -> bool {
        let taken = self.reader.try_take(BATCH);
        for sample in &taken {
            self.keep(sample);
            if heard {
                out.extend(part(&**sample, None));
            }
        }
        taken.len() == BATCH
    }

    fn keys(&self) -> Vec<String> {
        self.order.values().cloned().collect()
    }

    fn current(&self, key: &str, to: &str) -> Option<Part> {
        part(&*self.newest.get(key)?.1, Some(to))
    }

    fn forget(&mut self, key: &str) {
        if let Some((number, _)) = self.newest.remove(key) {
            self.order.remove(&number);
        }
    }
}

/// What the link tells, in the order in which one who begins is told.
pub(super) fn outlets(bus: &Bus) -> Vec<Box<dyn Outlet>> {
    vec![
        Line::<LinkStatus>::boxed(bus, usize::MAX),
        Line::<DeviceStatus>::boxed(bus, usize::MAX),
        Line::<DeviceOsd>::boxed(bus, usize::MAX),
        Line::<DeviceDrift>::boxed(bus, usize::MAX),
        Line::<MissionStatus>::boxed(bus, CHANGES_KEPT),
        Line::<CommandStatus>::boxed(bus, CHANGES_KEPT),
        Line::<AlarmStatus>::boxed(bus, CHANGES_KEPT),
        Line::<DeviceEvent>::boxed(bus, 0),
        Line::<PreflightReport>::boxed(bus, 0),
        Line::<AuthorityAnswer>::boxed(bus, 0),
        Line::<TraceStep>::boxed(bus, 0),
    ]
}

/// Writes a sample of one topic to the bus; false when it cannot be read, or a reader is full.
pub(super) type Inlet = Box<dyn Fn(&RawValue) -> bool + Send>;

fn inlet<T: Crosses>(bus: &Bus, schemas: &Arc<Schemas>) -> (&'static str, Inlet) {
    let (writer, schemas) = (bus.writer::<T>(), Arc::clone(schemas));
    let put = move |data: &RawValue| {
        T::unpack(data, &schemas).is_some_and(|sample| writer.try_write(sample).is_ok())
    };
    (T::NAME, Box::new(put))
}

/// Where what the link tells goes in a process that shows it. States of devices are told apart by it.
pub(super) fn inlets(bus: &Bus, schemas: &Arc<Schemas>) -> BTreeMap<&'static str, Inlet> {
    [
        inlet::<LinkStatus>(bus, schemas),
        inlet::<DeviceOsd>(bus, schemas),
        inlet::<DeviceDrift>(bus, schemas),
        inlet::<MissionStatus>(bus, schemas),
        inlet::<CommandStatus>(bus, schemas),
        inlet::<AlarmStatus>(bus, schemas),
        inlet::<DeviceEvent>(bus, schemas),
        inlet::<PreflightReport>(bus, schemas),
        inlet::<AuthorityAnswer>(bus, schemas),
        inlet::<TraceStep>(bus, schemas),
    ]
    .into()
}

/// Something to be done that crosses.
trait Asks: Topic + Serialize + DeserializeOwned {
    /// How long it lives from when it is asked, where it says so.
    fn life_ms(&self) -> Option<u64> {
        None
    }
    /// Part of its life is over.
    fn lives(&mut self, _ms: u64) {}
}

impl Asks for CommandRequest {
    fn life_ms(&self) -> Option<u64> {
        Some(self.expires_in_ms)
    }
    fn lives(&mut self, ms: u64) {
        self.expires_in_ms = ms;
    }
}

impl Asks for MissionRequest {
    fn life_ms(&self) -> Option<u64> {
        Some(self.expires_in_ms)
    }
    fn lives(&mut self, ms: u64) {
        self.expires_in_ms = ms;
    }
}

impl Asks for Resolution {}
impl Asks for MissionControl {}
impl Asks for DockNotice {}
impl Asks for PreflightRequest {}
impl Asks for AuthorityRequest {}
impl Asks for AlarmOrder {}

/// What somebody asked for.
pub(super) struct Asked {
    pub(super) topic: &'static str,
    pub(super) data: Box<RawValue>,
    pub(super) life_ms: Option<u64>,
}

/// Takes what was asked for on one topic.
pub(super) type Desk = Box<dyn FnMut() -> Vec<Asked> + Send>;

fn desk<T: Asks>(bus: &Bus) -> Desk {
    let mut reader = bus.reader::<T>();
    Box::new(move || {
        let taken = reader.try_take(BATCH);
        let asked = taken.iter().filter_map(|sample| {
            let data = to_raw_value(&**sample).ok()?;
            Some(Asked { topic: T::NAME, data, life_ms: sample.life_ms() })
        });
        asked.collect()
    })
}

/// Everything that can be asked for.
pub(super) fn orders(bus: &Bus) -> Vec<Desk> {
    vec![
        desk::<CommandRequest>(bus),
        desk::<MissionControl>(bus),
        desk::<MissionRequest>(bus),
        desk::<Resolution>(bus),
        desk::<AuthorityRequest>(bus),
        desk::<AlarmOrder>(bus),
        desk::<DockNotice>(bus),
        desk::<PreflightRequest>(bus),
    ]
}

/// Why an order that was taken is not on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDone {
    /// It cannot be read.
    Malformed,
    /// Its readers are full.
    Full,
}

/// Writes an order of one topic, which has so many milliseconds left, to the bus of who owns the docks.
pub(super) type Doing = Box<dyn Fn(&RawValue, u64) -> Result<(), NotDone> + Send>;

fn doing<T: Asks>(bus: &Bus) -> (&'static str, Doing) {
    let writer: Writer<T> = bus.writer();
    let put = move |data: &RawValue, left_ms: u64| {
        let mut asked: T = serde_json::from_str(data.get()).map_err(|_| NotDone::Malformed)?;
        if let Some(life_ms) = asked.life_ms() {
            asked.lives(life_ms.min(left_ms));
        }
        writer.try_write(asked).map_err(|_| NotDone::Full)
    };
    (T::NAME, Box::new(put))
}

/// Where orders go in the process that owns the docks.
pub(super) fn doings(bus: &Bus) -> BTreeMap<&'static str, Doing> {
    [
        doing::<CommandRequest>(bus),
        doing::<MissionControl>(bus),
        doing::<MissionRequest>(bus),
        doing::<Resolution>(bus),
        doing::<AuthorityRequest>(bus),
        doing::<AlarmOrder>(bus),
        doing::<DockNotice>(bus),
        doing::<PreflightRequest>(bus),
    ]
    .into()
}
