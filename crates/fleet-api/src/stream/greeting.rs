//! The first words: who and where, then the whole picture, in parts, or only what was missed.

use std::{collections::VecDeque, sync::Arc};

use fleet_types::{AlarmStatus, CommandStatus, DeviceSn, LinkStatus, MissionStatus};

use super::{Client, End, FRAMES_A_WRITE, Protocol};
use crate::{
    clock::now_ms,
    hub::{Told, View},
    json::Object,
    people::scope::Scope,
};

/// Items of a list in one part of the snapshot.
const PART: usize = 200;
const MISSIONS: usize = 50;
const COMMANDS: usize = 100;

/// Where a client that comes back stood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resume {
    epoch: String,
    seq: u64,
}

impl Resume {
    /// From `<epoch>.<seq>`. What is no such thing resumes nothing, and gets the whole picture.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('.')?;
        Some(Self { epoch: epoch.to_owned(), seq: seq.parse().ok()? })
    }
}

/// How a greeting goes on after `hello`.
enum Then {
    Missed { from: u64, events: Vec<Told> },
    Whole { missed: Option<Option<u64>>, lists: Lists },
}

/// What is left of the picture to tell. Devices and slots are read part by part: they are many, and
/// a change between two parts comes as an event after the last.
struct Lists {
    after: Option<DeviceSn>,
    devices_left: bool,
    next_slot: Option<usize>,
    missions: VecDeque<Arc<MissionStatus>>,
    commands: VecDeque<Arc<CommandStatus>>,
    alarms: VecDeque<Arc<AlarmStatus>>,
    links: VecDeque<Arc<LinkStatus>>,
}

impl Lists {
    fn of(view: &View, scope: &Scope) -> Self {
        let missions = view.missions.active_and_recent(MISSIONS).into_iter();
        let commands = view.commands.active_and_recent(COMMANDS).into_iter();
        let alarms = view.alarms_that_are_up().map(Arc::clone);
        Self {
            after: None,
            devices_left: true,
            next_slot: Some(0),
            missions: missions.filter(|mission| scope.sees(&mission.sn)).collect(),
            commands: commands.filter(|command| scope.sees(&command.sn)).collect(),
            alarms: alarms.filter(|alarm| scope.sees_of(alarm.sn.as_ref())).collect(),
            links: view.links.values().cloned().collect(),
        }
    }

    fn are_told(&self) -> bool {
        !self.devices_left
            && self.next_slot.is_none()
            && self.missions.is_empty()
            && self.commands.is_empty()
            && self.alarms.is_empty()
            && self.links.is_empty()
    }
}

fn portion<T>(list: &mut VecDeque<Arc<T>>) -> Vec<Arc<T>> {
    list.drain(..list.len().min(PART)).collect()
}

impl Client {
    /// Greets in the client's protocol.
    pub(super) async fn greet(&mut self, resume: Option<Resume>) -> Result<(), End> {
        match self.protocol {
            Protocol::One => self.greet_old().await,
            Protocol::Two => self.greet_new(resume).await,
        }
    }

    async fn greet_new(&mut self, resume: Option<Resume>) -> Result<(), End> {
        let (hello, seq, then) = {
            let view = self.app.hub.view();
            // What was queued so far is part of what is told now.
            self.membership.outbox.clear();
            let (epoch, seq) = (view.events().epoch().to_owned(), view.events().seq());
            // Of somebody who sees a part, nobody knows whether it was the same part before.
            let resume = resume.filter(|_| self.scope.is_everything());
            let missed = resume.map(|held| (view.missed(&held.epoch, held.seq), held.seq));
            let then = match missed {
                Some((Ok(events), from)) => Then::Missed { from, events },
                Some((Err(count), _)) => {
                    Then::Whole { missed: Some(count), lists: Lists::of(&view, &self.scope) }
                }
                None => Then::Whole { missed: None, lists: Lists::of(&view, &self.scope) },
            };
            let hello = self.hello().field("protocol", self.protocol.name());
            (hello.field("epoch", &epoch).field("seq", &seq), seq, then)
        };
        self.write(vec![hello.finish().into()]).await?;
        match then {
            Then::Missed { from, events } => {
                let resumed = Object::new().field("type", "resumed").field("from", &from);
                self.write(vec![resumed.field("to", &seq).finish().into()]).await?;
                for events in events.chunks(FRAMES_A_WRITE) {
                    self.write_told(events).await?;
                }
                Ok(())
            }
            Then::Whole { missed, lists } => {
                if let Some(count) = missed {
                    self.app.metrics.stream_missed.inc();
                    let missed = Object::new().field("type", "missed").field("count", &count);
                    self.write(vec![missed.field("seq", &seq).finish().into()]).await?;
                }
                self.tell_all(lists, seq).await
            }
        }
    }

    async fn tell_all(&mut self, mut lists: Lists, seq: u64) -> Result<(), End> {
        for part in 0_u32.. {
            let (devices, slots) = {
                let view = self.app.hub.view();
                let devices = match lists.devices_left {
                    true => view.devices_after(lists.after.as_ref(), PART),
                    false => Vec::new(),
                };
                let (slots, next_slot) = match lists.next_slot {
                    Some(from) => view.table.slots_from(from, PART),
                    None => (Vec::new(), None),
                };
                lists.next_slot = next_slot;
                (devices, slots)
            };
            lists.devices_left = devices.len() == PART;
            lists.after = devices.last().map(|device| device.sn.clone());
            let devices: Vec<_> =
                devices.into_iter().filter(|device| self.scope.sees(&device.sn)).collect();
            let slots: Vec<_> = slots.into_iter().filter(|(_, sn)| self.scope.sees(sn)).collect();
            let missions = portion(&mut lists.missions);
            let commands = portion(&mut lists.commands);
            let alarms = portion(&mut lists.alarms);
            let links = portion(&mut lists.links);
            let last = lists.are_told();
            let text = Object::new().field("type", "snapshot").field("part", &part);
            let text = text.field("last", &last).field("seq", &seq).field("slots", &slots);
            let text = text.list("devices", &devices).await.list("missions", &missions).await;
            let text = text.list("commands", &commands).await.list("alarms", &alarms).await;
            let text = text.list("links", &links).await.field("server_time_ms", &now_ms());
            self.write(vec![text.finish().into()]).await?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn hello(&self) -> Object {
        let config = &self.app.config;
        Object::new()
            .field("type", "hello")
            .field("version", &config.version)
            .field("server_time_ms", &now_ms())
            .field("who", &self.principal.who())
            .field("site", &config.site)
    }

    /// One frame for everything. It is held whole until the client took it, therefore few are
    /// greeted at a time.
    async fn greet_old(&mut self) -> Result<(), End> {
        let app = Arc::clone(&self.app);
        let _turn = app.old_greetings.acquire().await;
        let hello = self.hello().finish();
        let (devices, osd, missions, commands, alarms, links) = {
            let mut view = self.app.hub.view();
            self.membership.outbox.clear();
            self.cursor = view.osd_published;
            let osd = view.osd_between(0, u64::MAX, usize::MAX).0;
            let lists = Lists::of(&view, &self.scope);
            let mut devices = view.all_devices();
            devices.retain(|device| self.scope.sees(&device.sn));
            let alarms = view.alarms_in_order().into_iter().filter(|alarm| {
                alarm.cleared_ms.is_none() && self.scope.sees_of(alarm.sn.as_ref())
            });
            let osd = osd.into_iter().filter(|osd| self.scope.sees(&osd.sn));
            (
                devices,
                osd.map(Arc::new).collect::<Vec<_>>(),
                Vec::from(lists.missions),
                Vec::from(lists.commands),
                alarms.collect::<Vec<_>>(),
                view.links.values().cloned().collect::<Vec<_>>(),
            )
        };
        let snapshot = Object::new().field("type", "snapshot").list("devices", &devices).await;
        let snapshot = snapshot.list("osd", &osd).await.list("missions", &missions).await;
        let snapshot = snapshot.list("commands", &commands).await.list("alarms", &alarms).await;
        let snapshot = snapshot.list("links", &links).await.field("server_time_ms", &now_ms());
        self.write(vec![hello.into(), snapshot.finish().into()]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_resume_at_is_an_epoch_and_a_number() {
        let place = Resume { epoch: "1f".to_owned(), seq: 7 };
        assert_eq!(Resume::read("1f.7"), Some(place));
        for text in ["", "1f", "1f.", "1f.x", "1f.-1"] {
            assert_eq!(Resume::read(text), None, "{text:?}");
        }
    }
}
