//! The chain: what each entry's hash must be, and what is the matter where it is not.
//!
//! Pure. It trusts nothing of the database but that it gives rows in the order of their numbers.

use fleet_types::audit::{AuditHead, AuditVerdict, ChainedEntry, GENESIS};
use ring::digest;

/// The first entry at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub seq: i64,
    /// What is the matter, in words.
    pub why: String,
}

/// Takes entries in their order.
#[derive(Clone, Debug)]
pub struct Checker {
    before: Option<ChainedEntry>,
    head: AuditHead,
    /// Recorded elsewhere, by number, not met yet.
    recorded: Vec<AuditHead>,
}

/// SHA-256 over the hash before, the number and the content.
#[must_use]
pub fn hash_of(before: &[u8], seq: i64, content: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(before);
    context.update(&seq.to_be_bytes());
    context.update(content.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(out)
}

/// What the hash of `content` would be as number `seq` after `prev_hash`; none for what is no hash.
fn hashed(prev_hash: &str, seq: i64, content: &str) -> Option<String> {
    Some(hex(&hash_of(&bytes(prev_hash)?, seq, content)))
}

impl Checker {
    /// From the first entry on; `recorded` are ends that were recorded elsewhere.
    #[must_use]
    pub fn new(recorded: &[AuditHead]) -> Self {
        let head = AuditHead { seq: 0, hash: hex(&GENESIS) };
        Self { before: None, head, recorded: recorded.to_vec() }
    }

    /// The last entry that was in order.
    #[must_use]
    pub fn head(&self) -> &AuditHead {
        &self.head
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`Fault`]: the first entry that is not what was written there.
    pub fn take(&mut self, row: &ChainedEntry) -> Result<(), Fault> {
        let expected = self.head.seq + 1;
        let fault = |seq, why: &str| Err(Fault { seq, why: why.to_owned() });
        if row.seq > expected {
            return fault(expected, "it is missing: it was deleted");
        }
        if row.seq < expected {
            return fault(row.seq, "its number is there twice: it was put in");
        }
        let own = hashed(&row.prev_hash, row.seq, &row.content);
        let is_whole = own.as_ref() == Some(&row.hash);
        if is_whole && row.prev_hash == self.head.hash {
            self.head = AuditHead { seq: row.seq, hash: row.hash.clone() };
            self.before = Some(row.clone());
            return self.check_recorded();
        }
        // What it was before somebody moved it tells what was done.
        let was = |prev: &str, seq| hashed(prev, seq, &row.content).as_ref() == Some(&row.hash);
        if let Some(before) = &self.before
            && was(&before.prev_hash, row.seq - 1)
        {
            return fault(
                before.seq,
                "it was put in: what follows was chained before it was there",
            );
        }
        if (1..=1000).any(|gone| was(&row.prev_hash, row.seq + gone)) {
            return fault(row.seq, "it is another: the one that stood here was deleted");
        }
        if is_whole {
            let why = "it does not follow the entry before it: one of the two was rewritten";
            return fault(row.seq, why);
        }
        fault(row.seq, "its content is not what was written")
    }

    fn check_recorded(&mut self) -> Result<(), Fault> {
        let (head, mut fault) = (&self.head, None);
        self.recorded.retain(|known| {
            if known.seq == head.seq && known.hash != head.hash {
                let why = "it is not the one that was recorded elsewhere: the chain was rewritten";
                fault = Some(Fault { seq: known.seq, why: why.to_owned() });
            }
            known.seq != head.seq
        });
        fault.map_or(Ok(()), Err)
    }

    /// An end that was recorded elsewhere and is not there.
    #[must_use]
    pub fn missing(&self) -> Option<Fault> {
        let last = self.recorded.iter().filter(|known| known.seq > self.head.seq);
        let last = last.max_by_key(|known| known.seq)?;
        check_head(&self.head, last).err()
    }

    /// What was found, with `fault` or without.
    #[must_use]
    pub fn verdict(&self, fault: Option<Fault>) -> AuditVerdict {
        AuditVerdict {
            ok: fault.is_none(),
            checked: self.head.seq,
            head: self.head.clone(),
            fault_at: fault.as_ref().map(|fault| fault.seq),
            fault: fault.map(|fault| fault.why),
        }
    }
}

/// Whether a chain that ends here is what was recorded of its end.
///
/// # Errors
/// [`Fault`]: what is missing, or that it is another.
pub fn check_head(head: &AuditHead, recorded: &AuditHead) -> Result<(), Fault> {
    if head.seq < recorded.seq {
        let why =
            format!("everything from here to {} is missing: the end was cut off", recorded.seq);
        return Err(Fault { seq: head.seq + 1, why });
    }
    if head.seq == recorded.seq && head.hash != recorded.hash {
        let why = "it is not the one that was recorded as the end".to_owned();
        return Err(Fault { seq: head.seq, why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(count: i64) -> Vec<ChainedEntry> {
        let mut before = hex(&GENESIS);
        let link = |seq| {
            let content = format!("{{\"n\":{seq}}}");
            let hash = hashed(&before, seq, &content).unwrap();
            let prev_hash = std::mem::replace(&mut before, hash.clone());
            ChainedEntry { seq, prev_hash, hash, content }
        };
        (1..=count).map(link).collect()
    }

    fn check(rows: &[ChainedEntry], recorded: &[AuditHead], expect: Option<(i64, &str)>) {
        let mut checker = Checker::new(recorded);
        let fault = rows.iter().try_for_each(|row| checker.take(row)).err();
        let fault = fault.or_else(|| checker.missing());
        let found = fault.as_ref().map(|fault| fault.seq);
        assert_eq!(found, expect.map(|(seq, _)| seq), "{fault:?}");
        if let (Some(fault), Some((_, words))) = (fault, expect) {
            assert!(fault.why.contains(words), "{fault:?}");
        }
    }

    fn head(rows: &[ChainedEntry], at: usize) -> AuditHead {
        AuditHead { seq: rows[at].seq, hash: rows[at].hash.clone() }
    }

    /// As somebody would who knows how it is made.
    fn forge(rows: &mut [ChainedEntry], at: usize) {
        let row = &mut rows[at];
        row.hash = hashed(&row.prev_hash, row.seq, &row.content).unwrap();
    }

    #[test]
    fn what_was_done_to_a_chain_is_found_where_it_was_done() {
        let whole = chain(9);
        check(&whole, &[head(&whole, 8), head(&whole, 3)], None);
        check(&[], &[], None);

        let mut rows = whole.clone();
        rows[4].content = "{\"n\":50}".to_owned();
        check(&rows, &[], Some((5, "not what was written")));
        forge(&mut rows, 4);
        check(&rows, &[], Some((6, "does not follow")));

        let mut rows = whole.clone();
        rows.remove(4);
        check(&rows, &[], Some((5, "missing")));
        for row in &mut rows[4..] {
            row.seq -= 1;
        }
        check(&rows, &[], Some((5, "deleted")));
        rows[4].prev_hash = rows[3].hash.clone();
        forge(&mut rows, 4);
        check(&rows, &[], Some((6, "deleted")));

        let mut rows = whole.clone();
        for row in &mut rows[4..] {
            row.seq += 1;
        }
        let mut more = ChainedEntry { seq: 5, content: "{}".to_owned(), ..rows[4].clone() };
        more.prev_hash = rows[3].hash.clone();
        rows.insert(4, more);
        check(&rows, &[], Some((5, "not what was written")));
        forge(&mut rows, 4);
        check(&rows, &[], Some((5, "put in")));
    }

    #[test]
    fn what_is_cut_off_or_made_anew_is_missed_by_what_was_recorded_elsewhere() {
        let whole = chain(9);
        check(&whole[..6], &[], None);
        check(&whole[..6], &[head(&whole, 8)], Some((7, "cut off")));
        let mut anew = chain(9);
        anew[2].content = "{}".to_owned();
        for at in 2..9 {
            anew[at].prev_hash = anew[at - 1].hash.clone();
            forge(&mut anew, at);
        }
        check(&anew, &[], None);
        check(&anew, &[head(&whole, 6)], Some((7, "rewritten")));
    }

    #[test]
    fn what_is_no_hash_is_a_fault_and_no_panic() {
        for bad in ["", "zz", "ü", &"ä".repeat(32)] {
            let mut rows = chain(2);
            rows[1].prev_hash = bad.to_owned();
            check(&rows, &[], Some((2, "not what was written")));
        }
    }
}
