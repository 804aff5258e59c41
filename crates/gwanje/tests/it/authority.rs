//! Who commands a dock, at the running program: two people with accounts, one simulated dock.

use serde_json::{Value, json};

use super::{
    audit::entries,
    docks::Docks,
    http::Answer,
    people::{create, token},
    site::{Load, Site, run},
};

/// A caller with an account.
struct Caller<'a> {
    site: &'a Site,
    bearer: String,
}

impl<'a> Caller<'a> {
    async fn new(site: &'a Site, email: &str, role: &str) -> Self {
        create(site, email, role).await;
        Self { site, bearer: format!("Bearer {}", token(site, email).await) }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let headers =
            [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        self.site.raw("POST", path, &headers, body.to_string()).await
    }

    async fn wants(&self, sn: &str, action: Value) -> Answer {
        let mut body = json!({"scope": "flight"});
        body.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
        self.post(&format!("/api/v1/devices/{sn}/authority"), body).await
    }

    async fn command(&self, sn: &str, method: &str, key: &str) -> Answer {
        let body =
            json!({"method": method, "data": null, "idempotency_key": key, "expires_in_ms": 5_000});
        self.post(&format!("/api/v1/devices/{sn}/commands"), body).await
    }
}

/// Who has it, by the device itself.
async fn holder(site: &Site, sn: &str) -> Option<String> {
    let page = site.get(&format!("/api/v1/devices/{sn}")).await.is(200);
    page["device"]["authority"]["flight"]["holder"]["who"].as_str().map(str::to_owned)
}

#[test]
fn one_has_the_dock_the_other_is_kept_out_but_for_what_brings_home() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let sn = docks.sn(0);
        let kim = Caller::new(&site, "kim@site.test", "engineer").await;
        let lee = Caller::new(&site, "lee@site.test", "engineer").await;
        let viewer = Caller::new(&site, "guest@site.test", "viewer").await;
        let take = json!({"action": "take"});
        assert_eq!(viewer.wants(sn, take.clone()).await.is(403)["code"], "right_missing");

        let taken = kim.wants(sn, take.clone()).await.is(200);
        assert_eq!(taken["flight"]["holder"]["who"], "user:kim@site.test");
        assert_eq!(holder(&site, sn).await.as_deref(), Some("user:kim@site.test"));
        let refused = lee.wants(sn, take.clone()).await.is(409);
        assert_eq!(refused["code"], "authority_held");
        assert_eq!(refused["authority"]["flight"]["holder"]["who"], "user:kim@site.test");
        let refused = lee.command(sn, "debug_mode_open", "lee-1").await.is(409);
        assert_eq!(refused["code"], "authority_held");
        assert_eq!(docks.truth(0).received("debug_mode_open"), 0);
        // Where there is no flight it is refused for that, not for who has the dock.
        let home = lee.command(sn, "return_home", "lee-2").await;
        assert_ne!(home.json()["code"], "authority_held", "{}", home.text());

        // Asked for and handed over, the same order is carried out.
        let none = lee.wants(sn, json!({"action": "hand_over", "to": "user:lee@site.test"})).await;
        assert_eq!(none.is(409)["code"], "authority_held");
        let asked = lee.wants(sn, json!({"action": "ask", "note": "my turn"})).await.is(200);
        assert_eq!(asked["asked"][0]["note"], "my turn");
        let given = kim.wants(sn, json!({"action": "hand_over", "to": "user:lee@site.test"})).await;
        assert_eq!(given.is(200)["flight"]["holder"]["who"], "user:lee@site.test");
        lee.command(sn, "debug_mode_open", "lee-3").await.is(202);
        let page = format!("/api/v1/devices/{sn}");
        let is_debugged = |page: &Value| page["device"]["activity"] == "remote_debugging";
        site.until("debug mode", &page, is_debugged).await;
        let kims = kim.command(sn, "supplement_light_open", "kim-1").await.is(409);
        assert_eq!(kims["code"], "authority_held");

        // Of equal rank nobody takes over; whoever answers for the tower does, and says why.
        let over = json!({"action": "take_over", "note": "cover is stuck"});
        assert_eq!(kim.wants(sn, over.clone()).await.is(409)["code"], "authority_rank");
        let path = format!("/api/v1/devices/{sn}/authority");
        let mine = site
            .post(
                &path,
                &json!({"scope": "flight", "action": "take_over", "note": "cover is stuck"}),
            )
            .await;
        assert_eq!(mine.is(200)["flight"]["holder"]["who"], "token:api");
        site.post(&path, &json!({"scope": "flight", "action": "release"})).await.is(200);
        assert_eq!(holder(&site, sn).await, None);
        let again = site.post(&path, &json!({"scope": "flight", "action": "release"})).await;
        assert_eq!(again.is(409)["code"], "no_authority");

        // On record: what was asked, refused or not, and who had it; not that its holder is still there.
        let fence = kim.wants(sn, take.clone()).await.is(200)["flight"]["fence"].clone();
        kim.wants(sn, json!({"action": "renew", "fence": fence})).await.is(200);
        let told = entries(&site, "authority.outcome", 4).await;
        let how: Vec<_> =
            told.iter().map(|entry| entry["details"]["how"].as_str().unwrap()).collect();
        assert_eq!(how, ["taken", "taken_over", "handed_over", "taken"], "newest first");
        assert_eq!(told[2]["actor"], "user:kim@site.test", "{told:?}");
        assert_eq!(told[2]["details"]["holder"], "user:lee@site.test", "{told:?}");
        let asked = entries(&site, "authority.change", 11).await;
        let wanted = asked.iter().map(|entry| entry["details"]["wanted"]["action"].as_str());
        assert!(wanted.clone().all(|action| action != Some("renew")), "{asked:?}");
        assert_eq!(wanted.filter(|action| *action == Some("take_over")).count(), 2, "{asked:?}");
    });
}

#[test]
fn what_is_no_wish_is_refused_with_what_is_wrong() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let path = format!("/api/v1/devices/{}/authority", docks.sn(0));
        for body in [
            json!({"scope": "flight"}),
            json!({"scope": "flight", "action": "grab"}),
            json!({"scope": "everything", "action": "take"}),
            json!({"scope": "flight", "action": "take_over", "note": "  "}),
            json!({"scope": "flight", "action": "ask", "note": "x".repeat(501)}),
            json!({"scope": "flight", "action": "renew", "fence": -1}),
        ] {
            let answer = site.post(&path, &body).await;
            assert_eq!(answer.status.as_u16(), 422, "{body}: {}", answer.text());
        }
        let take = json!({"scope": "flight", "action": "take"});
        site.post("/api/v1/devices/NOBODY/authority", &take).await.is(404);
        assert_eq!(holder(&site, docks.sn(0)).await, None);
    });
}
