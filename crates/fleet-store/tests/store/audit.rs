//! The audit on a real PostgreSQL: one chain whoever writes, tampering found where it was done, what
//! each may see, and entries that wait while the database is away.

use fleet_store::{
    Database, StoreError,
    audit::{self, Audit, Fault},
};
use fleet_types::{
    DeviceSn, ResponseCode, WallMs,
    audit::{AuditEntry, AuditFilter, AuditHead},
    people::SiteRole,
    rights::{Permission, may},
};
use rustix::process::Signal;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{cluster::Cluster, recorder::SpoolProcess};

const NORTH: Uuid = Uuid::from_u128(0xaa);
const SOUTH: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0002);

fn entry(n: u32) -> AuditEntry {
    let id = Uuid::from_u128(u128::from(n) + 1);
    AuditEntry::new(id, WallMs(i64::from(n)), format!("user:kim{}", n % 3), "alarm.shelve")
        .with("n", n)
}

async fn told(audit: &Audit, entry: AuditEntry) -> oneshot::Receiver<Result<(), StoreError>> {
    let (sender, receiver) = oneshot::channel();
    audit.append(entry, Box::new(move |done| drop(sender.send(done))));
    receiver
}

/// A tower's own connections and writer.
async fn writer(cluster: &Cluster) -> (Database, Audit) {
    let database = cluster.connect().await;
    let (audit, writer) = Audit::new(database.clone());
    tokio::spawn(writer.run());
    (database, audit)
}

/// A chain of twelve entries.
async fn twelve(cluster: &Cluster) -> Database {
    cluster.migrated().await;
    let (database, audit) = writer(cluster).await;
    for n in 0..12 {
        told(&audit, entry(n)).await.await.unwrap().unwrap();
    }
    database
}

/// Does what nobody may, as somebody who can.
fn force(cluster: &Cluster, sql: &str) {
    cluster.psql(&format!("set session_replication_role = replica; {sql}"));
}

async fn fault(database: &Database, recorded: &[AuditHead]) -> Option<Fault> {
    let verdict = audit::verify(database, recorded).await.unwrap();
    assert_eq!(verdict.ok, verdict.fault.is_none());
    verdict.fault.map(|why| Fault { seq: verdict.fault_at.unwrap(), why })
}

async fn is_found(database: &Database, recorded: &[AuditHead], seq: i64, words: &str) {
    let found = fault(database, recorded).await.expect("nothing was found");
    assert_eq!(found.seq, seq, "{found:?}");
    assert!(found.why.contains(words), "{found:?}");
}

#[tokio::test]
async fn towers_that_write_at_once_make_one_chain_and_an_entry_is_kept_once() {
    let cluster = Cluster::start();
    cluster.migrated().await;
    let towers = [writer(&cluster).await, writer(&cluster).await, writer(&cluster).await];
    let mut waiting = Vec::new();
    for n in 0..300_u32 {
        let (_, audit) = &towers[n as usize % 3];
        waiting.push(told(audit, entry(n)).await);
        // A replay of what may have been written.
        waiting.push(told(&towers[0].1, entry(n)).await);
    }
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    let verdict = audit::verify(&towers[0].0, &[]).await.unwrap();
    assert!(verdict.ok, "{verdict:?}");
    assert_eq!((verdict.checked, verdict.head.seq), (300, 300));
}

#[tokio::test]
async fn nobody_changes_or_deletes_without_force() {
    let cluster = Cluster::start();
    let database = twelve(&cluster).await;
    let content = "update audit set content = '{}'";
    for change in
        [content, "delete from audit", "truncate audit", "update audit set seq = seq + 99"]
    {
        // Not even with the setting by which retention deletes old records.
        let session = database.session().await.unwrap();
        let change = format!("begin; set local gwanje.retention = 'on'; {change}");
        let error = session.batch(&change).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{change}: {error}");
    }
    // What is searched for is made of what was written, and of nothing else.
    let session = database.session().await.unwrap();
    let error = session.batch("update audit set actor = 'lee'").await.unwrap_err().to_string();
    assert!(error.contains("actor"), "{error}");
    assert_eq!(fault(&database, &[]).await, None);
}

#[tokio::test]
async fn a_row_that_is_changed_deleted_or_put_in_is_found_by_its_number() {
    let cluster = Cluster::start();
    let database = twelve(&cluster).await;
    let end = audit::head(&database).await.unwrap();
    let keep = "create table kept as select seq, content, prev_hash, hash from audit";
    cluster.psql(&format!("{keep}; create table head as table gwanje.audit_head"));
    let again = || {
        force(
            &cluster,
            "delete from audit;
             insert into audit (seq, content, prev_hash, hash)
             select seq, content, prev_hash, hash from kept;
             update gwanje.audit_head h set (seq, hash) = (select seq, hash from head)",
        );
    };
    // Changed: its content, or its hash as well.
    force(&cluster, "update audit set content = replace(content, 'kim1', 'lee1') where seq = 5");
    is_found(&database, &[], 5, "not what was written").await;
    let own = "hash = sha256(prev_hash || int8send(seq) || convert_to(content, 'UTF8'))";
    force(&cluster, &format!("update audit set {own} where seq = 5"));
    is_found(&database, &[], 6, "does not follow").await;
    again();
    assert_eq!(fault(&database, &[]).await, None);
    // Deleted, and the gap closed.
    force(&cluster, "delete from audit where seq = 7");
    is_found(&database, &[], 7, "missing").await;
    force(&cluster, "update audit set seq = seq - 1 where seq > 7");
    is_found(&database, &[], 7, "deleted").await;
    again();
    // Put in, with hashes of its own that fit.
    force(
        &cluster,
        "update audit set seq = seq + 100 where seq > 3; update audit set seq = seq - 99 where seq > 100;
         insert into audit (seq, content, prev_hash, hash)
         select 4, content, prev_hash, sha256(prev_hash || int8send(4) || convert_to(content, 'UTF8'))
         from (select replace(content, '\"n\":3', '\"n\":99') as content, prev_hash
               from (select jsonb_set(content::jsonb, '{id}', to_jsonb(gen_random_uuid()))::text as content,
                            prev_hash from audit where seq = 5) one) two",
    );
    is_found(&database, &[], 4, "put in").await;
    again();
    // Put in behind the end.
    force(
        &cluster,
        "insert into audit (seq, content, prev_hash, hash)
         select 13, jsonb_set(content::jsonb, '{id}', to_jsonb(gen_random_uuid()))::text, hash, hash
         from audit where seq = 12",
    );
    is_found(&database, &[], 13, "behind the recorded end").await;
    again();
    // Cut off; and with the database's own record of the end, found by one kept elsewhere.
    force(&cluster, "delete from audit where seq > 9");
    is_found(&database, &[], 10, "cut off").await;
    force(
        &cluster,
        "update gwanje.audit_head h set (seq, hash) = (select seq, hash from audit where seq = 9)",
    );
    assert_eq!(fault(&database, &[]).await, None);
    is_found(&database, std::slice::from_ref(&end), 10, "cut off").await;
    again();
    assert_eq!(fault(&database, &[end]).await, None);
}

#[tokio::test]
async fn entries_are_found_by_what_is_asked_page_by_page() {
    let cluster = Cluster::start();
    let database = twelve(&cluster).await;
    let audit = writer(&cluster).await.1;
    let mut last = entry(12);
    last.action = "alarm".to_owned();
    (last.outcome, last.sn) = (ResponseCode::Rejected, DeviceSn::new("NORTH").ok());
    told(&audit, last).await.await.unwrap().unwrap();
    let found = async |filter: AuditFilter| {
        let filter = AuditFilter { limit: filter.limit.max(100), ..filter };
        let page = audit::page(&database, None, &filter).await.unwrap();
        page.iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(found(all.clone()).await, (1..=13).rev().collect::<Vec<_>>());
    let actor = Some("user:kim1".to_owned());
    assert_eq!(found(AuditFilter { actor, ..all.clone() }).await, [11, 8, 5, 2]);
    let span = (Some(WallMs(3)), Some(WallMs(5)));
    let time = AuditFilter { from_ms: span.0, until_ms: span.1, ..all.clone() };
    assert_eq!(found(time).await, [5, 4]);
    let action = |name: &str| AuditFilter { action: Some(name.to_owned()), ..all.clone() };
    assert_eq!(found(action("alarm")).await.len(), 13);
    assert_eq!(found(action("alarm.shelve")).await.len(), 12);
    assert_eq!(found(action("alar")).await.len(), 0);
    assert_eq!(found(action("al%")).await.len(), 0);
    let outcome = Some(ResponseCode::Rejected);
    assert_eq!(found(AuditFilter { outcome, ..all.clone() }).await, [13]);
    let sn = DeviceSn::new("NORTH").ok();
    assert_eq!(found(AuditFilter { sn, ..all.clone() }).await, [13]);
    let page = AuditFilter { before: Some(9), limit: 3, ..all };
    let page = audit::page(&database, None, &page).await.unwrap();
    assert_eq!(page.iter().map(|row| row.seq).collect::<Vec<_>>(), [8, 7, 6]);
    let read: AuditEntry = serde_json::from_str(&page[0].content).unwrap();
    assert_eq!(read, entry(7));
}

#[tokio::test]
async fn each_sees_what_was_done_at_their_sites_by_the_database_s_word() {
    let cluster = Cluster::start();
    cluster.migrated().await;
    let (database, audit) = writer(&cluster).await;
    cluster.psql(&format!(
        "insert into sites (site_id, organisation_id, name)
           values ('{NORTH}', '00000000-0000-4000-8000-000000000001', 'N');
         insert into devices (sn, class, site_id)
           values ('SOUTH', 'dock', '{SOUTH}'), ('NORTH', 'dock', '{NORTH}')"
    ));
    let about = |n, sn: Option<&str>, site_id| AuditEntry {
        sn: sn.map(|sn| DeviceSn::new(sn).unwrap()),
        site_id,
        ..entry(n)
    };
    let rows = [
        about(1, Some("NORTH"), None),
        about(2, Some("SOUTH"), None),
        about(3, None, Some(NORTH)),
        about(4, None, None),
        about(5, Some("GONE"), Some(NORTH)),
    ];
    for row in rows {
        told(&audit, row).await.await.unwrap().unwrap();
    }
    let seen = async |person| {
        let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
        let page = audit::page(&database, Some(person), &filter).await.unwrap();
        page.iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    for (n, role) in (1..).zip(SiteRole::ALL) {
        let (here, everywhere) = (Uuid::from_u128(0xf000 + n), Uuid::from_u128(0xe000 + n));
        cluster.psql(&format!(
            "insert into memberships (user_id, site_id, role, granted_by)
             values ('{here}', '{NORTH}', '{0}', 'x'), ('{everywhere}', null, '{0}', 'x')",
            role.name()
        ));
        // The policies say what the table of rights says.
        let sees = may(role, Permission::Audit);
        let (of_site, of_all) =
            if sees { (vec![3, 1], vec![5, 4, 3, 2, 1]) } else { Default::default() };
        assert_eq!((seen(here).await, seen(everywhere).await), (of_site, of_all), "{role:?}");
    }
    assert_eq!(seen(Uuid::from_u128(0xd000)).await, [0; 0]);
    // A device that moves takes its past along.
    cluster.psql(&format!("update devices set site_id = '{NORTH}' where sn = 'SOUTH'"));
    assert_eq!(seen(Uuid::from_u128(0xf005)).await, [3, 2, 1]);
}

#[tokio::test]
async fn entries_wait_in_the_spool_while_the_database_is_away_and_come_out_in_order() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (audit, writer) = Audit::guarded(database.clone());
    tokio::spawn(writer.run());
    let (process, spool) = SpoolProcess::start(cluster.dir()).await;
    assert!(audit.connect_spool(spool).await);
    told(&audit, entry(0)).await.await.unwrap().unwrap();
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    for n in 1..4 {
        told(&audit, entry(n)).await.await.unwrap().unwrap();
    }
    assert_eq!(audit.counts().spooled, 3);
    cluster.start_again();
    database.up().await;
    told(&audit, entry(4)).await.await.unwrap().unwrap();
    let order = "select string_agg(at_ms::text, ',' order by seq) from audit";
    assert_eq!(cluster.psql(order), "0,1,2,3,4");
    assert_eq!(fault(&database, &[]).await, None);
    process.kill();
}
