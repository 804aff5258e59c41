//! How much telemetry one device may send: a token bucket each.
//!
//! A device that sends more loses the excess, counted, and is alarmed: it must not take the time of
//! all the others. Events are never refused here; they are held back by the broker, and what must
//! not be lost is not measured by how much it is.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fleet_types::{Alarm, DeviceSn, MonoMs, Now, alarm::Priority};

use super::condition::{reason, signal};

/// A bucket holds what may be sent in so many seconds: reports are saved up on a bad line.
const BURST_S: f64 = 10.0;
/// An alarm goes when nothing was too much for so long.
const QUIET_MS: u64 = 60_000;

struct Bucket {
    tokens: f64,
    filled: MonoMs,
    /// Up since the device sent too much, and when it last did.
    over: Option<(Alarm, MonoMs)>,
}

/// The buckets of all devices that are known.
pub struct Rates {
    per_s: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
    dropped: AtomicU64,
}

impl Rates {
    /// This many messages a second for each device.
    #[must_use]
    pub fn new(per_s: u32) -> Self {
        Self { per_s: f64::from(per_s), buckets: Mutex::default(), dropped: AtomicU64::new(0) }
    }

    /// Telemetry dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes a message into account. `Err` when it is too much, with an alarm the first time.
    ///
    /// # Errors
    /// The message must be dropped; the alarm, if any, told.
    pub fn take(&self, sn: &str, now: Now) -> Result<(), Option<Box<Alarm>>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.per_s * BURST_S;
        let Some(bucket) = buckets.get_mut(sn) else {
            let bucket = Bucket { tokens: full - 1.0, filled: now.mono, over: None };
            buckets.insert(sn.to_owned(), bucket);
            return Ok(());
        };
        // Milliseconds since the last message are far below what a float holds exactly.
        let seconds = now.mono.since_ms(bucket.filled) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + seconds * self.per_s).min(full);
        bucket.filled = now.mono;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if let Some((_, last)) = &mut bucket.over {
            *last = now.mono;
            return Err(None);
        }
        let alarm = self.alarm(sn, now);
        bucket.over = Some((alarm.clone(), now.mono));
        Err(Some(Box::new(alarm)))
    }

    /// Alarms that are over by now.
    pub fn quiet(&self, now: Now) -> Vec<Alarm> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut over = vec![];
        for bucket in buckets.values_mut() {
            if bucket.over.as_ref().is_some_and(|(_, last)| now.mono.since_ms(*last) >= QUIET_MS)
                && let Some((alarm, _)) = bucket.over.take()
            {
                over.push(Alarm { cleared_ms: Some(now.wall), ..alarm });
            }
        }
        over.sort_by(|one, other| one.sn.cmp(&other.sn));
        over
    }

    /// Devices that are not there any more need no bucket.
    pub fn forget(&self, sn: &DeviceSn) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).remove(sn.as_str());
    }

    fn alarm(&self, sn: &str, now: Now) -> Alarm {
        let per_s = self.per_s;
        let text = format!(
            "{sn} sends more than {per_s} messages of telemetry a second: the excess is dropped. Restart it, look for a second sender under its login, or raise limits.device_messages_per_s."
        );
        let korean = format!(
            "{sn}이(가) 초당 {per_s}건이 넘는 텔레메트리를 보내 초과분을 버립니다. 장비를 다시 시작하고, 같은 계정으로 보내는 다른 장비가 있는지 확인하거나, limits.device_messages_per_s를 올리십시오."
        );
        let device = DeviceSn::new(sn).ok();
        signal(device, Priority::Medium, reason("too_much_telemetry", text, korean), now.wall)
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::WallMs;

    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(7) }
    }

    #[test]
    fn what_is_too_much_is_dropped_alarmed_once_and_nobody_else_suffers() {
        let rates = Rates::new(2);
        let taken = (0..30).filter(|_| rates.take("D1", at(0)).is_ok()).count();
        assert_eq!(taken, 20, "what ten seconds allow");
        assert_eq!(rates.dropped(), 10);
        assert!(rates.take("D2", at(0)).is_ok());
        assert!(rates.take("D1", at(500)).is_ok(), "one token came back");
        assert_eq!(rates.take("D1", at(500)), Err(None), "the alarm is up already");
        assert_eq!(rates.quiet(at(60_499)), []);
        let over = rates.quiet(at(60_500));
        assert_eq!((over.len(), over[0].cleared_ms), (1, Some(WallMs(7))));
        assert_eq!(rates.quiet(at(60_500)), []);
    }

    #[test]
    fn the_first_excess_raises_the_alarm_of_that_device() {
        let rates = Rates::new(1);
        let alarm = (0..11).find_map(|_| rates.take("D1", at(0)).err().flatten()).unwrap();
        assert_eq!(alarm.sn, DeviceSn::new("D1").ok());
        assert!(alarm.reason.message_ko.is_some() && alarm.cleared_ms.is_none());
    }
}
