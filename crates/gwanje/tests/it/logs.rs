//! What the running tower writes to its log, and changing it while it runs.

use serde_json::json;

use super::{
    docks::Docks,
    site::{Load, Site, run, until},
};

const PATH: &str = "/api/v1/system/log";

/// Lines of JSON in the log so far, of the tower alone.
fn lines(site: &Site) -> Vec<serde_json::Value> {
    let log = site.log();
    let parsed = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    parsed.filter(|line: &serde_json::Value| line["process"] == "tower").collect()
}

#[test]
fn one_dock_is_looked_at_closely_while_the_tower_runs() {
    run(Load::Light, async {
        let site = Site::start_as(|_| {
            vec![("GWANJE_LOG_FORMAT", "json".into()), ("GWANJE_LOG_LEVEL", "info".into())]
        })
        .await;
        let docks = Docks::online(&site, 2, "").await;
        let state = site.get(PATH).await.is(200);
        assert_eq!((&state["filter"], &state["configured"]), (&json!("info"), &json!("info")));
        // Transitions are told at `info`, with their device; telemetry is not.
        let told = lines(&site);
        assert!(told.iter().any(|line| line["span"]["device.sn"] == docks.sn(0)), "{told:?}");
        assert!(told.iter().all(|line| line["level"] != "TRACE"));

        // What is no filter changes nothing.
        let wrong = site.put(PATH, &json!({"filter": "loud[[="})).await;
        wrong.is_problem(422, "bad_input");
        let wrong = site.put(PATH, &json!({"filter": " "})).await;
        wrong.is_problem(422, "bad_input");
        assert_eq!(site.get(PATH).await.is(200)["filter"], "info");

        let filter = format!("info,[dock{{device.sn={}}}]=trace", docks.sn(1));
        let state = site.put(PATH, &json!({"filter": filter})).await.is(200);
        assert_eq!((&state["filter"], &state["configured"]), (&json!(filter), &json!("info")));
        until("messages of the one dock", async || {
            let close = lines(&site).into_iter().filter(|line| line["level"] == "TRACE");
            let close: Vec<_> = close.collect();
            assert!(close.iter().all(|line| line["span"]["device.sn"] == docks.sn(1)), "{close:?}");
            if close.len() > 3 { Ok(()) } else { Err(format!("{} lines", close.len())) }
        })
        .await;

        site.put(PATH, &json!({"filter": "off"})).await.is(200);
        let log = site.log();
        assert!(log.contains("the filter of the log was changed"), "{log}");
        // An order is traced; with the log off nothing of it is written.
        let taken = site.command(docks.sn(0), "debug_mode_open", "quietly").await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
        let trace = taken["trace_id"].as_str().unwrap();
        assert!(!site.log().contains(trace));
        site.put(PATH, &json!({"filter": "info"})).await.is(200);
        let taken = site.command(docks.sn(0), "debug_mode_close", "aloud").await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
        let trace = taken["trace_id"].as_str().unwrap();
        until("the steps of the order", async || {
            let steps: Vec<_> =
                lines(&site).into_iter().filter(|line| line["trace_id"] == trace).collect();
            let of_the_dock = |line: &serde_json::Value| line["span"]["device.sn"] == docks.sn(0);
            if steps.len() > 1 && steps.iter().all(of_the_dock) {
                Ok(())
            } else {
                Err(format!("{steps:?}"))
            }
        })
        .await;
    });
}
