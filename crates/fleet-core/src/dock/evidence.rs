//! What telemetry shows of commands whose answer did not come.

use fleet_types::{MonoMs, Now};

use super::DockMachine;
use crate::{mission::Mission, spec::Evidence};

impl DockMachine {
    /// Closes commands whose effect telemetry shows.
    pub(super) fn look_for_evidence(&mut self, now: Now) {
        let seen: Vec<_> = self
            .commands
            .open()
            .filter_map(|(_, command)| {
                let (evidence, left_at) = command.spec().evidence.zip(command.left_at())?;
                self.shows(evidence, left_at).then(|| command.request().command_id)
            })
            .collect();
        for command_id in seen {
            self.with_command(now, command_id, |command| command.on_effect_seen(now));
        }
    }

    /// Whether telemetry heard after `moment` shows the evidence. What is seen of a flight that was
    /// ordered later shows nothing of a command to the flight before.
    fn shows(&self, evidence: Evidence, moment: MonoMs) -> bool {
        let at = &self.config.schemas.at;
        let dock = |index| self.twin.code_after(moment, index);
        match evidence {
            Evidence::DebugMode(on) => dock(at.mode).is_some_and(|mode| (mode == 2) == on),
            Evidence::Light(on) => dock(at.light) == Some(i64::from(on)),
            Evidence::Cover(open) => dock(at.cover) == Some(i64::from(open)),
            // 9 returning, 10 landing. Forced landings (11, 12) come down anywhere: not home. One that
            // is already inside, and not about to leave, is home, however fast it came.
            Evidence::Returning => {
                let until = self.next_take_off(moment);
                let comes = |aircraft: &super::Aircraft| {
                    let mode = aircraft.twin.code_between(moment, until, at.aircraft_mode);
                    mode.is_some_and(|mode| (9..=10).contains(&mode))
                };
                // During a mission it may be inside because it did not leave yet.
                let is_inside = self.twin.code_between(moment, until, at.drone_in_dock) == Some(1);
                let is_home = is_inside && self.active_mission().is_none();
                is_home || self.aircraft.iter().any(comes)
            }
            Evidence::Hovering => self.is_hovering(moment, self.next_take_off(moment)),
            Evidence::Paused(paused) => self.active_mission().is_some_and(|mission| {
                mission.reported_at().is_some_and(|reported| reported > moment)
                    && mission.is_paused() == paused
                    && self.next_take_off(moment).is_none()
            }),
        }
    }

    /// When the first order to fly left that left after `moment`.
    fn next_take_off(&self, moment: MonoMs) -> Option<MonoMs> {
        let orders = self.missions.values().filter_map(Mission::execute_command);
        let left = orders.filter_map(|id| self.commands.get(&id)?.left_at());
        left.filter(|left| *left > moment).min()
    }
}
