//! Who did what, at the running program: on record whatever was done by whichever way, verified and
//! given out by the command line, and found when somebody changed it.

use serde_json::{Value, json};

use super::{
    database::{gwanje, sql},
    docks::Docks,
    site::{Load, Site, run, until},
};

/// The entries of one action, newest first, once there are as many.
pub(crate) async fn entries(site: &Site, action: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/audit?action={action}");
    let page = site
        .until(action, &path, |page| {
            page["entries"].as_array().is_some_and(|all| all.len() >= count)
        })
        .await;
    let all = page["entries"].as_array().unwrap();
    assert_eq!(all.len(), count, "{page}");
    all.iter().map(|row| row["entry"].clone()).collect()
}

#[test]
fn what_was_done_is_on_record_verified_given_out_and_found_when_it_was_changed() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let sn = docks.sn(0);
        let order = site.command(sn, "return_home", "home").await;
        // Whatever the dock says: it was asked for, by whom, from where, and it came to an end.
        let asked = entries(&site, "command.create", 1).await.remove(0);
        assert_eq!((&asked["actor"], &asked["sn"]), (&json!("token:api"), &json!(sn)), "{asked}");
        assert_eq!(
            (&asked["peer"], &asked["details"]["method"]),
            (&json!("127.0.0.1"), &json!("return_home"))
        );
        let outcome = entries(&site, "command.outcome", 1).await.remove(0);
        assert_eq!(outcome["details"]["counter_action"], true, "{outcome} {}", order.text());
        assert_eq!(outcome["trace_id"], asked["trace_id"]);
        entries(&site, "dock.enrol", 1).await;
        let started = entries(&site, "tower.start", 1).await.remove(0);
        assert_eq!(started["details"]["config_sha256"].as_str().unwrap().len(), 64);
        // Without the tower's help: the command line leaves it, the tower takes it up.
        let (is_made, said) = gwanje(&site, &["ca", "init"]);
        assert!(is_made, "{said}");
        let made = entries(&site, "certificate.authority", 3).await;
        assert!(made.iter().all(|entry| entry["actor"].as_str().unwrap().starts_with("cli:")));
        assert!(gwanje(&site, &["log", "debug"]).0);
        let changed = entries(&site, "log.set", 1).await.remove(0);
        assert_eq!(changed["details"]["filter"], "debug");

        let (is_whole, said) = gwanje(&site, &["audit", "verify"]);
        assert!(is_whole && said.contains("are what was written"), "{said}");
        let file = site.data_dir().join("audit.csv");
        let path = file.to_str().unwrap();
        let (is_out, said) = gwanje(&site, &["audit", "export", "--out", path, "--format", "csv"]);
        assert!(is_out, "{said}");
        let end = said.split("elsewhere: ").nth(1).unwrap().split_whitespace().next().unwrap();
        let end = end.to_owned();
        let (is_whole, said) = gwanje(&site, &["audit", "verify", "--file", path, "--head", &end]);
        assert!(is_whole, "{said}");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("return_home", "cover_open", 1)).unwrap();
        let (is_whole, said) = gwanje(&site, &["audit", "verify", "--file", path]);
        assert!(!is_whole && said.contains("is at fault"), "{said}");
        std::fs::write(&file, text.lines().take(3).collect::<Vec<_>>().join("\n")).unwrap();
        let (is_whole, said) = gwanje(&site, &["audit", "verify", "--file", path]);
        assert!(!is_whole && said.contains("cut off"), "{said}");

        // Once the end is recorded beside the database, cutting it off there does not help.
        let head = site.data_dir().join("audit-head");
        until("the end to be recorded", async || {
            head.exists().then_some(()).ok_or_else(|| "no file".to_owned())
        })
        .await;
        let recorded: Value = serde_json::from_slice(&std::fs::read(&head).unwrap()).unwrap();
        let seq = recorded["seq"].as_i64().unwrap();
        let order = "select seq from audit where action = 'command.create'";
        let order: i64 = sql(&site, order).parse().unwrap();
        sql(
            &site,
            "set session_replication_role = replica; update audit set content = replace(content, 'return_home', 'cover_open') where action = 'command.create'",
        );
        let (is_whole, said) = gwanje(&site, &["audit", "verify"]);
        assert!(!is_whole && said.contains(&format!("Entry {order} is at fault")), "{said}");
        let verdict = site.get("/api/v1/audit/verify").await.is(200);
        assert_eq!((&verdict["ok"], &verdict["fault_at"]), (&json!(false), &json!(order)));
        sql(&site, &format!(
            "set session_replication_role = replica;
             update audit set content = replace(content, 'cover_open', 'return_home') where seq = {order};
             delete from audit where seq >= {seq};
             update gwanje.audit_head h set seq = {seq} - 1, hash = coalesce(
               (select hash from audit where seq = {seq} - 1), decode(repeat('00', 32), 'hex'))"
        ));
        let (is_whole, said) = gwanje(&site, &["audit", "verify"]);
        assert!(!is_whole && said.contains("cut off"), "{said}");
    });
}
