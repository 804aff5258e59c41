//! The audit as files that can be verified without the database: JSON Lines, and CSV for tables.
//!
//! Pure. Every line carries its place in the chain; the last one says where it ended.

use fleet_types::audit::{AuditEntry, AuditHead, ChainedEntry};
use serde::{Deserialize, Serialize};

/// First line of a CSV file. What stands before `seq` is repeated from the content, for people.
pub const CSV_HEADER: &str = "at_ms,actor,peer,action,outcome,code,sn,seq,prev_hash,hash,content";
/// What stands in the place of a row's columns for people at the end.
const CSV_END: &str = "end";

/// A line of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// An entry.
    Entry(ChainedEntry),
    /// Where the chain ended.
    Head(AuditHead),
    /// Nothing of the chain.
    Empty,
}

#[derive(Serialize, Deserialize)]
struct End {
    head: AuditHead,
}

/// An entry as a line of JSON.
#[must_use]
pub fn json_line(entry: &ChainedEntry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

/// The end as a line of JSON, or of CSV.
#[must_use]
pub fn json_head(head: &AuditHead, is_csv: bool) -> String {
    if is_csv {
        return format!("{CSV_END},,,,,,,{},,{},", head.seq, head.hash);
    }
    serde_json::to_string(&End { head: head.clone() }).unwrap_or_default()
}

/// An entry as a line of CSV.
#[must_use]
pub fn csv_line(entry: &ChainedEntry) -> String {
    let said: Option<AuditEntry> = serde_json::from_str(&entry.content).ok();
    let mut cells = vec![String::new(); 7];
    if let Some(said) = said {
        let outcome = serde_json::to_value(said.outcome).unwrap_or_default();
        cells = vec![
            said.at_ms.0.to_string(),
            said.actor,
            said.peer.unwrap_or_default(),
            said.action,
            outcome.as_str().unwrap_or_default().to_owned(),
            said.code.unwrap_or_default(),
            said.sn.map(|sn| sn.to_string()).unwrap_or_default(),
        ];
    }
    let ChainedEntry { seq, prev_hash, hash, content } = entry;
    cells.extend([seq.to_string(), prev_hash.clone(), hash.clone(), content.clone()]);
    cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",")
}

/// A cell; what a table's program would take for a formula begins with an apostrophe.
fn quoted(cell: &str) -> String {
    let cell = cell.replace(['\n', '\r'], " ");
    let apostrophe = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    if apostrophe.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell;
    }
    format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""))
}

/// Reads a line of either kind.
///
/// # Errors
/// In words, what is the matter with it.
pub fn parse(line: &str) -> Result<Parsed, String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() || line == CSV_HEADER {
        return Ok(Parsed::Empty);
    }
    if line.starts_with('{') {
        if let Ok(End { head }) = serde_json::from_str(line) {
            return Ok(Parsed::Head(head));
        }
        return serde_json::from_str(line).map(Parsed::Entry).map_err(|error| error.to_string());
    }
    let cells = cells(line)?;
    let [first, .., seq, prev_hash, hash, content] = cells.as_slice() else {
        return Err("it has too few cells".to_owned());
    };
    let seq = seq.parse().map_err(|_| "its number is none".to_owned())?;
    if first == CSV_END {
        return Ok(Parsed::Head(AuditHead { seq, hash: hash.clone() }));
    }
    let (prev_hash, hash, content) = (prev_hash.clone(), hash.clone(), content.clone());
    let entry = ChainedEntry { seq, prev_hash, hash, content };
    // What is there for people must not say anything else.
    if csv_line(&entry) != line {
        return Err("its cells say something else than its content".to_owned());
    }
    Ok(Parsed::Entry(entry))
}

fn cells(line: &str) -> Result<Vec<String>, String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if is_quoted {
        return Err("a quotation does not end".to_owned());
    }
    cells.push(cell);
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use fleet_types::WallMs;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut said = AuditEntry::new(Uuid::nil(), WallMs(7), "user:\"a\", b@c", "=sum(A1)");
        said = said.with("note", "a,\"b\"");
        let content = serde_json::to_string(&said).unwrap();
        let (prev_hash, hash) = ("0".repeat(64), "f".repeat(64));
        let entry = ChainedEntry { seq: 12, prev_hash, hash: hash.clone(), content };
        let csv = csv_line(&entry);
        assert!(csv.starts_with("7,\"user:\"\"a\"\", b@c\",,\"'=sum(A1)\",ok,,,12,"), "{csv}");
        for line in [json_line(&entry), csv.clone(), format!("{csv}\r\n")] {
            assert_eq!(parse(&line), Ok(Parsed::Entry(entry.clone())), "{line}");
        }
        let head = AuditHead { seq: 12, hash };
        for is_csv in [false, true] {
            assert_eq!(parse(&json_head(&head, is_csv)), Ok(Parsed::Head(head.clone())));
        }
        assert_eq!(parse(CSV_HEADER), Ok(Parsed::Empty));
        assert!(parse(&csv.replacen(",ok,", ",failed,", 1)).is_err());
        for bad in ["{", "{}", "a,b", "\"", "1,2,3,4,5,6,7,x,y,z,w"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
