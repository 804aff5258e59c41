//! `gwanje audit …`: checks who did what, and gives it out as a file.
//!
//! It reads the database itself, with the tower running or not, and trusts nothing of it but its rows; a
//! file is checked without any database. Ends that were recorded elsewhere (in the data directory, or
//! given) are looked for: without one, a chain that was cut off at its end by somebody who may write
//! everything in the database looks whole.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use fleet_store::{
    Database,
    audit::{self, Checker, Parsed},
};
use fleet_types::audit::{AuditHead, AuditVerdict};

use super::{args, database::Used};
use crate::{
    config::Config,
    terminal::say,
    tower::audit::{HEAD_FILE, frame, line, read_head},
};

/// Longest line of a file.
const LINE_MAX: u64 = 1 << 20;

/// Does what was asked and prints the outcome.
pub(super) async fn run(config: Config, command: args::Audit) -> anyhow::Result<ExitCode> {
    match command {
        args::Audit::Verify { file: Some(file), head, json } => {
            let verdict = verify_file(&file, &heads(head.as_deref())?)?;
            Ok(report(&verdict, json))
        }
        args::Audit::Verify { file: None, head, json } => {
            let mut recorded = heads(head.as_deref())?;
            recorded.extend(read_head(&config.data_dir.join(HEAD_FILE)));
            let mut used = Used::open(config).await?;
            let verdict = audit::verify(used.database(), &recorded).await;
            used.close().await;
            Ok(report(&verdict?, json))
        }
        args::Audit::Export { out, format } => {
            let is_csv = format == "csv";
            let mut used = Used::open(config).await?;
            let done = match &out {
                Some(path) => {
                    let file = File::create_new(path);
                    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
                    export(used.database(), is_csv, BufWriter::new(file)).await
                }
                None => export(used.database(), is_csv, std::io::stdout().lock()).await,
            };
            used.close().await;
            let head = done?;
            if let Some(path) = out {
                say(&format!("{} entries are in {}.", head.seq, path.display()));
                say(&format!("Keep the end elsewhere: {}:{}", head.seq, head.hash));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// An end as `seq:hash`.
fn heads(text: Option<&str>) -> anyhow::Result<Vec<AuditHead>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let (seq, hash) = text.split_once(':').context("an end has the form NUMBER:HASH")?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    anyhow::ensure!(is_hash, "the hash of an end has 64 hexadecimal digits");
    let seq = seq.parse().context("the number of an end")?;
    Ok(vec![AuditHead { seq, hash: hash.to_ascii_lowercase() }])
}

fn verify_file(path: &Path, recorded: &[AuditHead]) -> anyhow::Result<AuditVerdict> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = BufReader::new(file);
    let mut checker = Checker::new(recorded);
    let (mut text, mut number, mut end) = (String::new(), 0_u64, None);
    loop {
        text.clear();
        let read = std::io::Read::take(&mut lines, LINE_MAX).read_line(&mut text)?;
        if read == 0 {
            break;
        }
        number += 1;
        match audit::parse(&text) {
            Err(why) => {
                let seq = checker.head().seq + 1;
                let why = format!("line {number} cannot be read: {why}");
                return Ok(checker.verdict(Some(audit::Fault { seq, why })));
            }
            Ok(Parsed::Empty) => {}
            Ok(Parsed::Head(head)) => end = Some(head),
            Ok(Parsed::Entry(entry)) => {
                if let Err(fault) = checker.take(&entry) {
                    return Ok(checker.verdict(Some(fault)));
                }
            }
        }
    }
    let fault = match &end {
        Some(end) => audit::check_head(checker.head(), end).err(),
        None => {
            let why = "the file has no end: it was cut off".to_owned();
            Some(audit::Fault { seq: checker.head().seq + 1, why })
        }
    };
    Ok(checker.verdict(fault.or_else(|| checker.missing())))
}

async fn export(
    database: &Database,
    is_csv: bool,
    mut out: impl Write,
) -> anyhow::Result<AuditHead> {
    let head = audit::head(database).await?;
    let (first, last) = frame(&head, is_csv);
    if !first.is_empty() {
        writeln!(out, "{first}")?;
    }
    let mut after = 0;
    while after < head.seq {
        let rows = audit::chunk(database, after).await?;
        let Some(newest) = rows.last() else { bail!("entries after {after} are missing") };
        after = newest.seq;
        for row in rows.iter().filter(|row| row.seq <= head.seq) {
            writeln!(out, "{}", line(row, is_csv))?;
        }
    }
    writeln!(out, "{last}")?;
    out.flush()?;
    Ok(head)
}

fn report(verdict: &AuditVerdict, json: bool) -> ExitCode {
    if json {
        say(&serde_json::json!(verdict).to_string());
    } else {
        match (&verdict.fault_at, &verdict.fault) {
            (Some(seq), Some(why)) => {
                say(&format!("Entry {seq} is at fault: {why}."));
                say(&format!("Up to entry {} the chain is whole.", verdict.checked));
            }
            _ => say(&format!("All {} entries are what was written.", verdict.checked)),
        }
        say(&format!("End of what is whole: {}:{}", verdict.head.seq, verdict.head.hash));
    }
    if verdict.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_and_a_hash() {
        let hash = "AB".repeat(32);
        let head = heads(Some(&format!("7:{hash}"))).expect("an end");
        assert_eq!(head, [AuditHead { seq: 7, hash: hash.to_lowercase() }]);
        for bad in ["7", "x:ab", "7:ab", &format!("7:{}", "zz".repeat(32))] {
            assert!(heads(Some(bad)).is_err(), "{bad}");
        }
    }
}
