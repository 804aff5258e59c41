//! Keeps the broker's access file in step with which aircraft a dock speaks for.
//!
//! The file is written here and read again by the broker when the supervisor sees that it changed
//! (`children/reload.rs`); nobody is disconnected. Whether it is in force is asked of the broker
//! itself ([`super::rights_in_force`]), and only then is the dock's `update_topo` answered: what an
//! aircraft says first it says only once. Changes are gathered for a moment, because when a whole
//! fleet comes up for the first time thousands come at once; a pairing that the file has already
//! changes nothing and waits for nothing. Read next: [`fleet_links::mosquitto::AircraftDocks`].

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use fleet_links::mosquitto::{AIRCRAFT_FILE, AircraftDocks, RightsMark};
use fleet_types::{Alarm, DeviceSn, Now, alarm::Priority};
use tokio::sync::Notify;

use super::condition::{reason, signal};
use crate::{config::Mqtt, data_dir};

/// A dock may change its aircraft so often in [`WINDOW_MS`]: each change is work for the broker that
/// all docks share.
const CHANGES_MAX: usize = 16;
const WINDOW_MS: u64 = 600_000;

/// What became of a dock's word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Paired {
    /// Nothing new.
    Known,
    /// The file has to be written.
    Changed,
    /// The dock changes its aircraft too often; with an alarm the first time.
    Refused(Option<Box<Alarm>>),
}

struct Changes {
    at: VecDeque<Now>,
    raised: Option<Alarm>,
}

/// Which dock may publish for which aircraft, as the file says.
pub struct AircraftRights {
    file: PathBuf,
    docks: Mutex<AircraftDocks>,
    changes: Mutex<BTreeMap<DeviceSn, Changes>>,
    /// Something changed that no dock said.
    pub(super) changed: Notify,
}

impl AircraftRights {
    /// What the file in this directory says; nothing when there is none.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        let file = dir.join(AIRCRAFT_FILE);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let docks = Mutex::new(AircraftDocks::parse(&text));
        Self { file, docks, changes: Mutex::default(), changed: Notify::new() }
    }

    /// Whether this dock may speak for this aircraft.
    #[must_use]
    pub fn is_paired(&self, dock: &DeviceSn, aircraft: &DeviceSn) -> bool {
        self.docks().dock_of(aircraft) == Some(dock)
    }

    /// Takes a removed dock's aircraft from it.
    pub fn forget(&self, dock: &DeviceSn) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).remove(dock);
        if self.docks().forget(dock) {
            self.changed.notify_one();
        }
    }

    /// These are docks: whoever named one of them as its aircraft may not speak for it.
    pub fn are_docks(&self, docks: &[DeviceSn]) {
        if self.docks().without(docks) {
            self.changed.notify_one();
        }
    }

    pub(super) fn pair(&self, now: Now, dock: &DeviceSn, aircraft: &[DeviceSn]) -> Paired {
        let mut docks = self.docks();
        if docks.has_all(dock, aircraft) {
            return Paired::Known;
        }
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_dock = changes
            .entry(dock.clone())
            .or_insert_with(|| Changes { at: VecDeque::with_capacity(1), raised: None });
        of_dock.at.retain(|at| now.mono.since_ms(at.mono) < WINDOW_MS);
        if of_dock.at.len() >= CHANGES_MAX {
            let is_new = of_dock.raised.is_none();
            let alarm = of_dock.raised.get_or_insert_with(|| restless(dock, now));
            return Paired::Refused(is_new.then(|| Box::new(alarm.clone())));
        }
        of_dock.at.push_back(now);
        docks.pair(dock, aircraft);
        Paired::Changed
    }

    /// Alarms that are over by now: the dock may change its aircraft again.
    pub(super) fn quiet(&self, now: Now) -> Vec<Alarm> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut over = vec![];
        changes.retain(|_, of_dock| {
            of_dock.at.retain(|at| now.mono.since_ms(at.mono) < WINDOW_MS);
            if of_dock.at.len() < CHANGES_MAX
                && let Some(alarm) = of_dock.raised.take()
            {
                over.push(Alarm { cleared_ms: Some(now.wall), ..alarm });
            }
            !of_dock.at.is_empty()
        });
        over
    }

    /// Writes the file; the mark by which the broker tells that it is in force.
    pub(super) fn write(&self) -> io::Result<RightsMark> {
        let mut number = [0_u8; 8];
        getrandom::fill(&mut number).map_err(io::Error::other)?;
        let mark = RightsMark::new(Mqtt::TOWER_USER, u64::from_ne_bytes(number));
        let text = self.docks().text(Some(&mark));
        // The broker's user owns its directory, and must be able to read what is in it from the
        // moment it is there: a file that it cannot read takes every right away.
        let dir = fs::metadata(self.file.parent().unwrap_or(Path::new("/")))?;
        let owner =
            (dir.uid() != rustix::process::geteuid().as_raw()).then(|| (dir.uid(), dir.gid()));
        data_dir::write_private_for(&self.file, text.as_bytes(), owner)?;
        Ok(mark)
    }

    fn docks(&self) -> MutexGuard<'_, AircraftDocks> {
        self.docks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn restless(dock: &DeviceSn, now: Now) -> Alarm {
    let text = format!(
        "{dock} has named other aircraft more than {CHANGES_MAX} times in ten minutes: until it is quiet again, new ones get no rights at the broker. Restart it, or look for a second sender under its login."
    );
    let korean = format!(
        "{dock}이(가) 10분 동안 기체를 {CHANGES_MAX}번 넘게 바꾸어 알렸습니다. 잠잠해질 때까지 새 기체에는 브로커 권한을 주지 않습니다. 도크를 다시 시작하거나, 같은 계정을 쓰는 다른 장비가 있는지 확인하십시오."
    );
    let why = reason("topology_restless", text, korean);
    signal(Some(dock.clone()), Priority::Medium, why, now.wall)
}

#[cfg(test)]
mod tests {
    use fleet_types::{MonoMs, WallMs};

    use super::*;

    fn sn(text: &str) -> DeviceSn {
        DeviceSn::new(text).unwrap()
    }

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(7) }
    }

    #[test]
    fn rights_outlive_the_tower_and_go_with_the_dock() {
        let dir = data_dir::TempDir::new().unwrap();
        let rights = AircraftRights::open(dir.path());
        assert_eq!(rights.pair(at(0), &sn("D1"), &[sn("A1"), sn("D2")]), Paired::Changed);
        assert_eq!(rights.pair(at(0), &sn("D1"), &[sn("A1")]), Paired::Known);
        let marks = [rights.write().unwrap(), rights.write().unwrap()];
        assert_ne!(marks[0], marks[1], "each writing can be told from the others");
        let again = AircraftRights::open(dir.path());
        assert_eq!(again.pair(at(0), &sn("D1"), &[sn("A1")]), Paired::Known, "it was read");
        assert!(again.is_paired(&sn("D1"), &sn("A1")) && !again.is_paired(&sn("D2"), &sn("A1")));
        again.are_docks(&[sn("D2")]);
        assert!(!again.is_paired(&sn("D1"), &sn("D2")), "a dock is nobody's aircraft");
        again.forget(&sn("D1"));
        again.write().unwrap();
        let last = AircraftRights::open(dir.path());
        assert_eq!(last.pair(at(0), &sn("D1"), &[sn("A1")]), Paired::Changed, "it was taken");
    }

    #[test]
    fn a_dock_that_names_ever_other_aircraft_is_alarmed_once_and_alone() {
        let dir = data_dir::TempDir::new().unwrap();
        let rights = AircraftRights::open(dir.path());
        for number in 0..CHANGES_MAX {
            let aircraft = sn(&format!("A{number}"));
            assert_eq!(rights.pair(at(0), &sn("D1"), &[aircraft]), Paired::Changed);
        }
        let Paired::Refused(Some(alarm)) = rights.pair(at(1), &sn("D1"), &[sn("B1")]) else {
            panic!("it is let on");
        };
        assert_eq!((alarm.sn, alarm.cleared_ms), (Some(sn("D1")), None));
        assert_eq!(rights.pair(at(2), &sn("D1"), &[sn("B2")]), Paired::Refused(None));
        assert!(!rights.is_paired(&sn("D1"), &sn("B1")));
        assert_eq!(rights.pair(at(2), &sn("D2"), &[sn("B1")]), Paired::Changed, "others are not");
        assert_eq!(rights.quiet(at(WINDOW_MS - 1)), []);
        let over = rights.quiet(at(WINDOW_MS));
        assert_eq!((over.len(), over[0].alarm_id), (1, alarm.alarm_id));
        assert_eq!(rights.pair(at(WINDOW_MS), &sn("D1"), &[sn("B3")]), Paired::Changed);
    }
}
