//! What must be true before a command may leave. Pure decisions over a snapshot of facts.
//!
//! A fact that is stale counts as unknown, and unknown refuses. Counter-actions are not asked
//! about: they always go. Each refusal says what stands against it and what to do next. Flights are
//! asked more: [`crate::preflight`].

use dji_cloud::method::Danger;
use fleet_types::{Reason, device::Connection};

use crate::spec::Spec;

/// A clock further off than this makes the dock refuse an immediate task (DJI allows 30 s).
pub const CLOCK_SKEW_MAX_MS: u64 = 25_000;

/// A fact from telemetry, with how much it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Heard recently.
    Fresh(i64),
    /// Known once, too old to rely on.
    Stale,
    /// Never heard.
    Unknown,
}

/// What the decisions look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Commands can leave.
    pub link_up: bool,
    /// Bring-up is far enough.
    pub is_up: bool,
    /// Whether the dock is heard.
    pub connection: Connection,
    /// Aircraft in the dock: 1 in, 0 out.
    pub drone_in_dock: Fact,
    /// Dock mode: 0 idle, 1 on-site debugging, 2 remote debugging, 3 upgrading, 4 working.
    pub dock_mode: Fact,
    /// Emergency stop button: 1 pressed.
    pub emergency_stop: Fact,
    /// Dock's clock minus ours, milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// A mission is under way.
    pub mission_active: bool,
    /// The mission under way is paused.
    pub mission_paused: bool,
    /// A take-off's outcome is unknown.
    pub flight_locked: bool,
    /// A hardware job is under way.
    pub hardware_busy: bool,
    /// The aircraft was just heard to be on its way home.
    pub aircraft_returning: bool,
}

/// Whether the dock can be talked to at all.
///
/// # Errors
/// The first thing that stands against it.
pub fn check_reachable(facts: &Facts) -> Result<(), Reason> {
    if !facts.link_up {
        return refuse(
            "link_down",
            "The tower has no connection to the broker. Nothing was sent; ask again when it is back.",
        );
    }
    match facts.connection {
        Connection::Online => Ok(()),
        Connection::Stale => refuse(
            "silent",
            "The dock was not heard for over 10 s: its state is not known well enough to command it.",
        ),
        Connection::BringingUp => {
            refuse("dock_not_ready", "The dock is still coming up. Its page says what is missing.")
        }
        Connection::NeverSeen | Connection::Offline => {
            refuse("dock_offline", "The dock is not connected. Nothing was sent.")
        }
    }
}

/// Whether an ordinary command may leave.
///
/// # Errors
/// The first thing that stands against it.
pub fn check_command(spec: &Spec, facts: &Facts) -> Result<(), Reason> {
    check_reachable(facts)?;
    if spec.needs_aircraft_home {
        check_aircraft_home(facts)?;
    }
    if spec.needs_debug_mode {
        match facts.dock_mode {
            Fact::Fresh(2) => {}
            Fact::Fresh(_) => {
                return refuse(
                    "needs_debug_mode",
                    "The dock takes this only in remote-debug mode. Switch debug mode on first.",
                );
            }
            Fact::Stale | Fact::Unknown => return refuse_mode(),
        }
    }
    // It may take off any moment; that it was inside a few seconds ago does not make it safe.
    if spec.needs_aircraft_home && facts.mission_active {
        return refuse("mission_active", "A mission is under way on this dock. End it first.");
    }
    if spec.method == "flighttask_recovery" && !facts.mission_paused {
        return refuse("no_mission", "There is no paused mission to resume on this dock.");
    }
    if spec.method == "return_home_cancel" && !facts.aircraft_returning {
        return refuse(
            "not_returning",
            "The aircraft was not heard to be on its way home within 10 s: there is no return to cancel.",
        );
    }
    if spec.danger == Danger::MovesHardware && facts.hardware_busy {
        return refuse("dock_busy", "Another hardware command is still under way on this dock.");
    }
    Ok(())
}

fn check_aircraft_home(facts: &Facts) -> Result<(), Reason> {
    match facts.drone_in_dock {
        Fact::Fresh(1) => Ok(()),
        Fact::Fresh(_) => {
            refuse("aircraft_out", "The aircraft is not in the dock. Wait until it is back.")
        }
        Fact::Stale => refuse(
            "aircraft_state_stale",
            "Whether the aircraft is in the dock was last heard over 10 s ago: too old to rely on.",
        ),
        Fact::Unknown => refuse(
            "aircraft_state_unknown",
            "The dock did not say yet whether the aircraft is inside.",
        ),
    }
}

fn refuse_mode() -> Result<(), Reason> {
    refuse("dock_not_ready", "The dock's mode was not heard within 10 s: too old to rely on.")
}

fn refuse(code: &'static str, message: &'static str) -> Result<(), Reason> {
    Err(Reason::new(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::operator_spec;

    fn idle() -> Facts {
        Facts {
            link_up: true,
            is_up: true,
            connection: Connection::Online,
            drone_in_dock: Fact::Fresh(1),
            dock_mode: Fact::Fresh(2),
            emergency_stop: Fact::Fresh(0),
            clock_skew_ms: Some(40),
            mission_active: false,
            mission_paused: false,
            flight_locked: false,
            hardware_busy: false,
            aircraft_returning: false,
        }
    }

    fn check(method: &str, facts: &Facts, expect: Option<&str>) {
        let spec = operator_spec(method).expect("an operator's method");
        let refused = check_command(&spec, facts).err().map(|reason| reason.code.into_owned());
        assert_eq!(refused.as_deref(), expect, "{method} {facts:?}");
    }

    #[test]
    fn covers_close_only_over_an_aircraft_known_to_be_inside() {
        check("cover_close", &idle(), None);
        check(
            "cover_close",
            &Facts { drone_in_dock: Fact::Fresh(0), ..idle() },
            Some("aircraft_out"),
        );
        check(
            "cover_close",
            &Facts { drone_in_dock: Fact::Stale, ..idle() },
            Some("aircraft_state_stale"),
        );
        check(
            "cover_close",
            &Facts { drone_in_dock: Fact::Unknown, ..idle() },
            Some("aircraft_state_unknown"),
        );
    }

    #[test]
    fn debug_mode_stays_off_while_the_aircraft_is_out_or_flying_a_mission() {
        let idle_mode = Facts { dock_mode: Fact::Fresh(0), ..idle() };
        check("debug_mode_open", &idle_mode, None);
        let out = Facts { drone_in_dock: Fact::Fresh(0), ..idle_mode };
        check("debug_mode_open", &out, Some("aircraft_out"));
        check(
            "debug_mode_open",
            &Facts { mission_active: true, ..idle_mode },
            Some("mission_active"),
        );
        check("cover_open", &idle_mode, Some("needs_debug_mode"));
        check("cover_open", &Facts { dock_mode: Fact::Stale, ..idle() }, Some("dock_not_ready"));
    }

    #[test]
    fn nothing_ordinary_leaves_for_a_dock_that_is_not_heard() {
        for (connection, code) in [
            (Connection::Stale, "silent"),
            (Connection::Offline, "dock_offline"),
            (Connection::NeverSeen, "dock_offline"),
            (Connection::BringingUp, "dock_not_ready"),
        ] {
            check("supplement_light_open", &Facts { connection, ..idle() }, Some(code));
        }
        check("cover_open", &Facts { link_up: false, ..idle() }, Some("link_down"));
        check("cover_open", &Facts { hardware_busy: true, ..idle() }, Some("dock_busy"));
        check("flighttask_recovery", &idle(), Some("no_mission"));
    }

    #[test]
    fn only_a_return_that_is_seen_can_be_cancelled() {
        check("return_home_cancel", &idle(), Some("not_returning"));
        check("return_home_cancel", &Facts { aircraft_returning: true, ..idle() }, None);
    }
}
