//! `cargo xtask dji-coverage`: how much of DJI's documentation `dji-cloud` types, proven.
//!
//! With `--facts` the digest of the documentation is made anew from the inventory; without, the
//! committed digest is used. Either way every field is tried ([`dji_cloud::coverage`]) and
//! `docs/dji-coverage.md` is written. It judges nothing about devices. Read next: [`digest`].

mod digest;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use dji_cloud::coverage::{Facts, Proof, prove, totals};

const DIGEST: &str = "crates/dji-cloud/tests/data/facts.json";
const REPORT: &str = "docs/dji-coverage.md";

/// What to try and what to print.
#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// The inventory of DJI's documentation (`methods.json`); the committed digest otherwise
    #[arg(long)]
    facts: Option<PathBuf>,
    /// Print `{"methods": [n, of], "fields": [n, of]}` only
    #[arg(long)]
    json: bool,
}

/// Tries everything; true when all of it counts.
pub(crate) fn run(args: &CoverageArgs) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let digest = root.join(DIGEST);
    let facts = match &args.facts {
        Some(inventory) => {
            let facts = digest::from_inventory(inventory)?;
            fs::write(&digest, compact(&facts)?).context("cannot write the digest")?;
            facts
        }
        None => serde_json::from_slice(&fs::read(&digest).context("cannot read the digest")?)?,
    };
    let proofs = prove(&facts);
    fs::write(root.join(REPORT), report(&facts, &proofs)).context("cannot write the report")?;
    let (methods, fields) = totals(&proofs, "dock2");
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{{\"methods\": {methods:?}, \"fields\": {fields:?}}}")?;
    } else {
        for proof in &proofs {
            if let Some(fault) = &proof.fault {
                writeln!(out, "{}: {fault}", name(proof))?;
            }
            for field in &proof.fields {
                if let Some(fault) = &field.fault {
                    writeln!(out, "{} {}: {fault}", name(proof), field.path)?;
                } else if field.is_closed == Some(false) {
                    writeln!(out, "{} {}: an open enum", name(proof), field.path)?;
                }
            }
        }
        writeln!(out, "records {}/{}, fields {}/{}", methods[0], methods[1], fields[0], fields[1])?;
    }
    Ok(proofs.iter().all(Proof::holds))
}

/// One line a record: small, and a change of one shows as one line.
fn compact(facts: &Facts) -> Result<String> {
    let records: Result<Vec<String>, _> = facts.records.iter().map(serde_json::to_string).collect();
    let source = serde_json::to_string(&facts.source)?;
    Ok(format!("{{\"source\":{source},\"records\":[\n{}\n]}}\n", records?.join(",\n")))
}

fn name(proof: &Proof<'_>) -> String {
    let record = proof.record;
    format!("{} {} {} {}", record.product, record.domain, record.kind, record.method)
}

fn report(facts: &Facts, proofs: &[Proof<'_>]) -> String {
    let mut out = format!(
        "# What of DJI's documentation is typed\n\n\
         Written by `cargo xtask dji-coverage`; do not edit. Source: {}.\n\n\
         A field counts when payloads made from the documentation, one for each of its documented\n\
         values, land in its typed slot and come back equal, with nothing reported about it. This\n\
         proves agreement with the documentation, not with a device.\n\n",
        facts.source
    );
    let sets = [
        ("dock2", "Dock 2, Matrice 3D/3TD"),
        ("dock1", "Only the first Dock"),
        ("dock1_m30", "Properties of the first Dock and the Matrice 30"),
        ("rc_pro", "Only the RC Pro"),
        ("undocumented", "Outside the reference"),
        ("newer", "Newer than the documentation, unproven"),
    ];
    out.push_str("| documentation | records | fields |\n|-|-|-|\n");
    for (set, title) in sets {
        let (records, fields) = totals(proofs, set);
        let [records, fields] = [records, fields].map(|[done, of]| format!("{done}/{of}"));
        let _ = writeln!(out, "| {title} | {records} | {fields} |");
    }
    let closed = |state: bool| {
        let fields = proofs.iter().flat_map(|proof| &proof.fields);
        fields.filter(|field| field.is_closed == Some(state)).count()
    };
    let _ = writeln!(
        out,
        "\nEnums that report a value outside their list: {} of {}.\n",
        closed(true),
        closed(true) + closed(false)
    );
    out.push_str("## Dock 2 by page\n\n| page | kind | records | fields |\n|-|-|-|-|\n");
    let mut pages: BTreeMap<(&str, &str), [usize; 4]> = BTreeMap::new();
    for proof in proofs.iter().filter(|proof| proof.record.set == "dock2") {
        let counts = pages.entry((&proof.record.domain, &proof.record.kind)).or_default();
        counts[0] += usize::from(proof.holds());
        counts[1] += 1;
        counts[2] += proof.fields.iter().filter(|field| field.fault.is_none()).count();
        counts[3] += proof.fields.len();
    }
    for ((page, kind), [done, of, fields, all]) in pages {
        let _ = writeln!(out, "| {page} | {kind} | {done}/{of} | {fields}/{all} |");
    }
    out.push_str("\n## What does not count\n\n");
    let before = out.len();
    for proof in proofs.iter().filter(|proof| !proof.holds()) {
        let _ = writeln!(out, "- {}", name(proof));
        for field in proof.fields.iter().filter(|field| field.fault.is_some()) {
            let fault = field.fault.as_deref().unwrap_or_default();
            let _ = writeln!(out, "  - `{}`: {fault}", field.path);
        }
    }
    if out.len() == before {
        out.push_str("Nothing.\n");
    }
    out.push_str(UNTYPED);
    out
}

const UNTYPED: &str = "
## Where a `serde_json::Value` stays

| where | why |
|-|-|
| `drift::Drift::unknown` | fields that no documentation knows, kept small and shown |
| `leaf::LeafRef::to_value` | a leaf that is an array is recorded and shown as JSON |
| `property::check`, `encode::property_set` | a value given by a caller, checked by path before it is sent |
| `coverage` | payloads made from the facts, to be compared |

No body of a message has one. OSD and state stay raw until the caller says whose they are, and so
do methods that are not known.
";
