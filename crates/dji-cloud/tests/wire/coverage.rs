//! The whole documentation is typed, by the committed digest of its facts.

use std::collections::BTreeSet;

use dji_cloud::coverage::{Facts, prove, totals};

/// The committed digest; see `cargo xtask dji-coverage`.
pub(crate) fn facts() -> Facts {
    serde_json::from_str(include_str!("../data/facts.json")).unwrap()
}

#[test]
fn every_documented_record_and_field_counts() {
    let facts = facts();
    let proofs = prove(&facts);
    let mut faults = Vec::new();
    for proof in &proofs {
        let name =
            format!("{} {} {}", proof.record.product, proof.record.kind, proof.record.method);
        faults.extend(proof.fault.iter().map(|fault| format!("{name}: {fault}")));
        for field in &proof.fields {
            faults
                .extend(field.fault.iter().map(|fault| format!("{name} {}: {fault}", field.path)));
            if field.is_closed == Some(false) {
                faults.push(format!("{name} {}: takes any value in silence", field.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(totals(&proofs, "dock2"), ([172, 172], [1282, 1282]));
    for (set, records) in
        [("dock1", 10), ("rc_pro", 3), ("undocumented", 4), ("dock1_m30", 15), ("newer", 40)]
    {
        assert_eq!(totals(&proofs, set).0, [records, records], "{set}");
    }
}

#[test]
fn a_field_that_is_not_typed_does_not_count() {
    let mut facts = facts();
    facts.records.retain(|record| record.method == "flighttask_ready" && record.kind == "event");
    facts.records[0].data[0].0 = "flight_idz[]".to_owned();
    assert_eq!(totals(&prove(&facts), "dock2").0, [0, 1]);
    facts.records[0].method = "no_such_method".to_owned();
    let proofs = prove(&facts);
    assert!(proofs[0].fault.is_some() && !proofs[0].holds());
}

#[test]
fn the_digest_holds_every_method_that_can_be_read_or_written() {
    let facts = facts();
    let methods: BTreeSet<&str> = facts.records.iter().map(|record| &*record.method).collect();
    let typed = dji_cloud::Call::METHODS
        .iter()
        .chain(dji_cloud::DrcDown::METHODS)
        .chain(dji_cloud::Event::METHODS)
        .chain(dji_cloud::Request::METHODS)
        .chain(dji_cloud::drc_link::DrcPush::METHODS)
        .chain(dji_cloud::event::JOB_EVENTS);
    for method in typed {
        assert!(methods.contains(method), "{method} is in no documentation");
    }
}
