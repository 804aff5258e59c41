//! Promises about the limits of the gate: no order to fly leaves while battery, wind or rain forbid it,
//! unless somebody who may has said otherwise, and that word is on record and still counts.
//!
//! Judged by what the tower was told of the dock, by what people said, and by what the database has.

use std::collections::BTreeMap;

use fleet_core::journal::Entry;
use fleet_types::{
    Role,
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride},
};

use super::Checker;
use super::heard::FRESH_MS;
use crate::facts::{Fact, Sent};
use crate::plan::EPOCH_MS;
use crate::world::View;

/// Least battery to take off with, percent.
const BATTERY_MIN: i64 = 30;
/// Wind from which nothing flies, whole metres a second.
const WIND_MAX: i64 = 12;
/// Rain from which nothing flies: moderate.
const RAIN_MAX: i64 = 2;

/// What each limit is about, the key that tells, and from where on it forbids a flight.
type Forbids = fn(i64) -> bool;
const LIMITS: [(PreflightItem, &str, Forbids); 3] = [
    (PreflightItem::Battery, "capacity_percent", |percent| percent < BATTERY_MIN),
    (PreflightItem::Wind, "wind_speed", |mps| mps >= WIND_MAX),
    (PreflightItem::Rain, "rainfall", |rain| rain >= RAIN_MAX),
];

/// By dock and question. A later word takes the place of an earlier one when the machine learns that it
/// is on record, which may be never; both are on record.
type Words = BTreeMap<(usize, String), Vec<PreflightOverride>>;

/// No flight against a limit without a word that counts.
#[derive(Default)]
pub(super) struct Limits {
    /// Words that the database has, by dock and question.
    on_record: Words,
    /// Those of them that were not withdrawn since, as far as the machine was told.
    counting: Words,
    /// Said, and not on record yet.
    said: BTreeMap<String, (usize, PreflightItem)>,
    judged: u64,
}

impl Limits {
    fn check(&self, view: &View<'_>, sent: &Sent) -> Result<(), String> {
        let (tower, dock) = (sent.tower, sent.dock);
        for (item, key, forbids) in LIMITS {
            let heard = view.heard.get(view.now, tower, dock, key);
            let is_known = heard.is_some_and(|(_, age)| age <= FRESH_MS);
            if heard.is_some_and(|(value, _)| is_known && !forbids(value)) {
                continue;
            }
            let words = self.counting.get(&(dock, name(item))).map_or(&[][..], Vec::as_slice);
            let wall_ms =
                EPOCH_MS.saturating_add_unsigned(view.now) + view.plan.towers[tower].wall_skew_ms;
            let counts = |word: &PreflightOverride| {
                word.role >= Role::Supervisor && wall_ms < word.expires_ms.0
            };
            // Whether to fly on what was never heard, or long ago, is another question, which nobody
            // here may answer.
            if !is_known || !words.iter().any(counts) {
                let (method, tid) = (&sent.method, &sent.tid);
                return Err(format!(
                    "{method} {tid} left; {key} was heard as {heard:?}, the words are {words:?}"
                ));
            }
        }
        Ok(())
    }

    fn said(&mut self, dock: usize, notice: &DockNotice) {
        match &notice.saying {
            DockSaying::Override(word) => {
                self.said.insert(notice.request_id.0.to_string(), (dock, word.item));
            }
            DockSaying::Withdraw(item) => {
                self.counting.remove(&(dock, name(*item)));
                // What was said before and is not on record yet is withdrawn with it.
                self.said.retain(|_, about| *about != (dock, *item));
            }
            DockSaying::Maintenance { .. } | DockSaying::Reserved(_) => {}
        }
    }

    fn committed(&mut self, dock: usize, notice: &DockNotice) {
        match &notice.saying {
            DockSaying::Override(word) => {
                let key = (dock, name(word.item));
                self.on_record.entry(key.clone()).or_default().push(word.clone());
                if self.said.remove(&notice.request_id.0.to_string()).is_some() {
                    self.counting.entry(key).or_default().push(word.clone());
                }
            }
            DockSaying::Withdraw(item) => {
                self.on_record.remove(&(dock, name(*item)));
            }
            DockSaying::Maintenance { .. } | DockSaying::Reserved(_) => {}
        }
    }
}

fn name(item: PreflightItem) -> String {
    format!("{item:?}")
}

impl Checker for Limits {
    fn name(&self) -> &'static str {
        "no flight against a limit without a word on record"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Sent { sent, .. }
                if matches!(&*sent.method, "flighttask_execute" | "flighttask_prepare") =>
            {
                self.judged += 1;
                return self.check(view, sent);
            }
            Fact::Said { dock, notice } => self.said(*dock, notice),
            Fact::Committed { dock, record } => {
                if let Entry::Notice(notice) = &record.entry {
                    self.committed(*dock, notice);
                }
            }
            // A machine made anew knows what is on record.
            Fact::Made { dock, .. } => {
                self.counting.retain(|(of, _), _| of != dock);
                let of_dock = self.on_record.iter().filter(|((of, _), _)| of == dock);
                self.counting.extend(of_dock.map(|(key, word)| (key.clone(), word.clone())));
            }
            _ => {}
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
