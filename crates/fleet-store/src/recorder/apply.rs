//! One batch into the database, in one transaction, once.

use std::pin::pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, future};
use serde_json::Value;
use tokio_postgres::types::Type;

use super::batch::{Batch, Kept, Rows};
use crate::{error::StoreError, json::Texts, session::Session};

/// Signature, flags and the length of the header's extension, as PostgreSQL's manual has it.
const COPY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const PROGRESS: &str = "
    insert into gwanje.recorder_streams as old (stream_id, applied_no) values ($1, $2)
    on conflict (stream_id) do update set applied_no = excluded.applied_no, changed_at = now()
    where old.applied_no < excluded.applied_no
    returning 1";

const EVENTS: &str = "
    insert into events
      (event_id, organisation_id, site_id, sn, method, data, trace_id, source_at, received_at)
    select
      (e ->> 'event_id')::uuid,
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      e ->> 'sn', e ->> 'method', e -> 'data', (e ->> 'trace_id')::uuid,
      gwanje.at_ms((e ->> 'source_ms')::bigint), gwanje.at_ms((e ->> 'received_ms')::bigint)
    from jsonb_array_elements($1) e left join devices d on d.sn = e ->> 'sn'
    on conflict (event_id) do nothing";

/// The event of which a file's row is made, in the transaction that keeps the event: neither is there
/// without the other. A key outside the dock's own prefix is not believed: its row would show another
/// dock's file to whoever sees this one.
const UPLOADED: &str = "file_upload_callback";

const MEDIA: &str = "
    insert into media as old
      (media_id, organisation_id, site_id, sn, mission_id, object_key, name, kind, taken_at,
       stored_at, latitude, longitude, expected_count, info)
    select
      md5(key)::uuid,
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      x.sn, gwanje.uuid_in(e #>> '{data,file,ext,flight_id}'), key,
      left(coalesce(e #>> '{data,file,name}', regexp_replace(key, '^.*/', '')), 255),
      gwanje.media_kind(key), gwanje.time_in(e #>> '{data,file,metadata,create_time}'),
      gwanje.at_ms((e ->> 'received_ms')::bigint),
      gwanje.number_in(e #>> '{data,file,metadata,shoot_position,lat}', -90, 90),
      gwanje.number_in(e #>> '{data,file,metadata,shoot_position,lng}', -180, 180),
      gwanje.number_in(e #>> '{data,flight_task,expected_file_count}', 0, 1000000)::integer,
      e -> 'data'
    from (
      select distinct on (e #>> '{data,file,object_key}')
        e, e ->> 'sn' as sn, e #>> '{data,file,object_key}' as key
      from jsonb_array_elements($1) e
      where starts_with(e #>> '{data,file,object_key}', (e ->> 'sn') || '/')
        and length(e #>> '{data,file,object_key}') <= 1024
      order by e #>> '{data,file,object_key}', (e ->> 'received_ms')::bigint desc
    ) x left join devices d on d.sn = x.sn
    on conflict (object_key) do update set
      mission_id = coalesce(excluded.mission_id, old.mission_id),
      taken_at = coalesce(excluded.taken_at, old.taken_at),
      latitude = coalesce(excluded.latitude, old.latitude),
      longitude = coalesce(excluded.longitude, old.longitude),
      expected_count = greatest(excluded.expected_count, old.expected_count),
      info = excluded.info";

const ALARMS: &str = "
    insert into alarms as old
      (alarm_id, organisation_id, site_id, sn, source, priority, state, code, cause, status,
       origin, shelved_until, raised_at, cleared_at, changed_at)
    select
      (s ->> 'alarm_id')::uuid,
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      s ->> 'sn', s ->> 'source', s ->> 'priority', s ->> 'state', s -> 'reason' ->> 'code',
      s ->> 'cause', s, e -> 'origin', gwanje.at_ms((s -> 'shelved' ->> 'until_ms')::bigint),
      gwanje.at_ms((s ->> 'raised_ms')::bigint),
      gwanje.at_ms((s ->> 'cleared_ms')::bigint), gwanje.at_ms((e ->> 'changed_ms')::bigint)
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    left join devices d on d.sn = s ->> 'sn'
    on conflict (alarm_id) do update set
      priority = excluded.priority, state = excluded.state, code = excluded.code,
      cause = excluded.cause, status = excluded.status,
      origin = coalesce(excluded.origin, old.origin), shelved_until = excluded.shelved_until,
      raised_at = excluded.raised_at,
      cleared_at = excluded.cleared_at, changed_at = excluded.changed_at
    where excluded.changed_at >= old.changed_at";

const COMMANDS: &str = "
    insert into commands as old
      (command_id, organisation_id, site_id, sn, trace_id, request_id, request_code, method,
       mission_id, idempotency_key, issued_by, state, response_code, reason, progress,
       counter_action, accepted_at, expires_at, changed_at, status)
    select
      (s ->> 'command_id')::uuid,
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      s ->> 'sn', (s ->> 'trace_id')::uuid, (s ->> 'request_id')::uuid, s ->> 'request_code',
      s ->> 'method', (s ->> 'mission_id')::uuid, s ->> 'idempotency_key', s ->> 'issued_by',
      s ->> 'state', s ->> 'response_code', nullif(s -> 'reason', 'null'),
      nullif(s -> 'progress', 'null'), (s ->> 'counter_action')::boolean,
      gwanje.at_ms((s ->> 'accepted_ms')::bigint), gwanje.at_ms((s ->> 'expires_ms')::bigint),
      gwanje.at_ms((e ->> 'changed_ms')::bigint), s
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    left join devices d on d.sn = s ->> 'sn'
    on conflict (command_id) do update set
      state = excluded.state, response_code = excluded.response_code, reason = excluded.reason,
      progress = excluded.progress, changed_at = excluded.changed_at, status = excluded.status
    where excluded.changed_at >= old.changed_at";

const COMMAND_STEPS: &str = "
    insert into command_steps
      (command_id, at, step, organisation_id, site_id, action_duration_ms, detail)
    select
      (s ->> 'command_id')::uuid, gwanje.at_ms((t ->> 'at_ms')::bigint), t ->> 'step',
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      (t ->> 'action_duration_ms')::bigint, t ->> 'detail'
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    cross join lateral jsonb_array_elements(s -> 'steps') t
    left join devices d on d.sn = s ->> 'sn'
    on conflict (command_id, at, step) do nothing";

const MISSIONS: &str = "
    insert into missions as old
      (mission_id, organisation_id, site_id, sn, trace_id, request_id, request_code, wayline_id,
       wayline_name, waypoint_count, idempotency_key, issued_by, state, verdict, response_code,
       reason, progress, accepted_at, ended_at, changed_at, status)
    select
      (s ->> 'mission_id')::uuid,
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      s ->> 'sn', (s ->> 'trace_id')::uuid, (s ->> 'request_id')::uuid, s ->> 'request_code',
      (s ->> 'wayline_id')::uuid, s ->> 'wayline_name', (s ->> 'waypoint_count')::integer,
      s ->> 'idempotency_key', s ->> 'issued_by', s ->> 'state', s ->> 'verdict',
      s ->> 'response_code', nullif(s -> 'reason', 'null'), nullif(s -> 'progress', 'null'),
      gwanje.at_ms((s ->> 'accepted_ms')::bigint), gwanje.at_ms((s ->> 'ended_ms')::bigint),
      gwanje.at_ms((e ->> 'changed_ms')::bigint), s
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    left join devices d on d.sn = s ->> 'sn'
    on conflict (mission_id) do update set
      state = excluded.state, verdict = excluded.verdict, response_code = excluded.response_code,
      reason = excluded.reason, progress = excluded.progress, ended_at = excluded.ended_at,
      changed_at = excluded.changed_at, status = excluded.status
    where excluded.changed_at >= old.changed_at";

const MISSION_STEPS: &str = "
    insert into mission_steps
      (mission_id, at, step, organisation_id, site_id, action_duration_ms, detail)
    select
      (s ->> 'mission_id')::uuid, gwanje.at_ms((t ->> 'at_ms')::bigint), t ->> 'step',
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      (t ->> 'action_duration_ms')::bigint, t ->> 'detail'
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    cross join lateral jsonb_array_elements(s -> 'steps') t
    left join devices d on d.sn = s ->> 'sn'
    on conflict (mission_id, at, step) do nothing";

const DEVICES: &str = "
    insert into devices as old
      (sn, class, name, model, gateway_sn, first_seen_at, last_seen_at, status, changed_at)
    select
      s ->> 'sn', s ->> 'class', s ->> 'name', s ->> 'model', s ->> 'gateway_sn',
      gwanje.at_ms((s ->> 'last_heard_ms')::bigint), gwanje.at_ms((s ->> 'last_heard_ms')::bigint),
      s, gwanje.at_ms((e ->> 'changed_ms')::bigint)
    from jsonb_array_elements($1) e cross join lateral (select e -> 'status' as s) x
    on conflict (sn) do update set
      name = excluded.name, model = coalesce(nullif(excluded.model, ''), old.model),
      gateway_sn = coalesce(excluded.gateway_sn, old.gateway_sn),
      first_seen_at = coalesce(old.first_seen_at, excluded.first_seen_at),
      last_seen_at = greatest(old.last_seen_at, excluded.last_seen_at),
      status = excluded.status, removed_at = null, changed_at = excluded.changed_at
    where excluded.changed_at >= old.changed_at";

const FIRMWARE: &str = "
    insert into firmware_seen as old (sn, firmware, first_seen_at, last_seen_at)
    select s ->> 'sn', s ->> 'firmware', at, at
    from jsonb_array_elements($1) e
    cross join lateral (select e -> 'status' as s, gwanje.at_ms((e ->> 'changed_ms')::bigint) as at) x
    where s ->> 'firmware' <> ''
    on conflict (sn, firmware) do update set
      last_seen_at = greatest(old.last_seen_at, excluded.last_seen_at)";

const TWINS: &str = "
    insert into twins as old
      (sn, organisation_id, site_id, class, gateway_sn, report_count, received_at, readings)
    select
      s ->> 'sn',
      coalesce(d.organisation_id, '00000000-0000-4000-8000-000000000001'),
      coalesce(d.site_id, '00000000-0000-4000-8000-000000000002'),
      s ->> 'class', s ->> 'gateway_sn', (s ->> 'report_count')::bigint,
      gwanje.at_ms((s ->> 'received_ms')::bigint), s -> 'values'
    from jsonb_array_elements($1) s left join devices d on d.sn = s ->> 'sn'
    on conflict (sn) do update set
      class = excluded.class, gateway_sn = excluded.gateway_sn,
      report_count = excluded.report_count, received_at = excluded.received_at,
      readings = excluded.readings
    where excluded.received_at >= old.received_at";

/// Writes a batch; false when it was in already.
pub(crate) async fn apply(session: &Session, batch: &Batch) -> Result<bool, StoreError> {
    let progress = [(&batch.stream_id as _, Type::UUID), (&batch.no as _, Type::INT8)];
    let begin = session.batch("begin");
    let ((), fresh) = future::try_join(begin, session.query(PROGRESS, &progress)).await?;
    if fresh.is_empty() {
        session.batch("rollback").await?;
        return Ok(false);
    }
    if let Some(rows) = &batch.rows {
        copy(session, rows).await?;
    }
    // The statements are sent in order without waiting; if one is refused, the commit rolls back.
    future::try_join(keep(session, &batch.kept), session.batch("commit")).await?;
    Ok(true)
}

async fn keep(session: &Session, kept: &Kept) -> Result<(), StoreError> {
    let Kept { events, commands, missions, alarms, devices, twins } = kept;
    let uploaded = events.iter().filter(|event| event["method"] == UPLOADED).cloned();
    let uploaded: Vec<Value> = uploaded.collect();
    let kinds: [(&[Value], &[&str]); 6] = [
        // Devices first: what follows takes its site from them.
        (devices, &[DEVICES, FIRMWARE]),
        (events, &[EVENTS]),
        (&uploaded, &[MEDIA]),
        (commands, &[COMMANDS, COMMAND_STEPS]),
        (missions, &[MISSIONS, MISSION_STEPS]),
        (alarms, &[ALARMS]),
    ];
    let mut statements = Vec::new();
    for (items, sqls) in kinds.into_iter().filter(|(items, _)| !items.is_empty()) {
        let items = Value::Array(items.to_vec());
        for sql in sqls {
            let items = items.clone();
            statements.push(async move {
                session.execute(sql, &[(&items, Type::JSONB)]).await.map(drop)
            });
        }
    }
    let twins = async {
        match &twins[..] {
            [] => Ok(()),
            twins => session.execute(TWINS, &[(&Texts(twins), Type::JSONB)]).await.map(drop),
        }
    };
    // Sent in this order: each is when it is polled first.
    future::try_join(future::try_join_all(statements), twins).await.map(drop)
}

async fn copy(session: &Session, rows: &Rows) -> Result<(), StoreError> {
    let columns = rows.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let sql = format!("copy telemetry ({columns}) from stdin (format binary)");
    let run = async {
        let sink = session.client().copy_in::<_, Bytes>(&sql).await?;
        let mut sink = pin!(sink);
        sink.feed(Bytes::from_static(COPY_HEADER)).await?;
        sink.feed(rows.tuples.clone()).await?;
        let mut end = BytesMut::new();
        end.put_i16(-1);
        sink.feed(end.freeze()).await?;
        sink.finish().await
    };
    session.bounded(run).await.map(drop)
}

/// A name from the spool is data.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
