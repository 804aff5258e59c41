//! What a recording adds up to: protocol drift by firmware and method, and promises not kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use dji_cloud::TopicKind;
use serde_json::{Value, json};

use super::message::{Examined, Outcome, WrongType};

/// Serial numbers and methods remembered; a recording of nonsense must not fill the memory.
const DEVICES_MAX: usize = 20_000;
const ROWS_MAX: usize = 4096;
const FINDINGS_MAX: usize = 64;
const SILENT_MAX: usize = 1024;

/// Firmware, kind and method.
type Key = (String, &'static str, String);

#[derive(Default)]
struct Row {
    messages: u64,
    drifted: u64,
    /// Each finding with how often it came.
    findings: BTreeMap<String, u64>,
}

/// The sum of all messages.
#[derive(Default)]
pub(super) struct Summary {
    messages: u64,
    drifted: u64,
    unknown: u64,
    malformed: u64,
    rows: BTreeMap<Key, Row>,
    firmware: BTreeMap<String, String>,
    /// Calls that were accepted and whose job has not reported yet: (SN, event).
    silent: BTreeSet<(String, &'static str)>,
}

impl Summary {
    /// Messages that are other than the documentation says.
    pub(super) fn drifted(&self) -> u64 {
        self.drifted
    }

    /// Counts a message and tells it the firmware that its device named last.
    pub(super) fn count(&mut self, message: &mut Examined) {
        self.messages += 1;
        self.malformed += u64::from(message.error.is_some());
        self.unknown += u64::from(!message.known);
        self.drifted += u64::from(message.is_drift());
        self.follow_firmware(message);
        self.follow_jobs(message);
        let key = (
            message.firmware.clone().unwrap_or_else(|| "-".to_owned()),
            message.kind.map_or("-", TopicKind::tail),
            message.method.clone().unwrap_or_else(|| "-".to_owned()),
        );
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key) {
            return;
        }
        let row = self.rows.entry(key).or_default();
        row.messages += 1;
        row.drifted += u64::from(message.is_drift());
        for finding in findings(message) {
            if row.findings.len() < FINDINGS_MAX || row.findings.contains_key(&finding) {
                *row.findings.entry(finding).or_default() += 1;
            }
        }
    }

    fn follow_firmware(&mut self, message: &mut Examined) {
        if message.sn.is_empty() {
            return;
        }
        match &message.firmware {
            Some(firmware) => {
                let is_new = !self.firmware.contains_key(&message.sn);
                if !is_new || self.firmware.len() < DEVICES_MAX {
                    self.firmware.insert(message.sn.clone(), firmware.clone());
                }
            }
            None => message.firmware = self.firmware.get(&message.sn).cloned(),
        }
    }

    /// An answer `result 0` promises an event; a device that never sends it did nothing, or said
    /// nothing of it.
    fn follow_jobs(&mut self, message: &Examined) {
        let Some(method) = &message.method else { return };
        match message.kind {
            Some(TopicKind::ServicesReply) if message.outcome == Some(Outcome::Accepted) => {
                let event = dji_cloud::spec(method).and_then(|spec| spec.progress_event_name());
                if let Some(event) = event
                    && self.silent.len() < SILENT_MAX
                {
                    self.silent.insert((message.sn.clone(), event));
                }
            }
            Some(TopicKind::Events) => {
                self.silent.retain(|(sn, event)| *sn != message.sn || event != method);
            }
            Some(_) | None => {}
        }
    }

    pub(super) fn write_words(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { messages, drifted, unknown, malformed, .. } = self;
        writeln!(
            out,
            "\n{messages} messages: {drifted} differ from the documentation, {unknown} unknown, {malformed} unreadable"
        )?;
        writeln!(
            out,
            "{:<14} {:<18} {:<36} {:>8} {:>8}",
            "firmware", "topic", "method", "messages", "drift"
        )?;
        for ((firmware, kind, method), row) in &self.rows {
            writeln!(
                out,
                "{firmware:<14} {kind:<18} {method:<36} {:>8} {:>8}",
                row.messages, row.drifted
            )?;
            for (finding, count) in &row.findings {
                writeln!(out, "{:<16}{count} x {finding}", "")?;
            }
        }
        for (sn, event) in &self.silent {
            writeln!(
                out,
                "{sn} accepted a call and never reported by {event}: nobody knows whether it was done"
            )?;
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|((firmware, kind, method), row)| {
            json!({
                "firmware": firmware, "kind": kind, "method": method,
                "messages": row.messages, "drifted": row.drifted, "findings": row.findings,
            })
        });
        let silent = self.silent.iter().map(|(sn, event)| json!({ "sn": sn, "event": event }));
        json!({
            "summary": {
                "messages": self.messages,
                "drifted": self.drifted,
                "unknown": self.unknown,
                "malformed": self.malformed,
                "by_method": rows.collect::<Vec<_>>(),
                "never_reported": silent.collect::<Vec<_>>(),
            }
        })
    }
}

fn findings(message: &Examined) -> Vec<String> {
    let mut found = Vec::new();
    match &message.error {
        Some(error) => found.push(error.clone()),
        None if !message.known => found.push("unknown method".to_owned()),
        None => {}
    }
    found.extend(message.unknown_fields.iter().map(|path| format!("unknown field {path}")));
    for WrongType { path, found: came, expected, .. } in &message.wrong_types {
        found.push(format!("{path}: {came} for {expected}"));
    }
    for (path, value) in &message.unknown_values {
        found.push(format!("{path}: unknown value {value}"));
    }
    found.extend(
        message.out_of_range.iter().map(|range| format!("{} out of {}", range.path, range.range)),
    );
    found.extend(message.refused.clone());
    found
}
