//! The devices: feeding their models, carrying out what they want, and what nature does to them.

use bytes::Bytes;
use fleet_sim::model::Outcome;
use fleet_sim::{Input, Output, Qos};

use super::World;
use crate::facts::Fact;
use crate::net::{Client, Kind, Message};
use crate::queue::{Event, Ms};
use crate::site::Site;

/// Codes that docks report, and their levels: two say that something is to be looked at, one warns.
const HEALTH: [(&str, u8); 5] =
    [("0x16100083", 1), ("0x1A011340", 0), ("0x1B030019", 1), ("0x19000042", 0), ("0x12040000", 2)];

impl World {
    pub(super) fn dock_connected(&mut self, dock: usize) {
        self.tell_presence(dock, true);
        let again: Vec<Message> =
            std::mem::take(&mut self.sites[dock].unacknowledged).into_values().collect();
        self.feed_dock(dock, Input::Connected);
        for message in again {
            self.dock_publishes(dock, message);
        }
    }

    pub(super) fn dock_disconnected(&mut self, dock: usize) {
        self.tell_presence(dock, false);
        self.feed_dock(dock, Input::Disconnected);
    }

    pub(super) fn dock_tick(&mut self, dock: usize) {
        if self.sites[dock].tick_at == Some(self.now) {
            self.sites[dock].tick_at = None;
            self.feed_dock(dock, Input::Tick);
        }
    }

    pub(super) fn fetched(&mut self, dock: usize, id: u64, file: Option<Bytes>) {
        let result = file.ok_or_else(|| "the connection broke".to_owned());
        self.feed_dock(dock, Input::Fetched { id, result });
    }

    pub(super) fn dock_gets(&mut self, dock: usize, message: Message) {
        let Message { topic, kind, payload, expires, .. } = message;
        let left_s = expires.map(|expires| expires.saturating_sub(self.now) / 1_000);
        let expiry_s = left_s.map(|left_s| u32::try_from(left_s).unwrap_or(u32::MAX));
        let is_command = kind == Kind::Services;
        let topic = String::from(&*topic);
        self.feed_dock(dock, Input::Message { topic, payload, expiry_s });
        if is_command {
            self.note_arrival(dock);
        }
    }

    /// Every command leaves one record in the device's ground truth.
    fn note_arrival(&mut self, dock: usize) {
        let record = self.sites[dock].model.ground_truth().records().next_back().cloned();
        let Some(record) = record.filter(|record| record.at.mono_ms == self.now) else { return };
        self.trace.line(self.now, || {
            format!(
                "dock {dock} got {} {} → {:?}",
                record.method,
                short(&record.tid),
                record.outcome
            )
        });
        if record.outcome != Outcome::Executed {
            self.count("commands refused or ignored by a dock");
        }
        self.note(&Fact::Arrived {
            dock,
            method: &record.method,
            tid: &record.tid,
            flight_id: record.flight_id.as_deref(),
            outcome: record.outcome,
        });
    }

    pub(super) fn nature(&mut self, dock: usize) {
        if self.is_healed {
            return;
        }
        let site = &mut self.sites[dock];
        match site.rng.u8(0..8) {
            0 => site.model.press_emergency_stop(true),
            1 | 2 => site.model.press_emergency_stop(false),
            3 => site.model.set_weather(site.rng.i64(0..=3), site.rng.f64() * 16.0),
            4 | 5 => site.model.set_weather(0, site.rng.f64() * 6.0),
            6 => site.model.drain_battery(15.0 + site.rng.f64() * 40.0),
            _ => {}
        }
        if let Some(mean) = site.plan.nature_every_ms {
            self.after_about(mean, Event::Nature(dock));
        }
    }

    /// One health message comes or goes, and the dock tells all that hold.
    pub(super) fn health(&mut self, dock: usize) {
        let mean = self.sites[dock].plan.health_every_ms.unwrap_or(10_000);
        if !self.is_linked(Client::Dock(dock)) || !self.sites[dock].model.is_online() {
            return self.queue.push(self.now + 1_000, Event::Health(dock));
        }
        self.after_about(mean, Event::Health(dock));
        let is_healed = self.is_healed;
        let site = &mut self.sites[dock];
        if !is_healed {
            let (code, level) = HEALTH[site.rng.usize(0..HEALTH.len())];
            if site.health.remove(code).is_none() {
                site.health.insert(code, level);
            }
        }
        let list: Vec<String> = site
            .health
            .iter()
            .map(|(code, level)| {
                format!(
                    r#"{{"code":"{code}","device_type":"3-2-0","imminent":0,"in_the_sky":0,"level":{level},"module":3,"args":{{"component_index":0,"sensor_index":0}}}}"#
                )
            })
            .collect();
        let (sn, list, at) =
            (&site.sn, list.join(","), Site::now(self.now).wall_ms + site.clock_skew_ms());
        let payload = format!(
            r#"{{"bid":"hms-{dock}-{0}","data":{{"list":[{list}]}},"gateway":"{sn}","method":"hms","need_reply":0,"tid":"hms-{dock}-{0}","timestamp":{at}}}"#,
            self.now
        );
        let topic = format!("thing/product/{sn}/events").into();
        let payload = Bytes::from(payload);
        let kind = Kind::Events;
        let message = Message { topic, kind, dock, payload, at_least_once: true, expires: None };
        self.dock_publishes(dock, message);
    }

    fn feed_dock(&mut self, dock: usize, input: Input) {
        let now = Site::now(self.now);
        self.sites[dock].model.handle(now, input);
        while let Some(output) = self.sites[dock].model.poll_output() {
            self.dock_wants(dock, output);
        }
        let take_offs = self.sites[dock].model.ground_truth().take_offs();
        if take_offs > self.sites[dock].take_offs {
            self.sites[dock].take_offs = take_offs;
            self.note_take_off(dock);
        }
        self.plan_dock_tick(dock);
    }

    fn note_take_off(&mut self, dock: usize) {
        let flights = self.sites[dock].model.ground_truth().flights();
        let latest = flights.max_by_key(|(_, flight)| flight.took_off_at.map(|at| at.mono_ms));
        let Some(flight_id) = latest.map(|(flight_id, _)| flight_id.to_owned()) else { return };
        self.trace.line(self.now, || format!("dock {dock} takes off for {}", short(&flight_id)));
        self.note(&Fact::TookOff { dock, flight_id: &flight_id });
    }

    fn plan_dock_tick(&mut self, dock: usize) {
        let site = &mut self.sites[dock];
        let Some(due) = site.model.poll_timeout().map(|due| due.max(self.now + 1)) else { return };
        // An earlier tick that is planned already will plan the next.
        if site.tick_at.is_none_or(|planned| due < planned) {
            site.tick_at = Some(due);
            self.queue.push(due, Event::DockTick(dock));
        }
    }

    fn dock_wants(&mut self, dock: usize, output: Output) {
        match output {
            Output::Publish { topic, payload, qos } => {
                let kind = Kind::of(&topic);
                let at_least_once = qos == Qos::AtLeastOnce;
                let message = Message { topic, kind, dock, payload, at_least_once, expires: None };
                self.dock_publishes(dock, message);
            }
            Output::Fetch { id, .. } => {
                let is_lost = !self.is_healed && self.rng.u8(..) < 12;
                let file = (!is_lost).then(|| self.kit.kmz.clone());
                let at = self.now + self.rng.u64(50..1_500);
                self.queue.push(at, Event::Fetched { dock, id, file });
            }
            // Its docks were not asked to.
            Output::Upload { .. } => {}
            Output::Disconnect { reason, retry_after_ms, .. } => {
                self.trace.line(self.now, || format!("dock {dock} drops its link: {reason}"));
                self.dock_leaves(dock, retry_after_ms);
            }
            Output::Log(text) => self.trace.line(self.now, || format!("dock {dock}: {text}")),
        }
    }

    fn dock_publishes(&mut self, dock: usize, message: Message) {
        let kept = message.at_least_once.then(|| message.clone());
        let kind = message.kind;
        if !matches!(kind, Kind::Osd | Kind::State) {
            self.trace.line(self.now, || {
                format!("dock {dock} says {kind:?} {}", glance(&message.payload))
            });
        }
        let packet = self.publish(Client::Dock(dock), message);
        if let (Some(packet), Some(message)) = (packet, kept) {
            self.sites[dock].unacknowledged.insert(packet, message);
        }
    }

    /// The dock breaks its own connection, and is back after a while.
    fn dock_leaves(&mut self, dock: usize, away_ms: Ms) {
        let client = Client::Dock(dock);
        if !self.is_linked(client) {
            return;
        }
        self.leave(client);
        self.count("docks that went away");
        self.sites[dock].left_at = Some(self.now);
        self.tell_presence(dock, false);
        self.sites[dock].model.handle(Site::now(self.now), Input::Disconnected);
        self.queue.push(self.now + away_ms.max(200), Event::Connect(client));
    }
}

/// The beginning of an identifier, for the trace.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// What matters of a message, for the trace.
pub(super) fn glance(payload: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(payload) else {
        return format!("{} bytes", payload.len());
    };
    let text = |key: &str| value.get(key).and_then(|text| text.as_str()).unwrap_or("-").to_owned();
    let data = value.get("data").map(ToString::to_string).unwrap_or_default();
    let data: String = data.chars().take(160).collect();
    format!("{} tid={} {data}", text("method"), short(&text("tid")))
}
