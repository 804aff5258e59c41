//! A dock's presence and bring-up: what it has done so far, what is missing, and whether we hear it.
//!
//! Pure. There is no message for "gateway gone" and no will message, so absence is told by time
//! (stale after 10 s, offline after 30 s) or by the broker where it reports connections.

use fleet_types::{
    MonoMs, Now, Reason, WallMs,
    device::{Connection, Phase},
};

use crate::{
    io::BrokerPresence,
    machine::{Machine, Named, Tabled},
};

/// How far a dock came in bring-up.
pub const BRING_UP: Machine = Machine {
    name: "Bring-up of a dock",
    module: "session.rs",
    about: "What the dock has done so far. A dock that connects or asks for its configuration begins \
        again; one that was up before the tower was is known by its telemetry alone.",
    states: &[
        ("enrolled", "It never connected."),
        ("connected", "The broker reports its connection; it has said nothing."),
        ("configured", "It asked for `config` and was answered."),
        ("bound", "It asked whether it is bound, or was bound."),
        ("complete", "It reported its topology."),
        ("heard", "Heard by telemetry alone: its topology is not known."),
    ],
    starts: &["enrolled"],
    ends: &[],
    rows: &[
        ("connects", &["enrolled", "configured", "bound", "complete", "heard"], "connected"),
        ("asks_for_config", &["enrolled", "connected", "bound", "complete", "heard"], "configured"),
        ("is_bound", &["enrolled", "connected", "configured"], "bound"),
        ("topology", &["enrolled", "connected", "configured", "bound", "heard"], "complete"),
        ("telemetry", &["enrolled", "connected", "bound"], "heard"),
    ],
};

/// Whether a dock is heard.
pub const PRESENCE: Machine = Machine {
    name: "Presence of a dock",
    module: "session.rs",
    about: "There is no message for a dock that has gone: absence is told by time, or by the broker where \
        it reports connections. Looked at after each input and when its time has come; what is told is \
        where it stands then.",
    states: &[
        ("never_seen", "Nothing was ever heard."),
        ("bringing_up", "Heard, not yet through bring-up."),
        ("online", "Heard within the last 10 s."),
        ("stale", "Last heard 10 to 30 s ago: what is shown is last known."),
        ("offline", "Not heard for 30 s, or said to be gone."),
    ],
    starts: &["never_seen"],
    ends: &[],
    rows: &[
        ("heard", &["never_seen", "online", "stale", "offline"], "bringing_up"),
        ("heard", &["never_seen", "bringing_up", "stale", "offline"], "online"),
        ("silent", &["bringing_up", "online"], "stale"),
        ("silent", &["bringing_up", "online", "stale"], "offline"),
        ("heard_late", &["never_seen", "offline"], "stale"),
        ("heard_late", &["never_seen"], "offline"),
        ("gone", &["never_seen", "bringing_up", "online", "stale"], "offline"),
    ],
};

impl Named for Phase {
    const MACHINE: &'static Machine = &BRING_UP;

    fn name(&self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Connected => "connected",
            Self::Configured => "configured",
            Self::Bound => "bound",
            Self::Complete => "complete",
            Self::Heard => "heard",
        }
    }
}

impl Named for Connection {
    const MACHINE: &'static Machine = &PRESENCE;

    fn name(&self) -> &'static str {
        match self {
            Self::NeverSeen => "never_seen",
            Self::BringingUp => "bringing_up",
            Self::Online => "online",
            Self::Stale => "stale",
            Self::Offline => "offline",
        }
    }
}

/// After this without a message what is shown is last known.
pub const STALE_AFTER_MS: u64 = 10_000;
/// After this without a message the device is taken to be gone.
pub const OFFLINE_AFTER_MS: u64 = 30_000;
/// A step of bring-up that takes longer is explained to the operator.
const STEP_PATIENCE_MS: u64 = 15_000;
/// A dock that leaves this soon after `config` was answered has probably refused its licence.
const LICENCE_WINDOW_MS: u64 = 15_000;
/// Reports over which the least delayed one tells the clock skew.
const SKEW_WINDOW: usize = 8;

/// Presence of one dock.
#[derive(Clone, Debug)]
pub struct Session {
    phase: Tabled<Phase>,
    phase_since: MonoMs,
    heard: Option<(MonoMs, WallMs)>,
    gone: Option<Reason>,
    connection: Tabled<Connection>,
    since_ms: WallMs,
    not_bound: bool,
    configured_at: Option<MonoMs>,
    /// Its connection was made anew, and nobody asked yet.
    came_back: bool,
    skews: [Option<i64>; SKEW_WINDOW],
    skew_next: usize,
}

impl Session {
    /// A dock of which nothing was heard.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self {
            phase: Tabled::new(Phase::Enrolled),
            phase_since: now.mono,
            heard: None,
            gone: None,
            connection: Tabled::new(Connection::NeverSeen),
            since_ms: now.wall,
            not_bound: false,
            configured_at: None,
            came_back: false,
            skews: [None; SKEW_WINDOW],
            skew_next: 0,
        }
    }

    /// How far bring-up came.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase
    }

    /// Whether we hear it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        *self.connection
    }

    /// Since when `connection` is what it is.
    #[must_use]
    pub fn since_ms(&self) -> WallMs {
        self.since_ms
    }

    /// When it was last heard.
    #[must_use]
    pub fn last_heard_ms(&self) -> Option<WallMs> {
        self.heard.map(|(_, wall)| wall)
    }

    /// Whether bring-up is far enough to take commands.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(*self.phase, Phase::Complete | Phase::Heard)
    }

    /// Its clock minus ours, milliseconds: the least delayed of the latest reports.
    #[must_use]
    pub fn clock_skew_ms(&self) -> Option<i64> {
        self.skews.iter().flatten().max().copied()
    }

    /// Whether its connection was made anew since this was last asked.
    pub fn take_came_back(&mut self) -> bool {
        std::mem::take(&mut self.came_back)
    }

    /// Something came from the dock itself.
    pub fn on_heard(&mut self, now: Now, source_ms: Option<WallMs>) {
        self.heard = Some((now.mono, now.wall));
        self.gone = None;
        if let Some(source) = source_ms {
            self.skews[self.skew_next] = Some(source.since_ms(now.wall));
            self.skew_next = (self.skew_next + 1) % SKEW_WINDOW;
        }
    }

    /// The dock asked for `config`.
    pub fn on_config(&mut self, now: Now) {
        self.configured_at = Some(now.mono);
        self.restart(now, "asks_for_config", Phase::Configured);
    }

    /// The dock asked whether it is bound.
    pub fn on_bind_status(&mut self, now: Now, is_bound: bool) {
        self.not_bound = !is_bound;
        if is_bound {
            self.advance(now, Phase::Bound);
        }
    }

    /// The dock was bound.
    pub fn on_bound(&mut self, now: Now) {
        self.not_bound = false;
        self.advance(now, Phase::Bound);
    }

    /// The dock reported its topology: bring-up is complete.
    pub fn on_topology(&mut self, now: Now) {
        self.configured_at = None;
        self.phase.go("topology", Phase::Complete);
        self.phase_since = now.mono;
    }

    /// Telemetry came before any topology: the dock was up before the tower was.
    pub fn on_telemetry(&mut self, now: Now) {
        if *self.phase < Phase::Complete && self.configured_at.is_none() {
            self.phase.go("telemetry", Phase::Heard);
            self.phase_since = now.mono;
        }
    }

    /// The broker reports its connection.
    pub fn on_broker(&mut self, now: Now, presence: &BrokerPresence) {
        match presence {
            BrokerPresence::Connected => {
                self.gone = None;
                self.configured_at = None;
                self.restart(now, "connects", Phase::Connected);
                self.heard.get_or_insert((now.mono, now.wall));
                self.heard = Some((now.mono, now.wall));
            }
            BrokerPresence::Disconnected { reason } => {
                // A dock that went on after its configuration has taken the licence.
                let refused = *self.phase == Phase::Configured
                    && self
                        .configured_at
                        .is_some_and(|at| now.mono.since_ms(at) <= LICENCE_WINDOW_MS);
                self.gone = Some(if refused {
                    Reason::new(
                        "licence_refused",
                        "The dock left right after it was given the DJI licence: it probably refused it. Check dji.app_id, app_key and app_license in the configuration.",
                    )
                } else {
                    Reason::new(
                        "disconnected",
                        format!("Its connection to the broker ended ({reason})."),
                    )
                });
            }
            // Somebody else tries the name of a dock that is connected.
            BrokerPresence::LoginRefused
                if matches!(*self.connection, Connection::Online | Connection::BringingUp) => {}
            BrokerPresence::LoginRefused => {
                self.gone = Some(Reason::new(
                    "login_refused",
                    "The broker refused its log-in: wrong user name or password. Type them into DJI Pilot 2 again, or enrol the dock anew.",
                ));
            }
        }
    }

    /// Recomputes `connection`; true when it changed.
    pub fn refresh(&mut self, now: Now) -> bool {
        let silent_ms = self.heard.map(|(mono, _)| now.mono.since_ms(mono));
        let connection = match silent_ms {
            _ if self.gone.is_some() => match self.heard {
                Some(_) => Connection::Offline,
                None => Connection::NeverSeen,
            },
            None => Connection::NeverSeen,
            Some(silent) if silent >= OFFLINE_AFTER_MS => Connection::Offline,
            Some(_) if !self.is_up() => Connection::BringingUp,
            Some(silent) if silent >= STALE_AFTER_MS => Connection::Stale,
            Some(_) => Connection::Online,
        };
        if connection == *self.connection {
            return false;
        }
        let cause = match (*self.connection, connection) {
            _ if self.gone.is_some() => "gone",
            // What was heard had waited before it was read.
            (
                Connection::NeverSeen | Connection::Offline,
                Connection::NeverSeen | Connection::Stale | Connection::Offline,
            ) => "heard_late",
            (
                Connection::BringingUp | Connection::Online | Connection::Stale,
                Connection::NeverSeen | Connection::Stale | Connection::Offline,
            ) => "silent",
            (_, Connection::BringingUp | Connection::Online) => "heard",
        };
        self.connection.go(cause, connection);
        self.since_ms = now.wall;
        true
    }

    /// When `refresh` or `reason` may next tell something new; `now` is when they were last asked.
    #[must_use]
    pub fn deadline(&self, now: MonoMs) -> Option<MonoMs> {
        let heard = self.heard.map(|(mono, _)| mono);
        let steps = [
            heard.map(|at| at.after_ms(STALE_AFTER_MS)),
            heard.map(|at| at.after_ms(OFFLINE_AFTER_MS)),
            (!self.is_up()).then(|| self.phase_since.after_ms(STEP_PATIENCE_MS)),
        ];
        steps.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Why it is not simply online.
    #[must_use]
    pub fn reason(&self, now: Now) -> Option<Reason> {
        if let Some(reason) = &self.gone {
            return Some(reason.clone());
        }
        match *self.connection {
            Connection::Online => (*self.phase == Phase::Heard).then(|| {
                Reason::new(
                    "topology_unknown",
                    "The dock was up before the tower: it is heard, but it did not report its aircraft yet.",
                )
            }),
            Connection::Stale | Connection::Offline => Some(Reason::new(
                "silent",
                "Nothing was heard of the dock for a while. What is shown is last known.",
            )),
            Connection::NeverSeen => Some(Reason::new(
                "never_connected",
                "Enrolled, but it never connected. Check the address typed into DJI Pilot 2 and the network between dock and broker.",
            )),
            Connection::BringingUp => self.step_reason(now),
        }
    }

    fn step_reason(&self, now: Now) -> Option<Reason> {
        if self.not_bound {
            return Some(Reason::new(
                "not_bound",
                "The dock is not enrolled here, so it was told that it is not bound. Enrol it: gwanje dock add SN.",
            ));
        }
        if now.mono.since_ms(self.phase_since) < STEP_PATIENCE_MS {
            return None;
        }
        Some(match *self.phase {
            Phase::Enrolled | Phase::Connected => Reason::new(
                "no_config_request",
                "Connected, but it never asked for its configuration. Restart the dock; check that it may publish (broker log).",
            ),
            Phase::Configured => Reason::new(
                "no_bind_request",
                "It got its configuration and went no further: it may still be checking the DJI licence. Check dji.app_license and the dock's internet or NTP access.",
            ),
            Phase::Bound | Phase::Complete | Phase::Heard => Reason::new(
                "no_topology",
                "Bound, but it never sent update_topo. Restart the dock; check that it may publish to sys/product/{SN}/status.",
            ),
        })
    }

    fn restart(&mut self, now: Now, cause: &'static str, phase: Phase) {
        self.phase.go(cause, phase);
        self.phase_since = now.mono;
        self.not_bound = false;
        self.came_back = true;
    }

    fn advance(&mut self, now: Now, phase: Phase) {
        if *self.phase < phase {
            self.phase.go("is_bound", phase);
            self.phase_since = now.mono;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::taken;

    #[test]
    fn every_transition_of_the_tables_is_taken() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..4_000 {
            let mut now = Now { mono: MonoMs(0), wall: WallMs(0) };
            let mut session = Session::new(now);
            for _ in 0..10 {
                match rng.u8(..9) {
                    0 => session.on_heard(now, None),
                    1 => session.on_config(now),
                    2 => session.on_bind_status(now, rng.bool()),
                    3 => session.on_bound(now),
                    4 => session.on_topology(now),
                    5 => session.on_telemetry(now),
                    6 => session.on_broker(now, &BrokerPresence::Connected),
                    7 => {
                        let reason = "kicked".to_owned();
                        session.on_broker(now, &BrokerPresence::Disconnected { reason });
                    }
                    _ => now.mono = now.mono.after_ms(rng.u64(..40_000)),
                }
                if rng.u8(..3) != 0 {
                    session.refresh(now);
                }
            }
        }
        taken::assert_all(&BRING_UP);
        taken::assert_all(&PRESENCE);
    }
}
