//! The catalogue: what must be true of every table, today's and tomorrow's.

use crate::cluster::Cluster;

const TABLES_WITHOUT_RLS: &str = "
    select string_agg(n.nspname || '.' || c.relname, ', ' order by 1)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relrowsecurity
      and n.nspname not in ('pg_catalog', 'information_schema', 'supabase_migrations')";

#[tokio::test]
async fn every_table_has_row_level_security_and_partitions_too() {
    let cluster = Cluster::start();
    let _database = cluster.migrated().await;
    cluster.psql("select gwanje.ensure_telemetry_day('2026-11-24')");
    assert_eq!(cluster.psql(TABLES_WITHOUT_RLS), "");
    // The check can fail.
    cluster.psql("create table public.forgotten (id int)");
    assert_eq!(cluster.psql(TABLES_WITHOUT_RLS), "public.forgotten");
}

#[tokio::test]
async fn without_a_policy_only_the_owner_reads() {
    let cluster = Cluster::start();
    let _database = cluster.migrated().await;
    cluster.psql("select gwanje.ensure_telemetry_day('2026-11-24')");
    cluster.psql("insert into devices (sn, class) values ('A', 'dock')");
    // As hosted Supabase does by default for everything in public.
    cluster.psql("grant all on all tables in schema public to anon, authenticated, service_role");
    let count = |role: &str| {
        cluster.psql(&format!("begin; set local role {role}; select count(*) from devices; commit"))
    };
    let lines = |text: String| text.lines().nth(2).unwrap().to_owned();
    assert_eq!(lines(count("anon")), "0");
    assert_eq!(lines(count("authenticated")), "0");
    assert_eq!(lines(count("service_role")), "1");
    let may = cluster.psql(
        "select has_schema_privilege('authenticated', 'gwanje', 'usage'),
                has_schema_privilege('authenticated', 'gwanje_parts', 'usage'),
                has_function_privilege('authenticated', 'gwanje.roll_up(timestamptz, interval)',
                                       'execute')",
    );
    assert_eq!(may, "f|f|f");
}

#[tokio::test]
async fn the_journal_is_append_only() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.psql(
        "insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
         values (gen_random_uuid(), now(), 'A', gen_random_uuid(), 'command', 'command',
                 gen_random_uuid(), '{}')",
    );
    for change in ["update journal set sn = 'B'", "delete from journal", "truncate journal"] {
        let session = database.session().await.unwrap();
        let error = session.batch(change).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{change}: {error}");
    }
    assert_eq!(cluster.psql("select sn from journal"), "A");
}
