//! What devices say beyond the documents: counted by firmware, bounded, never fatal.

use std::collections::BTreeMap;

use fleet_types::{
    DeviceSn, MonoMs,
    topic::{DeviceDrift, Unknown},
};

/// Distinct findings kept of one dock; more are counted together.
const FINDINGS_MAX: usize = 512;
/// Longest key and longest firmware name kept, in bytes.
const KEY_MAX: usize = 128;
/// How often higher counts of known findings are told, milliseconds.
const RECOUNT_MS: u64 = 10_000;
/// Where findings beyond the limit are counted.
const MORE: &str = "(more)";

/// Everything unknown heard from one dock and its aircraft.
#[derive(Clone, Debug, Default)]
pub struct DriftLedger {
    findings: BTreeMap<(String, &'static str, String), u64>,
    /// Something was found that was not told yet.
    has_new: bool,
    /// Something told before was counted again since.
    has_more: bool,
    told_at: MonoMs,
}

impl DriftLedger {
    /// Counts one finding.
    pub fn count(&mut self, firmware: &str, kind: &'static str, key: &str) {
        let mut finding = (cut(firmware).to_owned(), kind, cut(key).to_owned());
        if !self.findings.contains_key(&finding) && self.findings.len() >= FINDINGS_MAX {
            finding = (String::new(), kind, MORE.to_owned());
        }
        self.has_new |= !self.findings.contains_key(&finding);
        self.has_more = true;
        *self.findings.entry(finding).or_default() += 1;
    }

    /// Distinct findings.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.findings.len()).unwrap_or(u32::MAX)
    }

    /// Whether nothing unknown was heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The sample to publish: at once for a new finding, every [`RECOUNT_MS`] for higher counts.
    pub fn take_changed(&mut self, now: MonoMs, sn: &DeviceSn) -> Option<DeviceDrift> {
        let recount = self.has_more && now.since_ms(self.told_at) >= RECOUNT_MS;
        if !self.has_new && !recount {
            return None;
        }
        (self.has_new, self.has_more, self.told_at) = (false, false, now);
        let unknown = |((firmware, kind, key), count): (&(String, &'static str, String), &u64)| {
            let (firmware, kind) = (firmware.clone(), (*kind).to_owned());
            Unknown { firmware, kind, key: key.clone(), count: *count }
        };
        Some(DeviceDrift { sn: sn.clone(), unknowns: self.findings.iter().map(unknown).collect() })
    }
}

fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(KEY_MAX)).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_and_told_once() {
        let sn = DeviceSn::new("D1").expect("valid");
        let mut ledger = DriftLedger::default();
        for index in 0..2_000 {
            ledger.count("10.1", "field", &format!("key{index}"));
        }
        let at = MonoMs;
        let drift = ledger.take_changed(at(0), &sn).expect("changed");
        assert!(drift.unknowns.len() <= FINDINGS_MAX + 1, "{}", drift.unknowns.len());
        assert_eq!(drift.unknowns.iter().map(|unknown| unknown.count).sum::<u64>(), 2_000);
        assert_eq!(ledger.take_changed(at(60_000), &sn), None, "nothing new");
        ledger.count("10.1", "field", "key1");
        assert_eq!(ledger.take_changed(at(9_999), &sn), None, "told lately");
        let again = ledger.take_changed(at(10_000), &sn).expect("counted again");
        assert_eq!(again.unknowns.iter().map(|unknown| unknown.count).sum::<u64>(), 2_001);
        assert_eq!(ledger.take_changed(at(60_000), &sn), None, "nothing since");
    }

    #[test]
    fn a_long_key_is_cut_at_a_character() {
        let mut ledger = DriftLedger::default();
        ledger.count("", "field", &"한".repeat(200));
        assert_eq!(ledger.len(), 1);
    }
}
