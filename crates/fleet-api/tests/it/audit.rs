//! Who did what: every call that changes something leaves an entry, whatever becomes of it.

use std::sync::Mutex;

use fleet_api::{AuditLog, Kept};
use fleet_types::{
    CommandState, DeviceClass, ResponseCode,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
    people::{Membership, SiteRole},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    people::Site,
    support::{API_TOKEN, DOCK, Tower, command, device},
};

/// An audit in memory.
#[derive(Default)]
pub(crate) struct Book {
    entries: Mutex<Vec<AuditEntry>>,
    asked: Mutex<Vec<(Option<Uuid>, AuditFilter)>>,
}

impl Book {
    /// What was noted since the last time.
    pub(crate) fn take(&self) -> Vec<AuditEntry> {
        std::mem::take(&mut *self.entries.lock().unwrap())
    }

    #[track_caller]
    fn one(&self) -> AuditEntry {
        let mut all = self.take();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn chained(&self) -> Vec<ChainedEntry> {
        let chained = |(seq, entry): (i64, &AuditEntry)| ChainedEntry {
            seq,
            prev_hash: String::new(),
            hash: format!("{seq:064}"),
            content: serde_json::to_string(entry).unwrap(),
        };
        (1..).zip(self.entries.lock().unwrap().iter()).map(chained).collect()
    }
}

type Reply<'a, T> = BoxFuture<'a, Result<T, String>>;

impl AuditLog for Book {
    fn append(&self, entry: AuditEntry, done: Kept) {
        self.entries.lock().unwrap().push(entry);
        done(true);
    }

    fn page(&self, person: Option<Uuid>, filter: AuditFilter) -> Reply<'_, Vec<ChainedEntry>> {
        self.asked.lock().unwrap().push((person, filter));
        let mut all = self.chained();
        all.reverse();
        Box::pin(async { Ok(all) })
    }

    fn chunk(&self, after: i64) -> Reply<'_, Vec<ChainedEntry>> {
        let rest = self.chained().into_iter().filter(move |row| row.seq > after).take(2);
        let rest = rest.collect();
        Box::pin(async { Ok(rest) })
    }

    fn head(&self) -> Reply<'_, AuditHead> {
        let seq = i64::try_from(self.entries.lock().unwrap().len()).unwrap();
        Box::pin(async move { Ok(AuditHead { seq, hash: format!("{seq:064}") }) })
    }

    fn verify(&self) -> Reply<'_, AuditVerdict> {
        Box::pin(async {
            let head = AuditHead { seq: 2, hash: String::new() };
            let (fault_at, fault) = (Some(3), Some("it is missing".to_owned()));
            Ok(AuditVerdict { ok: false, checked: 2, head, fault_at, fault })
        })
    }

    fn line(&self, entry: &ChainedEntry, is_csv: bool) -> String {
        format!("{}{}", if is_csv { "csv " } else { "" }, entry.seq)
    }

    fn frame(&self, head: &AuditHead, is_csv: bool) -> (&'static str, String) {
        (if is_csv { "columns" } else { "" }, format!("end {}", head.seq))
    }
}

/// Every route of the description that names what the audit calls it.
fn audited() -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&fleet_api::openapi_json()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            if let Some(action) = operation["x-gwanje"]["audit"].as_str() {
                found.push((verb.to_uppercase(), path.clone(), action.to_owned()));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_route_that_changes_something_leaves_an_entry_even_when_it_is_refused() {
    let tower = Tower::with_dock().await;
    let routes = audited();
    assert!(routes.len() > 25, "{routes:?}");
    for (verb, path, action) in routes {
        let id = Uuid::from_u128(7).to_string();
        let mut real = path.replace("{sn}", DOCK);
        for name in ["{id}", "{session}", "{site}"] {
            real = real.replace(name, &id);
        }
        let real = real.replace("{item}", "rain");
        let answer = tower.call(&verb, &real, &json!({})).await;
        let entry = tower.audit.one();
        assert_eq!(entry.action, action, "{verb} {path}");
        assert_eq!((entry.actor.as_str(), entry.peer.as_deref()), ("token:api", Some("127.0.0.1")));
        let expect = match answer.status.as_u16() {
            200..=299 => ResponseCode::Ok,
            504 => ResponseCode::Unknown,
            500.. => ResponseCode::Failed,
            _ => ResponseCode::Rejected,
        };
        assert_eq!(entry.outcome, expect, "{verb} {path}: {:?}", answer.body);
        let code = (expect != ResponseCode::Ok).then(|| answer.json()["code"].clone());
        assert_eq!(entry.code.map(Value::from), code, "{verb} {path}");
        if path.contains("{sn}") {
            assert_eq!(entry.sn.unwrap().as_str(), DOCK, "{verb} {path}");
        }
    }
    // Looking leaves none.
    tower.get("/api/v1/devices").await.is(200);
    assert_eq!(tower.audit.take(), []);
}

#[tokio::test]
async fn an_entry_says_the_essentials_and_no_secret() {
    let site = Site::start().await;
    let tower = &site.tower;
    tower.bus.writer().try_write(device(DOCK, DeviceClass::Dock)).unwrap();
    tower.until("/api/v1/devices", |body| body["devices"].as_array().unwrap().len() == 1).await;
    tower.own_commands(|request| command(request, CommandState::Acknowledged));
    let kim = site.person("kim@example.kr", &[SiteRole::Operator]).account_id;
    let token = site.token("kim@example.kr").await;
    let entry = tower.audit.one();
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("user:kim@example.kr", "sign_in"));
    assert_eq!((entry.account_id, &entry.details["method"]), (Some(kim), &json!("password")));

    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let order = async |method: &str| {
        let body = json!({"method": method, "idempotency_key": format!("key-{method}")});
        let path = format!("/api/v1/devices/{DOCK}/commands");
        tower.raw("POST", &path, &headers, body.to_string().into()).await
    };
    let sent = order("return_home").await.is(202);
    let entry = tower.audit.one();
    assert_eq!((entry.action.as_str(), entry.outcome), ("command.create", ResponseCode::Ok));
    assert_eq!(entry.sn.unwrap().as_str(), DOCK);
    assert_eq!(json!(entry.trace_id), sent["trace_id"]);
    assert_eq!(entry.details["method"], "return_home");
    assert_eq!(entry.details["command_id"], sent["command_id"]);
    // Refused by right.
    order("ota_create").await.is_problem(403, "right_missing");
    let entry = tower.audit.one();
    assert_eq!(
        (entry.outcome, entry.code.as_deref()),
        (ResponseCode::Rejected, Some("right_missing"))
    );
    assert_eq!(entry.details["method"], "ota_create");
    let body = json!({"filter": "debug"}).to_string();
    let refused = tower.raw("PUT", "/api/v1/system/log", &headers, body.into()).await;
    refused.is_problem(403, "right_missing");
    assert_eq!(tower.audit.one().code.as_deref(), Some("right_missing"));

    let new = json!({"email": "lee@example.kr", "password": "a fresh secret"});
    tower.call("POST", "/auth/v1/admin/users", &new).await.is(200);
    let change = json!({"password": "another secret"});
    tower.call("PUT", &format!("/auth/v1/admin/users/{kim}"), &change).await.is(200);
    let entries = tower.audit.take();
    assert_eq!(entries[0].details["email"], "lee@example.kr");
    assert_eq!(entries[1].details["password"], true);
    let text = serde_json::to_string(&entries).unwrap();
    assert!(
        !text.contains("secret") && !text.contains(&token) && !text.contains(API_TOKEN),
        "{text}"
    );
}

#[tokio::test]
async fn guesses_are_told_of_once_and_counted() {
    let site = Site::start().await;
    let tower = &site.tower;
    site.person("kim@example.kr", &[SiteRole::Operator]);
    let body = json!({"email": "kim@example.kr", "password": "a wrong one"}).to_string();
    let headers = [("content-type", "application/json")];
    let path = "/auth/v1/token?grant_type=password";
    for _ in 0..30 {
        let answer = tower.raw("POST", path, &headers, body.clone().into()).await;
        assert!([400, 429].contains(&answer.status.as_u16()));
    }
    let first = tower.audit.one();
    assert_eq!((first.action.as_str(), first.outcome), ("sign_in", ResponseCode::Rejected));
    assert_eq!(
        (&first.details["count"], first.code.as_deref()),
        (&json!(1), Some("invalid_credentials"))
    );
    tower.api.tell_refusals(false);
    assert_eq!(tower.audit.take(), []);
    tower.api.tell_refusals(true);
    let rest = tower.audit.one();
    assert_eq!(
        (&rest.details["count"], &rest.details["email"]),
        (&json!(29), &json!("kim@example.kr"))
    );
    assert!(!serde_json::to_string(&rest).unwrap().contains("a wrong one"));
}

#[tokio::test]
async fn who_is_cut_off_leaves_an_entry_too() {
    let tower = Tower::with_dock().await;
    let planted = tower.call("POST", "/api/v1/docks", &json!({"sn": "PANIC"})).await;
    planted.is_problem(500, "internal");
    let entry = tower.audit.one();
    assert_eq!((entry.outcome, entry.code.as_deref()), (ResponseCode::Unknown, Some("cut_off")));
    assert_eq!(entry.sn.unwrap().as_str(), "PANIC");
}

#[tokio::test]
async fn the_audit_is_shown_to_those_who_may_and_given_out_whole() {
    let site = Site::start().await;
    let tower = &site.tower;
    let kim = site.person("kim@example.kr", &[SiteRole::Operator]).account_id;
    let token = site.token("kim@example.kr").await;
    let bearer = format!("Bearer {token}");
    let get = async |path: &str| {
        tower.raw("GET", path, &[("authorization", bearer.as_str())], Vec::new()).await
    };
    for path in ["/api/v1/audit", "/api/v1/audit/verify", "/api/v1/audit/export"] {
        get(path).await.is_problem(403, "right_missing");
    }
    let give = |site_id| {
        site.change(|known| {
            let role = SiteRole::Administrator;
            known.people.get_mut(&kim).unwrap().memberships = [Membership { role, site_id }].into();
        });
    };
    // Of one site: what was done there, and neither the whole nor its check.
    give(Some(fleet_types::people::DEFAULT_SITE));
    let page =
        get("/api/v1/audit?actor=user:kim@example.kr&outcome=rejected&limit=7&before=9").await;
    assert_eq!(page.is(200)["entries"], json!([]));
    let (person, filter) = tower.audit.asked.lock().unwrap().pop().unwrap();
    assert_eq!(person, Some(kim), "the database is asked as they may");
    assert_eq!((filter.limit, filter.before), (7, Some(9)));
    assert_eq!(filter.outcome, Some(ResponseCode::Rejected));
    get("/api/v1/audit/verify").await.is_problem(403, "right_missing");
    get("/api/v1/audit/export").await.is_problem(403, "right_missing");
    give(None);
    tower.audit.take();
    tower.call("PUT", "/api/v1/system/log", &json!({"filter": "info"})).await.is(200);
    tower.call("PUT", "/api/v1/system/log", &json!({"filter": "warn"})).await.is(200);
    let page = get("/api/v1/audit").await.is(200);
    assert_eq!(page["entries"][0]["entry"]["details"]["filter"], "warn");
    assert_eq!(page["entries"][1]["seq"], 1);
    let verdict = get("/api/v1/audit/verify").await.is(200);
    assert_eq!((&verdict["ok"], &verdict["fault_at"]), (&json!(false), &json!(3)));
    let file = get("/api/v1/audit/export?format=csv").await;
    assert_eq!(file.body, "columns\ncsv 1\ncsv 2\nend 2\n");
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(tower.audit.take().last().unwrap().action, "audit.export");
    let file = get("/api/v1/audit/export").await;
    assert_eq!(file.body, "end 0\n");
    get("/api/v1/audit/export?format=xml").await.is_problem(422, "bad_input");
    get("/api/v1/audit?limit=0").await.is_problem(422, "bad_input");
    get("/api/v1/audit?who=kim").await.is_problem(400, "bad_query");
}
