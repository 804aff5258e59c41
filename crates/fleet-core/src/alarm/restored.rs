//! Alarms across a restart: who knew of them, and what is on the shelf.
//!
//! A restored alarm stands as it stood. Whether its condition still holds is for its source to say:
//! a device by its next whole list; any other source within [`RESTORED_MS`], or the condition counts
//! as gone. A component's signal comes under a new identity after a restart; it takes up the restored
//! alarm of the same code about the same device. Refused: to bring back what is over, or to let what
//! was raised since be overwritten by what was known before.

use fleet_types::{
    AlarmStatus, Now,
    alarm::{AlarmSource, AlarmState},
};

use super::{AlarmBook, ENTRIES_MAX, Entry, Key, Origin, Output, RESTORED_MS, turn};

impl AlarmBook {
    pub(super) fn restore(&mut self, now: Now, mut status: AlarmStatus, origin: Origin) {
        let Origin { key, latching } = origin;
        let left_ms = status.shelved.as_ref().map(|shelf| shelf.until_ms.since_ms(now.wall));
        let is_over = status.state == AlarmState::Cleared && left_ms.is_none_or(|left| left <= 0);
        if is_over || self.keys.contains_key(&status.alarm_id) {
            return;
        }
        if self.entries.contains_key(&key) {
            return self.merge(now, &key, status);
        }
        if self.entries.len() >= ENTRIES_MAX {
            self.refused += 1;
            return;
        }
        status.in_flood = false;
        let shelved_until =
            left_ms.map(|left| now.mono.after_ms(u64::try_from(left).unwrap_or_default()));
        let alarm_id = status.alarm_id;
        let is_active = status.state.is_active();
        self.keys.insert(alarm_id, key.clone());
        self.entries.insert(key.clone(), Entry { status, latching, shelved_until });
        if let Some(until) = shelved_until {
            self.shelves.insert((until, alarm_id));
        }
        if is_active && key.source != AlarmSource::Hms {
            self.unconfirmed.insert(key.clone(), now.mono.after_ms(RESTORED_MS));
        }
        self.changed(now, &key, false);
        self.handle_timeout(now);
    }

    /// It came up again before it was restored: who knew of it knows, and the identity that it had
    /// before is over.
    fn merge(&mut self, now: Now, key: &Key, mut before: AlarmStatus) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let status = &mut entry.status;
        let is_news = status.state == AlarmState::Raised && status.priority >= before.priority;
        if is_news && before.state == AlarmState::Acknowledged {
            turn(status, "known_before_restart", AlarmState::Acknowledged);
            status.acknowledged = before.acknowledged.take();
        }
        status.raised_ms = status.raised_ms.min(before.raised_ms);
        let shelf = before.shelved.take().filter(|_| status.shelved.is_none());
        turn(&mut before, "merged_after_restart", AlarmState::Cleared);
        before.cleared_ms = Some(now.wall);
        self.outputs.push_back(Output::Status(before));
        let left_ms = shelf.as_ref().map_or(0, |shelf| shelf.until_ms.since_ms(now.wall));
        if let (Some(shelf), Ok(left_ms @ 1..)) = (shelf, u64::try_from(left_ms)) {
            let until = now.mono.after_ms(left_ms);
            entry.shelved_until = Some(until);
            entry.status.shelved = Some(shelf);
            let alarm_id = entry.status.alarm_id;
            self.shelves.insert((until, alarm_id));
        }
        self.changed(now, key, false);
    }

    /// Its source says that the condition holds: a restored alarm goes on under this key.
    pub(super) fn confirm(&mut self, key: &Key) {
        if self.unconfirmed.remove(key).is_some() || key.source != AlarmSource::Tower {
            return;
        }
        let is_same = |other: &&Key| {
            (other.source, &other.by, &other.about, &other.code)
                == (key.source, &key.by, &key.about, &key.code)
        };
        let Some(before) = self.unconfirmed.keys().find(is_same).cloned() else { return };
        self.unconfirmed.remove(&before);
        if self.entries.contains_key(key) {
            return;
        }
        if let Some(entry) = self.entries.remove(&before) {
            self.keys.insert(entry.status.alarm_id, key.clone());
            self.entries.insert(key.clone(), entry);
        }
    }

    /// What no source confirmed in time does not hold any more.
    pub(super) fn clear_unconfirmed(&mut self, now: Now) {
        let is_due = |until: &&fleet_types::MonoMs| **until <= now.mono;
        while let Some(key) =
            self.unconfirmed.iter().find(|(_, until)| is_due(until)).map(|(key, _)| key.clone())
        {
            self.clear(now, &key);
        }
    }
}
