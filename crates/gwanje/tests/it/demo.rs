//! `gwanje demo` as scripts see it: one line, and an exit code that can be believed.

use std::process::Stdio;

use serde_json::Value;

use super::site::{GWANJE, Load, run, wants_long};

/// Runs a demonstration to its end: whether it calls itself good, and its summary.
async fn demo(args: &[&str]) -> (bool, Value) {
    let run = tokio::process::Command::new(GWANJE)
        .args(["demo", "--port", "0", "--json"])
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = run.await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    (output.status.success(), serde_json::from_str(&said).unwrap())
}

#[test]
fn a_demonstration_without_flight_ends_well_when_all_docks_came_up() {
    run(Load::Light, async {
        let (ok, summary) = demo(&["--docks", "3", "--no-flight", "--for", "20s"]).await;
        assert!(ok, "{summary}");
        assert_eq!((&summary["docks"], &summary["online"]), (&3.into(), &3.into()), "{summary}");
        assert_eq!(summary["threads_max"], 1, "{summary}");
        assert!(summary["osd_received"].as_u64() > Some(0), "{summary}");
        assert!(summary["rss_mb"].as_f64() > Some(0.0), "{summary}");
        assert!(summary["stall_ms_p99"].is_number(), "{summary}");
    });
}

#[test]
fn a_demonstration_whose_mission_did_not_end_is_a_failure() {
    run(Load::Light, async {
        let (ok, summary) = demo(&["--docks", "2", "--speed", "1", "--for", "12s"]).await;
        assert!(!ok, "{summary}");
        assert_eq!(summary["missions_ok"], 0, "{summary}");
    });
}

#[test]
fn a_whole_demonstration_flies_its_mission() {
    if !wants_long() {
        return;
    }
    run(Load::Light, async {
        let (ok, summary) = demo(&["--docks", "5", "--for", "90s"]).await;
        assert!(ok, "{summary}");
        assert_eq!((&summary["online"], &summary["missions_ok"]), (&5.into(), &1.into()));
        assert_eq!(summary["threads_max"], 1, "{summary}");
        assert!(summary["commands_ok"].as_u64() >= Some(4), "{summary}");
    });
}
