//! Accounts, sessions and roles in a real database.

use std::collections::BTreeSet;

use fleet_store::{
    Database,
    people::{self, Created, NotChanged},
    tokens,
};
use fleet_types::{
    DeviceSn, Secret, WallMs,
    people::{
        Account, AccountChange, DEFAULT_SITE, Email, Ending, Membership, NewMachineToken,
        Refreshed, SessionOrigin, SiteRole, TokenHash,
    },
    rights::Permission,
};
use serde_json::json;
use uuid::Uuid;

use crate::cluster::Cluster;

const PASSWORD: &str = "correct horse";

fn email(text: &str) -> Email {
    Email::new(text).unwrap()
}

fn token(n: u8) -> TokenHash {
    [n; 32]
}

fn origin() -> SessionOrigin {
    SessionOrigin { address: "192.0.2.1".to_owned(), user_agent: "test".to_owned() }
}

async fn account(database: &Database, name: &str) -> Account {
    let password = Secret::new(PASSWORD);
    let made = people::create(database, &email(name), Some(&password), &json!({"a": 1})).await;
    let Created::Made(account) = made.unwrap() else { panic!("{name} is taken") };
    *account
}

async fn signs_in(database: &Database, name: &str, password: &str) -> bool {
    let found = people::account_by_password(database, &email(name), &Secret::new(password)).await;
    found.unwrap().is_some()
}

async fn open(database: &Database, account: &Account, n: u8) -> Uuid {
    let opened = people::open_session(database, account.account_id, &token(n), &origin()).await;
    opened.unwrap().unwrap()
}

async fn refreshed(database: &Database, from: u8, to: u8) -> &'static str {
    match people::refresh(database, &token(from), &token(to)).await.unwrap() {
        Refreshed::Next { .. } => "next",
        Refreshed::Unknown => "unknown",
        Refreshed::Over => "over",
        Refreshed::Reused { .. } => "reused",
    }
}

/// As if the tokens that were used had been used long ago.
fn a_while_passes(cluster: &Cluster) {
    cluster.psql("update gwanje.account_tokens set used_at = used_at - interval '11 s'");
}

#[tokio::test]
async fn an_account_signs_in_by_its_own_password_only() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    assert!(signs_in(&database, " KIM@example.kr", PASSWORD).await);
    for (name, password) in [
        ("kim@example.kr", "correct horsE"),
        ("kim@example.kr", ""),
        ("lee@example.kr", PASSWORD),
        ("kim@example.kr", "%"),
    ] {
        assert!(!signs_in(&database, name, password).await, "{name} {password}");
    }
    // bcrypt at cost 12, by the database; nothing else of the password is kept.
    let kept = cluster.psql("select password_hash from gwanje.accounts");
    assert!(kept.starts_with("$2a$12$"), "{kept}");
    let again = people::create(&database, &kim.email, None, &json!({})).await.unwrap();
    assert_eq!(again, Created::Taken);
    // An account without a password opens to none.
    people::create(&database, &email("sso@example.kr"), None, &json!({})).await.unwrap();
    assert!(!signs_in(&database, "sso@example.kr", "").await);
    let listed = people::list(&database).await.unwrap();
    let names: Vec<_> = listed.iter().map(|account| account.email.as_str()).collect();
    assert_eq!(names, ["kim@example.kr", "sso@example.kr"]);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_copy_ends_the_session() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    let session = open(&database, &kim, 1).await;
    assert_eq!(refreshed(&database, 99, 98).await, "unknown");
    assert_eq!(refreshed(&database, 1, 2).await, "next");
    assert_eq!(refreshed(&database, 2, 3).await, "next");
    a_while_passes(&cluster);
    let before = people::revision(&database).await.unwrap();
    let other = open(&database, &kim, 50).await;
    let reused = people::refresh(&database, &token(1), &token(4)).await.unwrap();
    assert_eq!(reused, Refreshed::Reused { session_id: session });
    assert!(people::revision(&database).await.unwrap() > before);
    // The newest token went with the session; another session did not.
    assert_eq!(refreshed(&database, 3, 5).await, "over");
    assert_eq!(refreshed(&database, 50, 51).await, "next");
    let directory = people::directory(&database).await.unwrap();
    assert_eq!(directory.ended_sessions, BTreeSet::from([session]));
    let left = people::sessions(&database, kim.account_id).await.unwrap();
    assert_eq!(left.iter().map(|session| session.session_id).collect::<Vec<_>>(), [other]);
    assert_eq!(left[0].address.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn an_answer_that_was_lost_may_be_asked_for_again_at_once() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    open(&database, &kim, 1).await;
    assert_eq!(refreshed(&database, 1, 2).await, "next");
    // Nobody used 2: the answer may have been lost. From now on 2 is as good as used long ago.
    assert_eq!(refreshed(&database, 1, 3).await, "next");
    assert_eq!(refreshed(&database, 3, 4).await, "next");
    assert_eq!(refreshed(&database, 2, 5).await, "reused");
    assert_eq!(refreshed(&database, 4, 6).await, "over");
    // Where the answer was used, it was not lost.
    open(&database, &kim, 11).await;
    assert_eq!(refreshed(&database, 11, 12).await, "next");
    assert_eq!(refreshed(&database, 12, 13).await, "next");
    assert_eq!(refreshed(&database, 11, 14).await, "reused");
}

#[tokio::test]
async fn two_who_bring_one_token_at_once_do_not_both_go_on() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    open(&database, &kim, 1).await;
    let (t1, t2, t3) = (token(1), token(2), token(3));
    let both =
        tokio::join!(people::refresh(&database, &t1, &t2), people::refresh(&database, &t1, &t3));
    assert!(matches!(both.0.unwrap(), Refreshed::Next { .. }));
    assert!(matches!(both.1.unwrap(), Refreshed::Next { .. }));
    let unused = "select count(*) from gwanje.account_tokens where used_at is null";
    assert_eq!(cluster.psql(unused), "1");
}

#[tokio::test]
async fn sessions_end_by_sign_out_password_disabling_and_idleness() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    let id = kim.account_id;
    let (first, _) = (open(&database, &kim, 1).await, open(&database, &kim, 2).await);
    let ended = people::end_sessions(&database, id, Ending::Others(first), "test").await.unwrap();
    assert_eq!(ended, 1);
    assert_eq!(refreshed(&database, 2, 20).await, "over");
    assert_eq!(refreshed(&database, 1, 10).await, "next");

    open(&database, &kim, 3).await;
    let password = Some(Secret::new("another password"));
    let change = AccountChange { password, ..AccountChange::default() };
    people::change(&database, id, &change, Some(first)).await.unwrap();
    assert_eq!(refreshed(&database, 3, 30).await, "over");
    assert_eq!(refreshed(&database, 10, 11).await, "next");
    assert!(signs_in(&database, "kim@example.kr", "another password").await);
    assert!(!signs_in(&database, "kim@example.kr", PASSWORD).await);

    let change = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    let disabled = people::change(&database, id, &change, Some(first)).await.unwrap();
    assert!(disabled.disabled_ms.is_some());
    assert_eq!(refreshed(&database, 11, 12).await, "over");
    let opened = people::open_session(&database, id, &token(4), &origin()).await.unwrap();
    assert_eq!(opened, None);
    let change = AccountChange { is_disabled: Some(false), ..AccountChange::default() };
    assert_eq!(people::change(&database, id, &change, None).await.unwrap().disabled_ms, None);

    open(&database, &kim, 5).await;
    cluster.psql("update gwanje.account_sessions set refreshed_at = now() - interval '8 days'");
    assert_eq!(people::sessions(&database, id).await.unwrap(), []);
    assert_eq!(refreshed(&database, 5, 50).await, "over");
}

#[tokio::test]
async fn a_change_is_whole_or_not_at_all() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (kim, lee) =
        (account(&database, "kim@example.kr").await, account(&database, "lee@example.kr").await);
    let change = AccountChange {
        email: Some(lee.email.clone()),
        is_disabled: Some(true),
        ..AccountChange::default()
    };
    let refused = people::change(&database, kim.account_id, &change, None).await.unwrap_err();
    assert!(matches!(refused, NotChanged::Taken), "{refused}");
    let same = people::get(&database, kim.account_id).await.unwrap().unwrap();
    assert_eq!(same, kim);
    let nobody = people::change(&database, Uuid::nil(), &change, None).await.unwrap_err();
    assert!(matches!(nobody, NotChanged::Unknown), "{nobody}");
    let change =
        AccountChange { user_metadata: Some(json!({"b": "\0"})), ..AccountChange::default() };
    let changed = people::change(&database, kim.account_id, &change, None).await.unwrap();
    assert_eq!(changed.user_metadata, json!({"a": 1, "b": "\u{fffd}"}));
}

#[tokio::test]
async fn roles_are_given_in_the_place_of_others_and_seen_by_every_tower() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let kim = account(&database, "kim@example.kr").await;
    let id = kim.account_id;
    let site = Uuid::from_u128(7);
    cluster.psql(&format!(
        "insert into sites (site_id, organisation_id, name)
         values ('{site}', '00000000-0000-4000-8000-000000000001', 'North')"
    ));
    cluster
        .psql(&format!("insert into devices (sn, class, site_id) values ('A', 'dock', '{site}')"));
    let at = |role, site_id| Membership { role, site_id };
    let first = BTreeSet::from([at(SiteRole::Operator, None), at(SiteRole::Pilot, Some(site))]);
    let before = people::revision(&database).await.unwrap();
    people::set_memberships(&database, id, &first, "test").await.unwrap();
    let directory = people::directory(&database).await.unwrap();
    assert!(directory.revision > before);
    assert_eq!(directory.people[&id].memberships, first);
    assert_eq!(directory.people[&id].email, Some(kim.email));
    assert_eq!(directory.sites[&site], "North");
    assert_eq!(directory.devices.values().collect::<Vec<_>>(), [&site]);
    let second = BTreeSet::from([at(SiteRole::Operator, None)]);
    people::set_memberships(&database, id, &second, "other").await.unwrap();
    let directory = people::directory(&database).await.unwrap();
    assert_eq!(directory.people[&id].memberships, second);
    // Who gave what stayed is still known.
    assert_eq!(cluster.psql("select granted_by from memberships"), "test");
    let nowhere = BTreeSet::from([at(SiteRole::Viewer, Some(Uuid::from_u128(8)))]);
    assert!(people::set_memberships(&database, id, &nowhere, "test").await.is_err());
    assert_eq!(people::directory(&database).await.unwrap(), directory);
}

#[tokio::test]
async fn tokens_of_programs_are_kept_as_digests_until_they_are_revoked() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let new = |name: &str, n: u8| NewMachineToken {
        name: name.to_owned(),
        prefix: "gwt_AbCdEf".to_owned(),
        hash: [n; 32],
        account_id: Some(Uuid::from_u128(7)),
        made_by: "user:kim@example.kr".to_owned(),
        permissions: [Permission::View, Permission::Stop].into(),
        site_ids: Some([DEFAULT_SITE].into()),
        expires_ms: WallMs(4_000_000_000_000),
    };
    let before = people::revision(&database).await.unwrap();
    let made = tokens::create(&database, &new("export", 1)).await.unwrap().unwrap();
    assert_eq!(made.permissions, [Permission::View, Permission::Stop].into());
    assert_eq!(made.site_ids, Some([DEFAULT_SITE].into()));
    assert!(people::revision(&database).await.unwrap() > before);
    assert_eq!(people::directory(&database).await.unwrap().tokens[&[1; 32]], made);
    // Of those that work no two have one name.
    assert_eq!(tokens::create(&database, &new("export", 2)).await.unwrap(), None);
    // The last use is no change of who may what, and never goes back.
    let before = people::revision(&database).await.unwrap();
    for at in [WallMs(2000), WallMs(1000)] {
        tokens::used(&database, &[(made.token_id, at)]).await.unwrap();
    }
    assert_eq!(people::revision(&database).await.unwrap(), before);
    assert_eq!(tokens::list(&database).await.unwrap()[0].last_used_ms, Some(WallMs(2000)));
    assert!(tokens::revoke(&database, made.token_id, "user:lee").await.unwrap());
    assert!(!tokens::revoke(&database, made.token_id, "user:lee").await.unwrap());
    assert!(people::revision(&database).await.unwrap() > before);
    assert!(people::directory(&database).await.unwrap().tokens.is_empty());
    // Its name is free again; one that ended by itself gives its name up too.
    let next = tokens::create(&database, &new("export", 2)).await.unwrap().unwrap();
    cluster.psql("update gwanje.api_tokens set expires_at = now() - interval '1 second'");
    assert!(people::directory(&database).await.unwrap().tokens.is_empty());
    let last = tokens::create(&database, &new("export", 3)).await.unwrap().unwrap();
    assert_ne!(next.token_id, last.token_id);
    let kept = cluster.psql("select count(*) from gwanje.api_tokens where revoked_at is not null");
    assert_eq!(kept, "2");
}

#[tokio::test]
async fn sites_are_made_renamed_and_a_dock_moves_with_its_aircraft() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.psql(
        "insert into devices (sn, class, gateway_sn) values ('DOCK', 'dock', null),
           ('KNOWN', 'aircraft', 'DOCK'), ('TOLD', 'aircraft', null), ('OTHER', 'dock', null)",
    );
    let north = tokens::create_site(&database, "North").await.unwrap();
    assert!(tokens::rename_site(&database, north, "새만금").await.unwrap());
    assert!(!tokens::rename_site(&database, Uuid::nil(), "x").await.unwrap());
    let sn = |text: &str| DeviceSn::new(text).unwrap();
    let moved = tokens::move_dock(&database, &sn("DOCK"), &[sn("TOLD")], north).await.unwrap();
    assert_eq!(moved, Some(3));
    let directory = people::directory(&database).await.unwrap();
    assert_eq!(directory.sites[&north], "새만금");
    let there: Vec<_> = directory.devices.keys().map(DeviceSn::as_str).collect();
    assert_eq!(there, ["DOCK", "KNOWN", "TOLD"]);
    let nowhere = tokens::move_dock(&database, &sn("DOCK"), &[], Uuid::nil()).await.unwrap();
    let nobody = tokens::move_dock(&database, &sn("NOBODY"), &[sn("OTHER")], north).await.unwrap();
    assert_eq!((nowhere, nobody), (None, None));
}
