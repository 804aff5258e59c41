//! Answers of upstreams, kept for a while; bounded by bytes, the one unused longest goes first.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::Piece;

/// What an entry costs besides its body.
const OVERHEAD: usize = 256;

struct Kept {
    piece: Piece,
    got: Instant,
    fresh_until: Instant,
    used: u64,
}

/// Addresses hold keys; they are looked up and never shown.
pub(super) struct Cache {
    max_bytes: usize,
    bytes: usize,
    kept: HashMap<String, Kept>,
    by_use: BTreeMap<u64, String>,
    clock: u64,
}

impl Cache {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, kept: HashMap::new(), by_use: BTreeMap::new(), clock: 0 }
    }

    /// An answer that is still good.
    pub(super) fn fresh(&mut self, address: &str, now: Instant) -> Option<Piece> {
        self.kept.get(address).filter(|kept| kept.fresh_until > now)?;
        self.take(address)
    }

    /// An answer that is not older than `oldest`, good or not.
    pub(super) fn any(&mut self, address: &str, now: Instant, oldest: Duration) -> Option<Piece> {
        self.kept.get(address).filter(|kept| now.duration_since(kept.got) <= oldest)?;
        self.take(address)
    }

    fn take(&mut self, address: &str) -> Option<Piece> {
        let kept = self.kept.get_mut(address)?;
        self.by_use.remove(&kept.used);
        self.clock += 1;
        kept.used = self.clock;
        self.by_use.insert(self.clock, address.to_owned());
        Some(kept.piece.clone())
    }

    pub(super) fn put(&mut self, address: &str, piece: Piece, now: Instant, fresh_for: Duration) {
        self.remove(address);
        let size = cost(address, &piece);
        if size > self.max_bytes / 4 {
            return;
        }
        while self.bytes + size > self.max_bytes {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += size;
        self.by_use.insert(self.clock, address.to_owned());
        let kept = Kept { piece, got: now, fresh_until: now + fresh_for, used: self.clock };
        self.kept.insert(address.to_owned(), kept);
    }

    fn remove(&mut self, address: &str) {
        if let Some(kept) = self.kept.remove(address) {
            self.by_use.remove(&kept.used);
            self.bytes -= cost(address, &kept.piece);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(address: &str, piece: &Piece) -> usize {
    OVERHEAD + 2 * address.len() + piece.bytes.len() + piece.content_type.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(size: usize) -> Piece {
        Piece { content_type: "image/png".to_owned(), encoding: None, bytes: vec![0; size].into() }
    }

    #[test]
    fn the_one_unused_longest_gives_way() {
        let (mut cache, now) = (Cache::new(10_000), Instant::now());
        let hour = Duration::from_hours(1);
        for name in ["a", "b", "c", "d"] {
            cache.put(name, piece(2000), now, hour);
        }
        assert!(cache.fresh("a", now).is_some());
        cache.put("e", piece(2000), now, hour);
        let kept = |cache: &mut Cache, name: &str| cache.fresh(name, now).is_some();
        assert!(!kept(&mut cache, "b") && kept(&mut cache, "a") && kept(&mut cache, "e"));
        assert!(cache.bytes() <= 10_000);
        cache.put("huge", piece(5000), now, hour);
        assert!(!kept(&mut cache, "huge"), "one answer does not push all others out");
        cache.put("a", piece(10), now, hour);
        assert_eq!(cache.kept.len(), cache.by_use.len());
        assert_eq!(cache.fresh("a", now).unwrap().bytes.len(), 10);
    }

    #[test]
    fn old_answers_are_for_when_there_is_no_new_one() {
        let (mut cache, now) = (Cache::new(10_000), Instant::now());
        let hour = Duration::from_hours(1);
        cache.put("a", piece(1), now, hour);
        let later = now + hour;
        assert!(cache.fresh("a", later).is_none());
        assert!(cache.any("a", later, hour).is_some());
        assert!(cache.any("a", later + Duration::from_millis(1), hour).is_none());
    }
}
