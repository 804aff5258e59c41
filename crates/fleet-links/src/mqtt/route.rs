//! Which broker to try next and how long to wait before: pure, chance comes in.

use std::time::Duration;

use super::config::BrokerAddress;

const DELAY_MIN: Duration = Duration::from_millis(250);
const DELAY_MAX: Duration = Duration::from_secs(15);
/// A connection that held this long starts the delays anew. Shorter ones do not: two towers with
/// one client id would throw each other out four times a second.
const SETTLED: Duration = Duration::from_secs(5);

/// Brokers in turn, with a delay that doubles after each full round.
#[derive(Debug)]
pub(super) struct Route<'a> {
    brokers: &'a [BrokerAddress],
    at: usize,
    failures: u32,
}

impl<'a> Route<'a> {
    /// None when there is no broker at all.
    pub(super) fn new(brokers: &'a [BrokerAddress]) -> Option<Self> {
        (!brokers.is_empty()).then_some(Self { brokers, at: 0, failures: 0 })
    }

    /// The broker to try now.
    pub(super) fn current(&self) -> &'a BrokerAddress {
        &self.brokers[self.at]
    }

    /// An attempt failed or a connection was lost after `up`. `chance` is uniform in 0–255. Gives
    /// the time to wait. A broker that was reached is tried first again.
    pub(super) fn failed(&mut self, up: Option<Duration>, chance: u8) -> Duration {
        if up.is_some_and(|up| up >= SETTLED) {
            self.failures = 0;
        }
        if up.is_none() {
            self.at = (self.at + 1) % self.brokers.len();
        }
        let round = self.failures / u32::try_from(self.brokers.len()).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let full = DELAY_MIN.saturating_mul(1 << round.min(6)).min(DELAY_MAX);
        // Half of it is jitter, so that three connections and many towers do not come at once.
        full / 2 + full.mul_f32(f32::from(chance) / 510.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brokers(count: u16) -> Vec<BrokerAddress> {
        (0..count).map(|n| BrokerAddress { host: format!("b{n}"), port: 1883 }).collect()
    }

    #[test]
    fn delays_double_to_the_limit_and_jitter_halves_them() {
        let brokers = brokers(1);
        let mut route = Route::new(&brokers).unwrap();
        let delays: Vec<_> = (0..8).map(|_| route.failed(None, 255).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(route.failed(None, 0).as_millis(), 7500);
        assert_eq!(route.failed(Some(SETTLED), 255).as_millis(), 250);
    }

    #[test]
    fn brokers_are_tried_in_turn_and_a_good_one_first_again() {
        let brokers = brokers(2);
        let mut route = Route::new(&brokers).unwrap();
        assert_eq!(route.current().host, "b0");
        assert_eq!(route.failed(None, 255).as_millis(), 250);
        assert_eq!(route.current().host, "b1");
        assert_eq!(route.failed(Some(Duration::from_secs(1)), 255).as_millis(), 250);
        assert_eq!(route.current().host, "b1");
        assert_eq!(route.failed(None, 255).as_millis(), 500);
        assert_eq!(route.current().host, "b0");
        assert!(Route::new(&[]).is_none());
    }
}
