//! Quantiles of stalls in constant memory: buckets that grow by a quarter, from 50 µs to minutes.

use std::time::Duration;

const FIRST_US: f64 = 50.0;
const GROWTH: f64 = 1.25;
const COUNT: usize = 72;

/// Quantiles, milliseconds; each at most a quarter too high.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StallMs {
    /// Half of all measurements were at most this.
    pub p50: f64,
    /// 99 of 100 were.
    pub p99: f64,
    /// The worst, exactly.
    pub max: f64,
}

/// Counts by size.
pub(super) struct Buckets {
    counts: [u64; COUNT],
    total: u64,
    max_ms: f64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: [0; COUNT], total: 0, max_ms: 0.0 }
    }
}

impl Buckets {
    pub(super) fn add(&mut self, stall: Duration) {
        let us = stall.as_secs_f64() * 1e6;
        let mut bound = FIRST_US;
        let mut index = 0;
        while us > bound && index < COUNT - 1 {
            bound *= GROWTH;
            index += 1;
        }
        self.counts[index] += 1;
        self.total += 1;
        self.max_ms = self.max_ms.max(us / 1000.0);
    }

    pub(super) fn quantiles(&self) -> StallMs {
        StallMs { p50: self.quantile(50), p99: self.quantile(99), max: round(self.max_ms) }
    }

    fn quantile(&self, percent: u64) -> f64 {
        let rank = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        let mut bound = FIRST_US;
        for count in self.counts {
            seen += count;
            if seen >= rank {
                break;
            }
            bound *= GROWTH;
        }
        round((bound / 1000.0).min(self.max_ms))
    }
}

fn round(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_and_the_worst_is_exact() {
        let mut buckets = Buckets::default();
        assert_eq!(buckets.quantiles(), StallMs::default());
        for ms in 1..=1000 {
            buckets.add(Duration::from_millis(ms));
        }
        let StallMs { p50, p99, max } = buckets.quantiles();
        assert!((500.0..=625.0).contains(&p50), "{p50}");
        assert!((990.0..=1000.0).contains(&p99), "{p99}");
        assert!((max - 1000.0).abs() < 0.01, "{max}");
        buckets.add(Duration::from_secs(86_400));
        assert!(buckets.quantiles().max > 86_000_000.0);
    }
}
