//! Conditions of the tower itself that are alarmed: raised when enough looks agree, cleared once.

use std::borrow::Cow;

use fleet_bus::Writer;
use fleet_types::{Alarm, AlarmId, DeviceSn, Reason, WallMs, alarm::Priority};

use super::clock;

/// What an alarm says, in both languages.
pub(super) fn reason(
    code: &'static str,
    text: impl Into<Cow<'static, str>>,
    korean: impl Into<Cow<'static, str>>,
) -> Reason {
    Reason { message_ko: Some(korean.into()), ..Reason::new(code, text) }
}

/// A new alarm that is up.
pub(super) fn signal(
    sn: Option<DeviceSn>,
    priority: Priority,
    reason: Reason,
    raised_ms: WallMs,
) -> Alarm {
    let alarm_id = AlarmId(uuid::Uuid::now_v7());
    Alarm { alarm_id, sn, priority, reason, raised_ms, cleared_ms: None }
}

/// Something that is so, or is not, and is signalled when enough looks agree.
pub(super) struct Condition {
    priority: Priority,
    reason: fn() -> Reason,
    raise_after: u32,
    clear_after: u32,
    /// Looks that disagreed with what is signalled.
    against: u32,
    raised: Option<Alarm>,
}

impl Condition {
    pub(super) fn new(
        priority: Priority,
        raise_after: u32,
        clear_after: u32,
        reason: fn() -> Reason,
    ) -> Self {
        Self { priority, reason, raise_after, clear_after, against: 0, raised: None }
    }

    /// Takes a look, and signals what changes.
    pub(super) fn look(&mut self, is_so: bool, signals: &Writer<Alarm>) {
        if let Some(signal) = self.judge(is_so)
            && signals.try_write(signal).is_err()
        {
            tracing::error!("an alarm could not be told: the bus is full");
        }
    }

    fn judge(&mut self, is_so: bool) -> Option<Alarm> {
        if is_so == self.raised.is_some() {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let wanted = if is_so { self.raise_after } else { self.clear_after };
        if self.against < wanted {
            return None;
        }
        self.against = 0;
        let now = clock::now().wall;
        if let Some(raised) = self.raised.take() {
            return Some(Alarm { cleared_ms: Some(now), ..raised });
        }
        let alarm = signal(None, self.priority, (self.reason)(), now);
        self.raised = Some(alarm.clone());
        Some(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_absence_is_no_alarm_and_each_alarm_is_cleared_once() {
        let mut condition = Condition::new(Priority::High, 3, 1, || reason("x", "X.", "엑스."));
        let mut look = |is_so| condition.judge(is_so);
        for is_so in [true, true, false, true, true] {
            assert_eq!(look(is_so), None);
        }
        let raised = look(true).expect("raised");
        assert_eq!((raised.cleared_ms, look(true)), (None, None));
        let cleared = look(false).expect("cleared");
        assert!(cleared.cleared_ms.is_some() && cleared.alarm_id == raised.alarm_id);
        assert_eq!(look(false), None);
    }
}
