//! What may be asked of a dock, and when; each command executed once.

use futures_util::future::join_all;
use serde_json::json;

use super::{
    docks::Docks,
    site::{Load, Site, run},
};

#[test]
fn hardware_moves_in_debug_mode_alone() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let sn = docks.sn(0);
        let refused =
            site.command(sn, "cover_open", "early").await.is_problem(409, "needs_debug_mode");
        assert_eq!(refused["command"]["state"], "rejected", "{refused}");
        assert_eq!(docks.truth(0).received("cover_open"), 0);

        docks.debug(&site, 0).await;
        let open = site.command(sn, "cover_open", "open").await.is(202);
        let moving = site.until_command(&open, &["acknowledged", "succeeded"]).await;
        assert_ne!(moving["state"], "failed", "{moving}");
        let done = site.until_command(&open, &["succeeded", "failed", "unknown"]).await;
        assert_eq!(done["state"], "succeeded", "{done}");
        assert_eq!(done["response_code"], "ok", "{done}");
        assert_eq!(done["progress"]["percent"], 100, "{done}");
        let steps: Vec<_> =
            done["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
        let mut rest = steps.iter();
        for wanted in ["accepted", "journaled", "sent", "acknowledged", "finished"] {
            assert!(rest.any(|step| *step == json!(wanted)), "no {wanted} in order: {steps:?}");
        }
        let path = format!("/api/v1/devices/{sn}");
        site.until("the open cover to show", &path, |page| {
            page["telemetry"]["cover_state"]["value"] == 1
        })
        .await;
        // The dock is not ready for a flight like this.
        docks.fly(&site, 0, "flight").await.is_problem(409, "dock_busy");

        let close = site.command(sn, "cover_close", "close").await.is(202);
        let done = site.until_command(&close, &["succeeded", "failed", "unknown"]).await;
        assert_eq!(done["state"], "succeeded", "{done}");
        let off = site.command(sn, "debug_mode_close", "off").await.is(202);
        site.until_command(&off, &["succeeded"]).await;
        let late = site.command(sn, "cover_open", "late").await;
        late.is_problem(409, "needs_debug_mode");
        let truth = docks.truth(0);
        assert_eq!((truth.executions("cover_open"), truth.executions("cover_close")), (1, 1));
    });
}

#[test]
fn the_light_is_on_when_telemetry_shows_it() {
    run(Load::Light, async {
        let site = Site::start().await;
        // The second dock says "done" and does nothing.
        let docks = Docks::online(&site, 2, "no_effect@1,only=supplement_light_open").await;
        for index in [0, 1] {
            docks.debug(&site, index).await;
        }
        let real = site.command(docks.sn(0), "supplement_light_open", "on").await.is(202);
        let idle = site.command(docks.sn(1), "supplement_light_open", "on").await.is(202);
        let done = site.until_command(&real, &["succeeded", "failed", "unknown"]).await;
        assert_eq!(done["state"], "succeeded", "{done}");
        let page = docks.page(&site, 0).await;
        assert_eq!(page["telemetry"]["supplement_light_state"]["value"], true, "{page}");
        let done = site.until_command(&idle, &["succeeded", "failed", "unknown"]).await;
        assert_ne!(done["state"], "succeeded", "believed a bare word: {done}");
    });
}

#[test]
fn one_key_is_one_execution() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let sn = docks.sn(0);
        docks.debug(&site, 0).await;
        let asked = join_all((0..8).map(|_| site.command(sn, "cover_open", "one-key"))).await;
        let ids: std::collections::BTreeSet<_> = asked
            .iter()
            .map(|answer| {
                assert!(answer.status == 202 || answer.status == 200, "{}", answer.text());
                answer.json()["command_id"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let done = site.until_command(&asked[0].json(), &["succeeded", "failed"]).await;
        assert_eq!(done["state"], "succeeded", "{done}");
        let again = site.command(sn, "cover_open", "one-key").await.is(200);
        assert_eq!(again["command_id"], done["command_id"]);
        assert_eq!(again["state"], "succeeded");
        site.command(sn, "cover_close", "one-key").await.is_problem(409, "idempotency_conflict");
        let truth = docks.truth(0);
        assert_eq!((truth.received("cover_open"), truth.received("cover_close")), (1, 0));
        assert_eq!(truth.executions_of_tid(done["command_id"].as_str().unwrap()), 1);
    });
}

#[test]
fn what_is_not_offered_is_not_sent() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let sn = docks.sn(0);
        for (method, key) in [("device_format", "a"), ("cover_force_close", "b"), ("nonsense", "c")]
        {
            let answer = site.command(sn, method, key).await;
            assert!(answer.status.is_client_error(), "{method}: {}", answer.text());
        }
        assert_eq!(site.command("NOBODY", "cover_open", "k").await.status, 404);
        assert_eq!(docks.truth(0).records().count(), 0);
    });
}
