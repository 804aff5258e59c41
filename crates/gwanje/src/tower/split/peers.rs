//! Which other processes of the tower live, by what was heard of them. Pure: told when and what.

use std::collections::BTreeMap;

use fleet_types::{MonoMs, Now};

use super::says::Beat;

/// A process that was not heard for so long is lost. It beats four times in that.
pub const LEASE_MS: u64 = 2_000;
/// Its numbers are remembered longer: what it said is not believed again from somebody else.
const REMEMBERED_MS: u64 = 60_000;
/// Processes remembered. Only who has the key comes in at all.
const PEERS_MAX: usize = 64;

/// What the number of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The first one of a process.
    First,
    /// The one that follows.
    Next,
    /// So many are missing before it.
    Gap(u64),
    /// It was heard before: somebody says it again.
    Again,
}

/// One process.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) beat: Beat,
    pub(super) is_alive: bool,
    heard: MonoMs,
    sequence: u64,
}

/// All of them, by their sender's name.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<String, Peer>);

impl Peers {
    /// Takes note of a frame that was opened.
    pub(super) fn frame(&mut self, sender: &str, sequence: u64, now: Now) -> Heard {
        if let Some(peer) = self.0.get_mut(sender) {
            let Some(missing) = sequence.checked_sub(peer.sequence + 1) else {
                return Heard::Again;
            };
            (peer.sequence, peer.heard) = (sequence, now.mono);
            return if missing == 0 { Heard::Next } else { Heard::Gap(missing) };
        }
        if self.0.len() >= PEERS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, peer)| peer.heard).map(|it| it.0.clone());
            oldest.and_then(|sender| self.0.remove(&sender));
        }
        let peer = Peer { beat: Beat::default(), is_alive: false, heard: now.mono, sequence };
        self.0.insert(sender.to_owned(), peer);
        Heard::First
    }

    /// Takes note of a sign of life; whether the process is new, or is back.
    pub(super) fn beat(&mut self, sender: &str, beat: Beat) -> bool {
        let Some(peer) = self.0.get_mut(sender) else { return false };
        let look = beat.look.is_none().then(|| peer.beat.look.take()).flatten();
        peer.beat = beat;
        peer.beat.look = peer.beat.look.take().or(look);
        !std::mem::replace(&mut peer.is_alive, true)
    }

    /// It said that it ends.
    pub(super) fn left(&mut self, sender: &str) -> Option<&Peer> {
        let peer = self.0.get_mut(sender)?;
        std::mem::replace(&mut peer.is_alive, false).then_some(peer)
    }

    /// Those that were lost since the last look, each once.
    pub(super) fn lost(&mut self, now: Now) -> Vec<(String, Beat)> {
        self.0.retain(|_, peer| peer.is_alive || now.mono.since_ms(peer.heard) < REMEMBERED_MS);
        let late = |peer: &&mut Peer| peer.is_alive && now.mono.since_ms(peer.heard) >= LEASE_MS;
        let mut lost = Vec::new();
        for (sender, peer) in &mut self.0 {
            if late(&&mut *peer) {
                peer.is_alive = false;
                lost.push((sender.clone(), peer.beat.clone()));
            }
        }
        lost
    }

    /// Those that live.
    pub(super) fn alive(&self) -> impl Iterator<Item = (&String, &Peer)> {
        self.0.iter().filter(|(_, peer)| peer.is_alive)
    }

    pub(super) fn get(&self, sender: &str) -> Option<&Peer> {
        self.0.get(sender)
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::WallMs;

    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(0) }
    }

    #[test]
    fn a_process_is_lost_once_when_its_lease_is_over() {
        let mut peers = Peers::default();
        assert_eq!(peers.frame("a", 9, at(0)), Heard::First);
        assert!(peers.beat("a", Beat::default()), "it is new");
        assert!(!peers.beat("a", Beat::default()));
        assert!(peers.lost(at(1_999)).is_empty());
        assert_eq!(peers.lost(at(2_000)).len(), 1);
        assert!(peers.lost(at(2_001)).is_empty() && peers.alive().next().is_none());
        peers.frame("a", 10, at(3_000));
        assert!(peers.beat("a", Beat::default()), "it is back");
        assert!(peers.left("a").is_some() && peers.left("a").is_none());
        assert!(peers.lost(at(9_000)).is_empty(), "who left is not lost");
    }

    #[test]
    fn numbers_tell_what_is_missing_and_what_is_said_again() {
        let mut peers = Peers::default();
        peers.frame("a", 1, at(0));
        assert_eq!(peers.frame("a", 2, at(0)), Heard::Next);
        assert_eq!(peers.frame("a", 5, at(0)), Heard::Gap(2));
        for old in [5, 4, 1, 0] {
            assert_eq!(peers.frame("a", old, at(0)), Heard::Again, "{old}");
        }
        // Also after it was lost.
        peers.beat("a", Beat::default());
        peers.lost(at(5_000));
        assert_eq!(peers.frame("a", 5, at(6_000)), Heard::Again);
    }

    #[test]
    fn strangers_with_the_key_are_bounded() {
        let mut peers = Peers::default();
        for number in 0..1000 {
            peers.frame(&number.to_string(), 1, at(number));
        }
        assert_eq!(peers.0.len(), PEERS_MAX);
    }
}
