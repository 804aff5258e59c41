//! Who reads what by the database's own word: policies on every table, tried with one site's claims.

use fleet_store::{Database, read};
use fleet_types::{DeviceSn, WallMs};
use uuid::Uuid;

use crate::cluster::Cluster;

const ORGANISATION: &str = "00000000-0000-4000-8000-000000000001";
const NORTH: &str = "00000000-0000-4000-8000-0000000000aa";
const KIM: Uuid = Uuid::from_u128(0x4100_0000_0000_4000_8000_0000_0000_0001);
const NOBODY: Uuid = Uuid::from_u128(0x4100_0000_0000_4000_8000_0000_0000_0002);

/// Tables that callers can name and that nothing says anything about.
const WITHOUT_A_POLICY: &str = "
    select string_agg(n.nspname || '.' || c.relname, ', ' order by 1)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
      and n.nspname not in ('pg_catalog', 'information_schema', 'supabase_migrations')
      and has_schema_privilege('authenticated', n.oid, 'usage')
      and not exists (select from pg_policy p where p.polrelid = c.oid)";
/// Views that read as their owner, past every policy.
const OWNERS_VIEWS: &str = "
    select string_agg(n.nspname || '.' || c.relname, ', ' order by 1)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
      and n.nspname not in ('pg_catalog', 'information_schema')
      and has_schema_privilege('authenticated', n.oid, 'usage')
      and not coalesce('security_invoker=true' = any (c.reloptions), false)";
/// Policies that let somebody write.
const WRITERS: &str = "
    select string_agg(polname::text, ', ') from pg_policy where polcmd <> 'r'";

/// A dock of the default site and one of another; a row of every table about each.
async fn two_sites(cluster: &Cluster) -> Database {
    let database = cluster.migrated().await;
    cluster.psql("select gwanje.ensure_telemetry_day(current_date)");
    cluster.psql(&format!(
        "insert into sites (site_id, organisation_id, name) values ('{NORTH}', '{ORGANISATION}', 'N');
         insert into devices (sn, class) values ('SOUTH', 'dock');
         insert into devices (sn, class, site_id) values ('NORTH', 'dock', '{NORTH}');
         insert into settings (site_id, name, value, changed_by) values ('{NORTH}', 'a', '1', 'x');
         insert into memberships (user_id, site_id, role, granted_by)
           values ('{KIM}', '{NORTH}', 'viewer', 'x'), ('{NOBODY}', null, 'viewer', 'x');
         delete from memberships where user_id = '{NOBODY}'"
    ));
    for (sn, site, n) in [("SOUTH", "00000000-0000-4000-8000-000000000002", 1), ("NORTH", NORTH, 2)]
    {
        cluster.psql(&rows_of(sn, site, n));
    }
    database
}

fn rows_of(sn: &str, site: &str, n: u32) -> String {
    let id = format!("00000000-0000-4000-8000-00000000000{n}");
    format!(
        "select gwanje.audit_append(array[format(
           '{{\"id\":\"%s\",\"at_ms\":1,\"actor\":\"x\",\"action\":\"x\",\"outcome\":\"ok\",\"sn\":\"%s\"}}',
           '{id}', '{sn}')]);
         insert into firmware_seen (sn, firmware, first_seen_at, last_seen_at)
           values ('{sn}', '1', now(), now());
         insert into twins (sn, class, gateway_sn, report_count, received_at, readings)
           values ('{sn}', 'dock', '{sn}', 1, now(), '{{}}');
         insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
           values ('{id}', now(), '{sn}', '{id}', 'command', 'command', '{id}', '{{}}');
         insert into journal_subjects (subject_id, subject_kind, sn) values ('{id}', 'command', '{sn}');
         insert into commands (command_id, sn, trace_id, request_id, request_code, method,
             idempotency_key, issued_by, state, counter_action, accepted_at, expires_at, changed_at,
             status)
           values ('{id}', '{sn}', '{id}', '{id}', 'x', 'x', 'k', 'x', 'sent', false, now(), now(),
             now(), '{{}}');
         insert into command_steps (command_id, at, step, action_duration_ms)
           values ('{id}', now(), 'sent', 0);
         insert into waylines (wayline_id, site_id, name, file_md5, size_bytes, waypoint_count, file,
             uploaded_by, created_at)
           values ('{id}', '{site}', 'x', 'x', 0, 0, '', 'x', now());
         insert into missions (mission_id, sn, trace_id, request_id, request_code, wayline_id,
             wayline_name, waypoint_count, idempotency_key, issued_by, state, accepted_at, changed_at,
             status)
           values ('{id}', '{sn}', '{id}', '{id}', 'x', '{id}', 'x', 0, 'k', 'x', 'ended', now(),
             now(), '{{}}');
         insert into mission_steps (mission_id, at, step, action_duration_ms)
           values ('{id}', now(), 'sent', 0);
         insert into schedules (schedule_id, sn, definition, handled_at, changed_by)
           values ('{id}', '{sn}', '{{}}', now(), 'x');
         insert into schedule_times (schedule_id, at, sn, name, state)
           values ('{id}', now(), '{sn}', 'x', 'skipped');
         insert into media (media_id, sn, object_key, kind) values ('{id}', '{sn}', '{sn}', 'photo');
         insert into telemetry (at, sn, site_id, report_no, latitude, longitude)
           values (now(), '{sn}', '{site}', 1, 37.5, 127);
         insert into telemetry_1m (sn, minute, site_id, row_count) values ('{sn}', now(), '{site}', 1);
         insert into events (event_id, sn, method, data, received_at)
           values ('{id}', '{sn}', 'hms', '{{}}', now());
         insert into alarms (alarm_id, sn, source, priority, state, code, cause, status, raised_at,
             changed_at)
           values ('{id}', '{sn}', 'device', 'low', 'raised', 'x', 'x', '{{}}', now(), now())"
    )
}

/// What this statement answers to a person, as psql prints it.
fn as_person(cluster: &Cluster, person: Uuid, sql: &str) -> String {
    let said = cluster.psql(&format!(
        "begin; set local role authenticated;
         select set_config('request.jwt.claims', '{{\"sub\":\"{person}\"}}', true);
         {sql}; commit"
    ));
    // Past BEGIN, SET and the claims; before COMMIT.
    let lines: Vec<_> = said.lines().collect();
    lines[3..lines.len() - 1].join("\n")
}

#[tokio::test]
async fn no_table_is_without_a_policy_and_none_lets_anybody_write() {
    let cluster = Cluster::start();
    let _database = cluster.migrated().await;
    cluster.psql("select gwanje.ensure_telemetry_day(current_date)");
    assert_eq!(cluster.psql(WITHOUT_A_POLICY), "");
    assert_eq!(cluster.psql(OWNERS_VIEWS), "");
    assert_eq!(cluster.psql(WRITERS), "");
    // The checks can fail.
    cluster.psql("create table public.forgotten (id int); create view public.past as select 1");
    assert_eq!(cluster.psql(WITHOUT_A_POLICY), "public.forgotten");
    assert_eq!(cluster.psql(OWNERS_VIEWS), "public.past");
}

#[tokio::test]
async fn one_site_s_claims_show_one_site_in_every_table() {
    let cluster = Cluster::start();
    let _database = two_sites(&cluster).await;
    // As hosted Supabase does by default for everything in public.
    cluster.psql("grant all on all tables in schema public to anon, authenticated, service_role");
    let tables = cluster.psql(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where nspname = 'public' and relkind in ('r', 'p') order by 1",
    );
    let mut seen = 0;
    for table in tables.lines() {
        let all: u32 = cluster.psql(&format!("select count(*) from {table}")).parse().unwrap();
        let of_kim = as_person(&cluster, KIM, &format!("select count(*) from {table}"));
        let (expect_all, expect) = match table {
            "organisations" | "memberships" => (1, "1"),
            "settings" => (1, "0"),
            // Looking at a site is not looking at who did what there.
            "audit" => (2, "0"),
            _ => (2, "1"),
        };
        assert_eq!((all, of_kim.as_str()), (expect_all, expect), "{table}");
        let of_nobody = as_person(&cluster, NOBODY, &format!("select count(*) from {table}"));
        assert_eq!(of_nobody, "0", "{table}");
        let has_sn = cluster.psql(&format!(
            "select count(*) from information_schema.columns
             where table_schema = 'public' and table_name = '{table}' and column_name = 'sn'"
        ));
        if has_sn == "1" && table != "audit" {
            let sn = as_person(&cluster, KIM, &format!("select sn from {table}"));
            assert_eq!(sn, "NORTH", "{table}");
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
    // Nobody without claims sees anything, and a device that moves takes its past along.
    let nothing = cluster.psql("begin; set local role anon; select count(*) from missions; commit");
    assert_eq!(nothing.lines().nth(2), Some("0"));
    cluster.psql(&format!("update devices set site_id = '{NORTH}' where sn = 'SOUTH'"));
    assert_eq!(as_person(&cluster, KIM, "select count(*) from telemetry"), "2");
}

#[tokio::test]
async fn partitions_bookkeeping_and_writes_are_closed() {
    let cluster = Cluster::start();
    let _database = two_sites(&cluster).await;
    cluster.psql("grant all on all tables in schema public to anon, authenticated, service_role");
    let day = cluster.psql("select to_char(current_date, 'YYYYMMDD')");
    let refused = |sql: &str| {
        // Whether it is refused or finds nothing to do: nothing is shown, nothing changed.
        let block = format!(
            "do $$ declare n bigint; begin
               perform set_config('request.jwt.claims', '{{\"sub\":\"{KIM}\"}}', true);
               set local role authenticated;
               begin
                 execute $s$ {sql} $s$; get diagnostics n = row_count;
               exception when insufficient_privilege then n := 0; end;
               reset role;
               if n > 0 then raise exception 'it went through'; end if;
             end $$"
        );
        cluster.psql(&block);
    };
    refused(&format!("select * from gwanje_parts.telemetry_{day}"));
    refused("select * from gwanje.accounts");
    refused("select * from gwanje.account_tokens");
    refused("select gwanje.roll_up(now(), interval '1 day')");
    refused("update devices set name = 'x'");
    refused("delete from telemetry");
    refused(&format!(
        "insert into memberships (user_id, role, granted_by) values ('{KIM}', 'administrator', 'x')"
    ));
    refused("update memberships set role = 'administrator'");
    assert_eq!(cluster.psql("select count(*) from memberships"), "1");
}

#[tokio::test]
async fn what_the_tower_reads_for_somebody_it_reads_as_they_may() {
    let cluster = Cluster::start();
    let database = two_sites(&cluster).await;
    // Ten minutes of ten reports a second, and a fleet around them.
    cluster.psql(
        "insert into devices (sn, class) select 'D' || n, 'dock' from generate_series(1, 5000) n;
         insert into telemetry (at, sn, site_id, report_no, latitude, longitude)
         select date_trunc('day', now()) + n * interval '100 milliseconds', sn,
           '00000000-0000-4000-8000-000000000002', n, 37.5, 127
         from generate_series(1, 6000) n, unnest(array['NORTH', 'SOUTH', 'D1', 'D2']) sn;
         analyze",
    );
    let midnight: i64 = cluster
        .psql("select (extract(epoch from date_trunc('day', now())) * 1000)::bigint")
        .parse()
        .unwrap();
    let (from, until) = (WallMs(midnight), WallMs(midnight + 600_000));
    let points = async |person, sn: &str| {
        let sn = DeviceSn::new(sn).unwrap();
        read::track(&database, person, &sn, from, until, 1000).await.unwrap().len()
    };
    assert!(points(None, "SOUTH").await > 900);
    assert!(points(Some(KIM), "NORTH").await > 900);
    assert_eq!(points(Some(KIM), "SOUTH").await, 0);
    assert_eq!(points(Some(NOBODY), "NORTH").await, 0);
    // The next who uses the session is the tower again.
    assert!(points(None, "SOUTH").await > 900);
    let plan = as_person(
        &cluster,
        KIM,
        "explain (analyze, costs off) select at, latitude from telemetry
         where sn = 'NORTH' and at >= date_trunc('day', now())
           and at < date_trunc('day', now()) + interval '10 minutes' order by at",
    );
    // By the index on device and time, and the sites asked for once.
    assert!(plan.contains("Index Cond: ((sn = 'NORTH'"), "{plan}");
}
