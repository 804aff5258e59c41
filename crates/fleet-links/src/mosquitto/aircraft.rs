//! Which aircraft each dock may speak for, as the broker's access file.
//!
//! The dynamic-security plugin disconnects a dock whose role is changed, perhaps in the middle of a
//! flight (ADR 0017). Mosquitto reads its access file again at SIGHUP and disconnects nobody, and
//! asks it about whatever the plugin does not allow. So accounts and a dock's own topics are the
//! plugin's, and what depends on the topology is in this file. It refuses to touch the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use dji_cloud::topic::Topic;
use fleet_types::DeviceSn;

use crate::dynsec::aircraft_acls;

/// Name of the access file in the broker's directory.
pub const AIRCRAFT_FILE: &str = "aircraft.acl";
/// Aircraft one dock may speak for at once.
const AIRCRAFT_MAX: usize = 8;
/// Below it the tower may publish one topic: the one that the file in force names.
const MARK_TOPIC: &str = "$gwanje/rights/";

/// Names one writing of the file. The tower alone may publish on its topic, and only while that
/// writing is in force: so it can ask the broker whether it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsMark {
    tower: String,
    number: u64,
}

impl RightsMark {
    /// A mark for this login of the tower; `number` should not have been used before.
    #[must_use]
    pub fn new(tower: &str, number: u64) -> Self {
        Self { tower: tower.to_owned(), number }
    }

    /// Where a publish is taken when the file with this mark is in force, and refused otherwise.
    /// Nobody may subscribe to it.
    #[must_use]
    pub fn topic(&self) -> String {
        format!("{MARK_TOPIC}{:016x}", self.number)
    }
}

/// The docks of aircraft. An aircraft has one dock at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AircraftDocks(BTreeMap<DeviceSn, DeviceSn>);

impl AircraftDocks {
    /// Reads a file that [`Self::text`] wrote; lines that it would not write are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut docks = BTreeMap::new();
        let mut dock = None;
        for line in text.lines() {
            if let Some(user) = line.strip_prefix("user ") {
                dock = DeviceSn::new(user).ok();
            } else if let Some(dock) = &dock
                && let Some(topic) = line.strip_prefix("topic write ").and_then(Topic::parse)
                && let Ok(aircraft) = DeviceSn::new(topic.sn)
            {
                docks.insert(aircraft, dock.clone());
            }
        }
        Self(docks)
    }

    /// The dock says that it has these aircraft: they are its own from now on, and others' no more.
    /// An aircraft it does not name stays with it, as long as it has not too many: a dock forgets one
    /// that is only out of sight. `true` when anything changed.
    pub fn pair(&mut self, dock: &DeviceSn, aircraft: &[DeviceSn]) -> bool {
        // A dock's own rights do not depend on an aircraft that bears a dock's name.
        let named: BTreeSet<&DeviceSn> =
            aircraft.iter().filter(|aircraft| *aircraft != dock).take(AIRCRAFT_MAX).collect();
        let new: Vec<&DeviceSn> =
            named.iter().copied().filter(|aircraft| self.0.get(*aircraft) != Some(dock)).collect();
        if new.is_empty() {
            return false;
        }
        let of_dock = self.0.iter().filter(|(_, of)| *of == dock);
        let unnamed: Vec<DeviceSn> =
            of_dock.map(|(sn, _)| sn).filter(|sn| !named.contains(sn)).cloned().collect();
        let room = AIRCRAFT_MAX - named.len();
        for gone in unnamed.iter().skip(room) {
            self.0.remove(gone);
        }
        for aircraft in new {
            self.0.insert(aircraft.clone(), dock.clone());
        }
        true
    }

    /// Whether [`Self::pair`] would change nothing.
    #[must_use]
    pub fn has_all(&self, dock: &DeviceSn, aircraft: &[DeviceSn]) -> bool {
        let mut named = aircraft.iter().filter(|aircraft| *aircraft != dock).take(AIRCRAFT_MAX);
        named.all(|aircraft| self.0.get(aircraft) == Some(dock))
    }

    /// These are docks, hence nobody's aircraft. `true` when anything changed.
    pub fn without(&mut self, docks: &[DeviceSn]) -> bool {
        let before = self.0.len();
        for dock in docks {
            self.0.remove(dock);
        }
        self.0.len() != before
    }

    /// The dock is gone, and its aircraft belong to nobody. `true` when anything changed.
    pub fn forget(&mut self, dock: &DeviceSn) -> bool {
        let before = self.0.len();
        self.0.retain(|_, of| of != dock);
        self.0.len() != before
    }

    /// Which dock an aircraft belongs to.
    #[must_use]
    pub fn dock_of(&self, aircraft: &DeviceSn) -> Option<&DeviceSn> {
        self.0.get(aircraft)
    }

    /// Aircraft that have a dock.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no aircraft has a dock.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For [`AIRCRAFT_FILE`], with the mark of this writing.
    #[must_use]
    pub fn text(&self, mark: Option<&RightsMark>) -> String {
        let mut by_dock: BTreeMap<&DeviceSn, BTreeSet<&DeviceSn>> = BTreeMap::new();
        for (aircraft, dock) in &self.0 {
            by_dock.entry(dock).or_default().insert(aircraft);
        }
        let mut text = String::from("# Written by Gwanje whenever an aircraft changes its dock.\n");
        if let Some(mark) = mark {
            let _ = writeln!(text, "user {}\ntopic write {}", mark.tower, mark.topic());
        }
        for (dock, aircraft) in by_dock {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "user {dock}");
            for acl in aircraft.into_iter().flat_map(aircraft_acls) {
                let _ = writeln!(text, "topic write {}", acl.topic);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sn(text: &str) -> DeviceSn {
        DeviceSn::new(text).unwrap()
    }

    #[test]
    fn an_aircraft_has_one_dock_and_the_file_says_which() {
        let mut docks = AircraftDocks::default();
        assert!(docks.pair(&sn("D1"), &[sn("A1"), sn("D1")]));
        assert!(docks.pair(&sn("D2"), &[sn("A2")]));
        assert!(!docks.pair(&sn("D2"), &[]), "out of sight is not gone");
        assert!(docks.pair(&sn("D2"), &[sn("A1")]));
        assert!(docks.has_all(&sn("D2"), &[sn("A1")]) && !docks.pair(&sn("D2"), &[sn("A1")]));
        assert!(!docks.has_all(&sn("D1"), &[sn("A1")]));
        let text = docks.text(None);
        let lines: Vec<_> = text.lines().skip(1).collect();
        let expect = [
            "user D2",
            "topic write thing/product/A1/osd",
            "topic write thing/product/A1/state",
            "topic write thing/product/A2/osd",
            "topic write thing/product/A2/state",
        ];
        assert_eq!(lines, expect);
        assert_eq!(AircraftDocks::parse(&text), docks);
        let marked = docks.text(Some(&RightsMark::new("tower", 7)));
        assert!(
            marked.contains("user tower\ntopic write $gwanje/rights/0000000000000007\nuser D2\n")
        );
        assert_eq!(AircraftDocks::parse(&marked), docks, "the mark is nobody's aircraft");
        assert!(docks.without(&[sn("A2"), sn("A9")]) && docks.dock_of(&sn("A2")).is_none());
        assert!(docks.forget(&sn("D2")) && !docks.forget(&sn("D2")) && docks.is_empty());
    }

    #[test]
    fn a_dock_that_names_ever_others_keeps_few() {
        let mut docks = AircraftDocks::default();
        for number in 0..100 {
            assert!(docks.pair(&sn("D1"), &[sn(&format!("A{number}"))]));
        }
        assert_eq!(docks.len(), AIRCRAFT_MAX);
        assert_eq!(docks.dock_of(&sn("A99")), Some(&sn("D1")), "the one it named last");
        let many: Vec<_> = (0..100).map(|number| sn(&format!("B{number}"))).collect();
        docks.pair(&sn("D2"), &many);
        assert_eq!(docks.len(), 2 * AIRCRAFT_MAX);
    }

    #[test]
    fn a_file_of_somebody_else_is_no_danger() {
        let text = "topic write thing/product/A1/osd\nuser a b\ntopic write thing/product/A1/osd\n\
                    user D1\ntopic readwrite #\ntopic write thing/product/+/osd\npattern x\n";
        assert!(AircraftDocks::parse(text).is_empty());
    }
}
