//! Flights of which nothing more is heard. They become `unknown`, with the reason, and never more
//! than that: what became of the aircraft the dock may still tell, or a person settles.
//!
//! Three kinds of dock need this. One answers the order to fly with 0 and then does nothing; one
//! reports in words that nobody can read; one falls silent. An aircraft that telemetry shows to be
//! out of its dock is under way, however little is reported of its flight.

use fleet_types::{MonoMs, Now, Reason, command::ResponseCode};

use super::{Mission, State};
use crate::preflight::say;

/// A dock that is not at work, its aircraft inside, for this long after its last word on a flight
/// will not say more by itself. Docks open their cover within seconds of the order.
pub const IDLE_MS: u64 = 30_000;
/// A dock of which even that is not known has been silent for too long after this.
pub const SILENCE_MS: u64 = 120_000;

/// What fresh telemetry of the dock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not at work, with its aircraft inside.
    Idle,
    /// The aircraft is out.
    Out,
    /// Neither.
    Nothing,
}

/// Whether a mission is unknown for what is said here.
pub(crate) fn is_of_silence(reason: &Reason) -> bool {
    matches!(reason.code.as_ref(), "unreadable_status" | "no_progress" | "progress_lost")
}

impl Mission {
    /// The dock said something of this flight, readable or not.
    pub(super) fn heard(&mut self, now: Now) {
        self.heard_at = self.heard_at.max(now.mono);
    }

    /// When silence has next to be judged.
    #[must_use]
    pub fn silence_deadline(&self, now: MonoMs) -> Option<MonoMs> {
        let bounds: &[u64] = match *self.state {
            State::Executing => &[IDLE_MS, SILENCE_MS],
            State::Paused | State::Hovering => &[IDLE_MS],
            State::Scheduled
            | State::Preparing
            | State::Prepared { .. }
            | State::Starting
            | State::Unknown
            | State::Ended => return None,
        };
        bounds.iter().map(|ms| self.heard_at.after_ms(*ms)).find(|at| *at > now)
    }

    /// Judges the silence. True when the flight has just become unknown.
    pub fn on_silence(&mut self, now: Now, seen: Seen) -> bool {
        let silent_ms = now.mono.since_ms(self.heard_at);
        let is_lost = match (*self.state, seen) {
            (State::Executing | State::Paused | State::Hovering, Seen::Idle) => {
                silent_ms >= IDLE_MS
            }
            (State::Executing, Seen::Nothing) => silent_ms >= SILENCE_MS,
            // A paused flight may be silent for as long as it is paused.
            (State::Paused | State::Hovering, Seen::Nothing)
            | (State::Executing | State::Paused | State::Hovering, Seen::Out)
            | (
                State::Scheduled
                | State::Preparing
                | State::Prepared { .. }
                | State::Starting
                | State::Unknown
                | State::Ended,
                _,
            ) => false,
        };
        if !is_lost {
            return false;
        }
        let reason = match seen {
            _ if self.is_unreadable => say(
                "unreadable_status",
                "The dock reports on this flight without a status that can be read, so that how it ended cannot be told. Look at the dock and settle it.",
                "도크가 이 비행의 상태를 읽을 수 없는 값으로 보고하여 결과를 알 수 없습니다. 도크를 확인하고 결과를 기록하십시오.",
            ),
            Seen::Idle => say(
                "no_progress",
                "The dock took the order to fly, is not at work, has its aircraft inside and reports nothing on this flight. Whether it flew is not known. Look at the dock and settle it.",
                "도크가 비행 지시를 받았으나 작업 중이 아니며 기체가 안에 있고 이 비행에 대한 보고가 없습니다. 비행했는지 알 수 없습니다. 도크를 확인하고 결과를 기록하십시오.",
            ),
            Seen::Out | Seen::Nothing => say(
                "progress_lost",
                "Nothing was heard of this flight for two minutes. Whether it goes on is not known; it follows from the dock's next report, or a person settles it.",
                "2분 동안 이 비행에 대한 보고가 없습니다. 계속되는지 알 수 없습니다. 도크의 다음 보고나 사람의 기록으로 정해집니다.",
            ),
        };
        self.turn("silence", State::Unknown);
        self.status.response_code = Some(ResponseCode::Unknown);
        let detail = reason.code.to_string();
        self.status.reason = Some(reason);
        self.step(now, "unknown", Some(detail));
        true
    }
}
