//! Which aircraft each dock may speak for, as the broker's access file.
//!
//! The dynamic-security plugin disconnects a dock whose role is changed, perhaps in the middle of a
//! flight (ADR 0014). Mosquitto reads its access file again at SIGHUP and disconnects nobody, and
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
/// Aircraft one dock may speak for; more are not written.
const AIRCRAFT_MAX: usize = 8;

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
    /// An aircraft it does not name stays with it: a dock forgets one that is only out of sight.
    /// `true` when anything changed.
    pub fn pair(&mut self, dock: &DeviceSn, aircraft: &[DeviceSn]) -> bool {
        let mut changed = false;
        // A dock's own rights do not depend on an aircraft that bears a dock's name.
        for aircraft in aircraft.iter().filter(|aircraft| *aircraft != dock).take(AIRCRAFT_MAX) {
            if self.0.get(aircraft) != Some(dock) {
                self.0.insert(aircraft.clone(), dock.clone());
                changed = true;
            }
        }
        changed
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

    /// For [`AIRCRAFT_FILE`].
    #[must_use]
    pub fn text(&self) -> String {
        let mut by_dock: BTreeMap<&DeviceSn, BTreeSet<&DeviceSn>> = BTreeMap::new();
        for (aircraft, dock) in &self.0 {
            by_dock.entry(dock).or_default().insert(aircraft);
        }
        let mut text = String::from("# Written by Gwanje whenever an aircraft changes its dock.\n");
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
        assert!(!docks.pair(&sn("D2"), &[sn("A1")]));
        let text = docks.text();
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
        assert!(docks.forget(&sn("D2")) && !docks.forget(&sn("D2")) && docks.is_empty());
    }

    #[test]
    fn a_file_of_somebody_else_is_no_danger() {
        let text = "topic write thing/product/A1/osd\nuser a b\ntopic write thing/product/A1/osd\n\
                    user D1\ntopic readwrite #\ntopic write thing/product/+/osd\npattern x\n";
        assert!(AircraftDocks::parse(text).is_empty());
    }
}
