//! How often a peer, or an account, may fail to sign in. Bounded by peers; forgets in time.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use tokio::time::Instant;

const MAX_PEERS: usize = 1024;
/// Failed sign-ins that may be outstanding at once.
const ATTEMPTS: u32 = 10;
/// One more becomes free to a peer after this.
const ATTEMPT_RETURNS: Duration = Duration::from_secs(6);

/// By peer, or by account.
pub(crate) struct Attempts<K> {
    /// How many, and since when.
    failures: BTreeMap<K, (u32, Instant)>,
    returns: Duration,
}

impl Attempts<IpAddr> {
    pub(crate) fn of_peers() -> Self {
        Self::new(ATTEMPT_RETURNS)
    }
}

impl<K: Ord> Attempts<K> {
    /// One failure is forgotten each time so much has passed.
    pub(crate) fn new(returns: Duration) -> Self {
        Self { failures: BTreeMap::new(), returns }
    }

    pub(crate) fn may_try(&mut self, key: &K, now: Instant) -> bool {
        self.failures.get(key).is_none_or(|(count, since)| {
            let returned = (now - *since).as_secs() / self.returns.as_secs();
            u64::from(*count) < u64::from(ATTEMPTS) + returned
        })
    }

    pub(crate) fn note_failure(&mut self, key: K, now: Instant) {
        let forgotten = self.returns * ATTEMPTS;
        self.failures.retain(|_, (_, since)| now - *since < forgotten);
        if self.failures.len() >= MAX_PEERS {
            self.failures.pop_first();
        }
        let entry = self.failures.entry(key).or_insert((0, now));
        entry.0 += 1;
    }

    /// What was noted last was none.
    pub(crate) fn forgive(&mut self, key: &K) {
        if let Some((count, _)) = self.failures.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.failures.remove(key);
            }
        }
    }
}

/// One subscriber of IPv6 holds a /64: counting single addresses would count nothing.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let upper = address.to_bits() >> 64 << 64;
            IpAddr::V6(upper.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn fail(attempts: &mut Attempts<IpAddr>, peer: IpAddr, times: u32, now: Instant) {
        let peer = network(peer);
        for _ in 0..times {
            assert!(attempts.may_try(&peer, now));
            attempts.note_failure(peer, now);
        }
    }

    #[test]
    fn failures_are_limited_and_forgotten() {
        let (mut attempts, now) = (Attempts::of_peers(), Instant::now());
        fail(&mut attempts, PEER, ATTEMPTS, now);
        assert!(!attempts.may_try(&PEER, now));
        let later = now + ATTEMPT_RETURNS;
        fail(&mut attempts, PEER, 1, later);
        assert!(!attempts.may_try(&PEER, later));
        fail(&mut attempts, PEER, ATTEMPTS - 1, now + ATTEMPT_RETURNS * ATTEMPTS);
    }

    #[test]
    fn one_network_cannot_lock_out_another() {
        let (mut attempts, now) = (Attempts::of_peers(), Instant::now());
        for n in 0..ATTEMPTS {
            // Addresses of one /64 count as one peer.
            fail(&mut attempts, format!("2001:db8::{n}").parse().unwrap(), 1, now);
        }
        assert!(!attempts.may_try(&network("2001:db8::ffff".parse().unwrap()), now));
        assert!(attempts.may_try(&network("2001:db8:0:1::1".parse().unwrap()), now));
        assert!(attempts.may_try(&PEER, now));
    }

    #[test]
    fn peers_are_bounded() {
        let (mut attempts, now) = (Attempts::of_peers(), Instant::now());
        for n in 0..2 * u32::try_from(MAX_PEERS).unwrap() {
            fail(&mut attempts, IpAddr::V4(n.into()), 1, now);
        }
        assert_eq!(attempts.failures.len(), MAX_PEERS);
    }
}
