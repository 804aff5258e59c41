//! Questions to the database, each with its type and its bound.
//!
//! Every query on a table that grows without bound goes by an index; the tests look at the plans.
//! A row that a later version wrote and this one cannot read is an error, not a gap.

mod flights;
mod history;
mod media;
mod track;
mod twins;

use fleet_types::{DeviceSn, WallMs};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use flights::{flight, flights, rows_after, series};
pub use history::{
    StoredEvent, alarms, commands, events, mission, missions, missions_before, open_alarms,
    open_missions, remembered_alarms,
};
pub use media::{MediaCount, MediaPage, StoredMedia, media, media_counts, media_file};
pub use track::{TrackPoint, track};
pub use twins::{StoredTwin, devices, twins};

use crate::error::StoreError;

/// A span of time, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// One device, or all.
    pub sn: Option<DeviceSn>,
    /// From this time on.
    pub from: WallMs,
    /// Before this time.
    pub until: WallMs,
    /// At the most, newest first; 10,000 is the bound.
    pub limit: u16,
}

impl Span {
    fn limit(&self) -> i64 {
        i64::from(self.limit.min(10_000))
    }

    /// Picks the statement for one device or for all.
    fn sql<'a>(&self, of_one: &'a str, of_all: &'a str) -> &'a str {
        if self.sn.is_some() { of_one } else { of_all }
    }
}

/// The statements, by name, with the types of their parameters: for looking at their plans.
pub const PLANNED: &[(&str, &str)] = &[
    ("track", track::POINTS),
    ("track by minutes", track::MINUTES),
    ("events of one device", history::EVENTS_OF_ONE),
    ("events", history::EVENTS),
    ("alarms of one device", history::ALARMS_OF_ONE),
    ("alarms", history::ALARMS),
    ("open alarms", history::OPEN_ALARMS),
    ("remembered alarms", history::REMEMBERED_ALARMS),
    ("commands of one device", history::COMMANDS_OF_ONE),
    ("commands", history::COMMANDS),
    ("missions of one device", history::MISSIONS_OF_ONE),
    ("missions", history::MISSIONS),
    ("page of missions of one dock", history::MISSIONS_PAGE_OF_ONE),
    ("page of missions", history::MISSIONS_PAGE),
    ("mission", history::MISSION),
    ("page of flights of one dock", flights::FLIGHTS_OF_ONE),
    ("page of flights", flights::FLIGHTS),
    ("series of telemetry", flights::SERIES),
    ("rows of telemetry", flights::ROWS),
    ("times of schedules", crate::schedules::TIMES),
    ("open missions", history::OPEN_MISSIONS),
    ("open journal", crate::journal::OPEN),
    ("audit", crate::audit::PAGE),
];

fn typed<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Unreadable {
        what: what.to_owned(),
        detail: error.to_string(),
    })
}
