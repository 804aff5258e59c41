//! Missions that do not start at once: what they wait for and until when.
//!
//! A timed mission is prepared some minutes ahead, ordered to fly shortly before its time and never
//! after it; a conditional one when the dock says that its conditions hold and they do by our facts;
//! one of two docks when it is released. A window that passes ends the mission as `expired`, with
//! what stood against it last. Wall-clock time is what people and docks agree on here; each look is
//! made anew, so that a clock that jumps makes nothing late.

use fleet_types::{
    Now, Reason, WallMs,
    mission::Verdict,
    plan::{MissionAction, MissionStart, ReadyConditions},
};

use super::{Mission, Next, Order, State};
use crate::{
    mutant::{self, Mutant},
    preflight::say,
};

/// DJI takes a preparation at most this far ahead.
pub const PREPARE_AHEAD_MAX_MS: i64 = 24 * 3_600_000;
/// A timed mission is prepared this long before its time: late enough for the gate to mean
/// something, early enough for the dock to fetch and check.
pub const PREPARE_AHEAD_MS: i64 = 15 * 60_000;
/// DJI takes the order to fly at most this far ahead.
pub const EXECUTE_AHEAD_MAX_MS: i64 = 120_000;
/// The order to fly leaves this long before the time: about what the dock needs to open its cover
/// and start the aircraft.
pub const EXECUTE_AHEAD_MS: i64 = 30_000;
/// An order that waits in the link must not outlive what was true when it was given.
const ORDER_LIFE_MS: i64 = 60_000;
/// The dock's clock and the start time that an immediate flight was given may lie apart by this.
const IMMEDIATE_CLOCK_MS: u64 = 30_000;
/// An order of which nothing left is given again after this, then after twice as long, and so on.
const AGAIN_MS: u64 = 2_000;
/// Doublings of that at most.
const AGAIN_DOUBLED_MAX: u32 = 5;

/// What a waiting mission wants now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing before this.
    Wait(WallMs),
    /// This order, if nothing stands against it; not after `until`.
    Give {
        /// Which.
        order: Order,
        /// Then its window is over.
        until: WallMs,
    },
    /// Its window is over.
    Expire,
    /// It does not wait for anything (any more).
    Nothing,
}

impl Mission {
    /// What it wants now.
    #[must_use]
    pub fn wish(&self, now: Now) -> Wish {
        match self.wish_by_plan(now) {
            Wish::Give { until, .. } if now.mono < self.not_before => {
                Wish::Wait(in_wall(now, self.not_before).min(until))
            }
            wish @ (Wish::Wait(_) | Wish::Give { .. } | Wish::Expire | Wish::Nothing) => wish,
        }
    }

    fn wish_by_plan(&self, now: Now) -> Wish {
        match (*self.state, &self.request.plan.start) {
            (State::Scheduled, MissionStart::Timed { execute_ms }) => {
                window(now, before(*execute_ms, PREPARE_AHEAD_MS), *execute_ms, Order::Prepare)
            }
            (State::Prepared { .. }, MissionStart::Timed { execute_ms }) if is_late_mutant() => {
                window(now, *execute_ms, before(*execute_ms, -ORDER_LIFE_MS), Order::Execute)
            }
            (State::Prepared { .. }, MissionStart::Timed { execute_ms }) => {
                window(now, before(*execute_ms, EXECUTE_AHEAD_MS), *execute_ms, Order::Execute)
            }
            (State::Scheduled, MissionStart::Conditional(ready)) => window(
                now,
                before(ready.begin_ms, PREPARE_AHEAD_MAX_MS),
                ready.end_ms,
                Order::Prepare,
            ),
            (State::Prepared { ready: true }, MissionStart::Conditional(ready)) => {
                window(now, ready.begin_ms, ready.end_ms, Order::Execute)
            }
            // The dock did not say yet that its conditions hold.
            (State::Prepared { ready: false }, MissionStart::Conditional(ready)) => {
                if now.wall >= ready.end_ms { Wish::Expire } else { Wish::Wait(ready.end_ms) }
            }
            (State::Prepared { ready }, MissionStart::Released) => {
                let until = in_wall(now, self.deadline);
                match ready {
                    _ if now.mono >= self.deadline => Wish::Expire,
                    true => Wish::Give { order: Order::Execute, until },
                    false => Wish::Wait(until),
                }
            }
            (State::Scheduled | State::Prepared { .. }, MissionStart::Immediate)
            | (State::Scheduled, MissionStart::Released)
            | (
                State::Preparing
                | State::Starting
                | State::Executing
                | State::Paused
                | State::Hovering
                | State::Unknown
                | State::Ended,
                _,
            ) => Wish::Nothing,
        }
    }

    /// The conditions that are asked again before take-off.
    #[must_use]
    pub fn conditions(&self) -> Option<&ReadyConditions> {
        match &self.request.plan.start {
            MissionStart::Conditional(ready) => Some(ready),
            MissionStart::Immediate | MissionStart::Timed { .. } | MissionStart::Released => None,
        }
    }

    /// Milliseconds that an order given now may still be sent in.
    #[must_use]
    pub fn order_life_ms(&self, now: Now) -> u64 {
        let until = match &self.request.plan.start {
            MissionStart::Immediate | MissionStart::Released => {
                return self.deadline.since_ms(now.mono);
            }
            MissionStart::Timed { execute_ms } if is_late_mutant() => {
                before(*execute_ms, -ORDER_LIFE_MS)
            }
            MissionStart::Timed { execute_ms } => *execute_ms,
            MissionStart::Conditional(ready) => ready.end_ms,
        };
        u64::try_from(until.since_ms(now.wall).min(ORDER_LIFE_MS)).unwrap_or(0)
    }

    /// Why the order to fly must not leave at this time, whatever the world is like.
    ///
    /// # Errors
    /// The reason.
    pub fn check_time(&self, now: Now, skew_ms: Option<i64>) -> Result<(), Reason> {
        let is_late = match &self.request.plan.start {
            MissionStart::Immediate | MissionStart::Released => {
                let Some(told) = self.told_start else { return Ok(()) };
                let off = now.wall.since_ms(told).saturating_add(skew_ms.unwrap_or(0));
                let is_near = off.unsigned_abs() <= IMMEDIATE_CLOCK_MS;
                if is_near || mutant::is(Mutant::ClockSkewIgnored) {
                    return Ok(());
                }
                return Err(say(
                    "clock_rule",
                    format!(
                        "The dock's clock is {} s from the start time it was given; it takes 30 s at most. Ask for the flight again.",
                        off / 1_000
                    ),
                    format!(
                        "도크의 시계가 지시한 시작 시각과 {}초 다릅니다. 30초까지만 허용됩니다. 다시 요청하십시오.",
                        off / 1_000
                    ),
                ));
            }
            MissionStart::Timed { execute_ms } => now.wall >= *execute_ms && !is_late_mutant(),
            MissionStart::Conditional(ready) => now.wall > ready.end_ms,
        };
        if is_late { Err(self.missed()) } else { Ok(()) }
    }

    /// Whether it waits and flies by no order yet: other flights may go first.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        match *self.state {
            State::Scheduled => true,
            State::Preparing | State::Prepared { .. } => match self.request.plan.start {
                MissionStart::Timed { .. } | MissionStart::Conditional(_) => true,
                MissionStart::Immediate | MissionStart::Released => false,
            },
            State::Starting
            | State::Executing
            | State::Paused
            | State::Hovering
            | State::Unknown
            | State::Ended => false,
        }
    }

    /// Whether another machine says when it flies.
    #[must_use]
    pub fn is_released_by_another(&self) -> bool {
        self.request.plan.start == MissionStart::Released
    }

    /// Whether it was asked for with a time or conditions.
    #[must_use]
    pub fn is_for_later(&self) -> bool {
        match self.request.plan.start {
            MissionStart::Timed { .. } | MissionStart::Conditional(_) => true,
            MissionStart::Immediate | MissionStart::Released => false,
        }
    }

    /// Something stands against the next order: it waits on, and says why. True when that is news.
    pub fn hold(&mut self, reason: Reason) -> bool {
        // Numbers in the words change with every report; the cause does not.
        let is_news = self.status.reason.as_ref().is_none_or(|told| told.code != reason.code);
        if is_news {
            self.status.reason = Some(reason);
        }
        is_news
    }

    /// Its window is over.
    pub fn expire(&mut self, now: Now) -> Next {
        let reason = self.missed();
        self.end(now, "window_over", Verdict::Expired, Some(reason))
    }

    /// It cannot be flown: its file is gone.
    pub fn reject(&mut self, now: Now, reason: Reason) -> Next {
        self.end(now, "file_gone", Verdict::Rejected, Some(reason))
    }

    /// A fresh address of the file is needed before it is prepared; true when it is to be asked for.
    pub fn ask_for_url(&mut self) -> bool {
        !std::mem::replace(&mut self.asked_for_url, true)
    }

    /// The address came.
    pub fn on_url(&mut self, url: &str) {
        self.asked_for_url = false;
        url.clone_into(&mut self.request.file_url);
    }

    /// Takes note of the start time that goes to the dock.
    pub fn set_told_start(&mut self, at: WallMs) {
        self.told_start = Some(at);
    }

    /// The dock says that its conditions hold.
    pub fn on_ready(&mut self, now: Now) -> bool {
        let is_conditional = self.conditions().is_some();
        if *self.state != (State::Prepared { ready: false }) || !is_conditional {
            return false;
        }
        self.ready(now, "dock_ready", "ready");
        true
    }

    /// What somebody wants of it.
    ///
    /// # Errors
    /// Why it cannot be done; nothing has changed then.
    pub fn on_control(
        &mut self,
        now: Now,
        action: MissionAction,
        by: &str,
    ) -> Result<Next, Reason> {
        match (action, *self.state) {
            (
                MissionAction::Cancel,
                State::Scheduled | State::Preparing | State::Prepared { .. },
            ) => {
                self.step(now, "cancel", Some(by.to_owned()));
                let reason = say(
                    "canceled_by_person",
                    "Cancelled before take-off was ordered: nothing flies by this mission.",
                    "이륙을 지시하기 전에 취소되어 비행하지 않습니다.",
                );
                Ok(self.end(now, "cancelled", Verdict::Canceled, Some(reason)))
            }
            (MissionAction::Release, State::Prepared { ready: false })
                if self.is_released_by_another() =>
            {
                self.ready(now, "released", "released");
                Ok(Next::Nothing)
            }
            (MissionAction::Warn(warnings), _) => {
                self.status.warnings = warnings;
                Ok(Next::Nothing)
            }
            (MissionAction::Cancel, State::Ended) => {
                Err(say("mission_over", "The mission is over already.", "임무가 이미 끝났습니다."))
            }
            (MissionAction::Cancel, _) => Err(say(
                "already_started",
                "Take-off was ordered already: it cannot be cancelled any more. Call it home instead.",
                "이미 이륙을 지시하여 취소할 수 없습니다. 복귀시키십시오.",
            )),
            (MissionAction::Release, _) => Err(say(
                "not_prepared",
                "The dock has not prepared this flight.",
                "도크가 이 비행을 준비하지 않았습니다.",
            )),
        }
    }

    /// Its return was cancelled, or aborted by the aircraft: it hovers on its battery.
    pub fn on_hovering(&mut self, now: Now, reason: Reason) -> bool {
        match *self.state {
            State::Executing | State::Paused => {
                self.turn("return_cancelled", State::Hovering);
                self.status.reason = Some(reason);
                self.step(now, "hovering", None);
                true
            }
            State::Scheduled
            | State::Preparing
            | State::Prepared { .. }
            | State::Starting
            | State::Hovering
            | State::Unknown
            | State::Ended => false,
        }
    }

    /// It was seen to return again.
    pub fn on_returning(&mut self, now: Now) -> bool {
        if *self.state != State::Hovering {
            return false;
        }
        self.turn("return_seen", State::Executing);
        self.status.reason = None;
        self.step(now, "returning", None);
        true
    }

    /// Nothing of an order left: it goes on waiting for the rest of its window, and is ordered anew
    /// when nothing stands against it any more. A journal or a link that is down is not asked at
    /// once again.
    pub(super) fn wait_on(&mut self, now: Now, order: Order, reason: Reason) -> Next {
        self.step(now, "not_sent", Some(reason.code.to_string()));
        match order {
            Order::Prepare => {
                self.prepare = None;
                self.turn("prepare_not_sent", State::Scheduled);
            }
            Order::Execute => {
                self.execute = None;
                let to = before_take_off(&self.request.plan.start);
                self.turn("take_off_not_sent", to);
            }
        }
        self.status.reason = Some(reason);
        self.not_before = now.mono.after_ms(AGAIN_MS << self.unsent.min(AGAIN_DOUBLED_MAX));
        self.unsent = self.unsent.saturating_add(1);
        Next::Nothing
    }

    pub(super) fn prepared(&mut self, now: Now) -> Next {
        self.unsent = 0;
        self.turn("prepare_taken", State::Prepared { ready: false });
        self.step(now, "prepared", None);
        Next::Nothing
    }

    fn ready(&mut self, now: Now, cause: &'static str, word: &str) {
        self.turn(cause, State::Prepared { ready: true });
        self.status.reason = None;
        self.step(now, word, None);
    }

    fn missed(&self) -> Reason {
        let last = self.status.reason.as_ref();
        let (en, ko) = match last {
            Some(last) => (
                format!(" {}", last.message),
                last.message_ko.as_ref().map_or_else(String::new, |text| format!(" {text}")),
            ),
            None => (String::new(), String::new()),
        };
        say(
            "missed_window",
            format!("Its time passed before take-off could be ordered; it is not flown late.{en}"),
            format!("이륙을 지시하기 전에 시간이 지났습니다. 늦게 비행하지 않습니다.{ko}"),
        )
    }
}

/// Where a mission stands whose order to fly did not leave. Conditional ones were ordered because the
/// dock said that it was ready.
fn before_take_off(start: &MissionStart) -> State {
    let ready = match start {
        MissionStart::Conditional(_) => true,
        MissionStart::Immediate | MissionStart::Timed { .. } | MissionStart::Released => false,
    };
    State::Prepared { ready }
}

/// A planted defect: a timed mission is ordered to fly when its time has come rather than before.
fn is_late_mutant() -> bool {
    mutant::is(Mutant::TimedSentLate)
}

fn window(now: Now, from: WallMs, until: WallMs, order: Order) -> Wish {
    match () {
        () if now.wall >= until => Wish::Expire,
        () if now.wall >= from => Wish::Give { order, until },
        () => Wish::Wait(from),
    }
}

fn before(at: WallMs, ms: i64) -> WallMs {
    WallMs(at.0.saturating_sub(ms))
}

/// A deadline of the monotonic clock as wall time.
fn in_wall(now: Now, deadline: fleet_types::MonoMs) -> WallMs {
    WallMs(now.wall.0.saturating_add_unsigned(deadline.since_ms(now.mono)))
}

#[cfg(test)]
mod tests;
