//! Promises about health messages: what is shown as up is what the device said last, no more and no
//! less, and some time after the last trouble it is what is true.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Checker;
use crate::facts::Fact;
use crate::net::Kind;
use crate::world::View;

/// Every list of a dock is the whole of it.
#[derive(Default)]
pub(super) struct WholeList {
    /// What each tower heard last of a dock.
    told: BTreeMap<(usize, usize), BTreeSet<String>>,
    /// What was shown last of a dock.
    shown: BTreeMap<usize, BTreeSet<String>>,
    judged: u64,
}

impl Checker for WholeList {
    fn name(&self) -> &'static str {
        "alarms are what the device says"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Heard { tower, dock, kind: Kind::Events, payload, .. } => {
                if let Some(codes) = codes(payload) {
                    self.told.insert((*tower, *dock), codes);
                }
                Ok(())
            }
            Fact::Alarms { tower, dock, up } => {
                self.judged += 1;
                let told = self.told.get(&(*tower, *dock));
                if told != Some(*up) {
                    return Err(format!("dock {dock} said {told:?}; up are {up:?}"));
                }
                self.shown.insert(*dock, (*up).clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn at_end(&mut self, view: &View<'_>) -> Result<(), String> {
        for (dock, shown) in &self.shown {
            let site = &view.sites[*dock];
            let truth: BTreeSet<String> = site.health.keys().map(ToString::to_string).collect();
            if site.model.is_online() && truth != *shown {
                return Err(format!("dock {dock} has {truth:?}; up are {shown:?}"));
            }
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    list: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    code: Option<String>,
}

/// The codes of a list of health messages, if it is one.
fn codes(payload: &[u8]) -> Option<BTreeSet<String>> {
    let text = std::str::from_utf8(payload).ok()?;
    if !text.contains("\"method\":\"hms\"") {
        return None;
    }
    let event: Event = serde_json::from_str(text).ok()?;
    Some(event.data.list.into_iter().filter_map(|item| item.code).collect())
}
