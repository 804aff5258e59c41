-- What devices reported: telemetry by day, one-minute roll-ups, events, alarms; and the recorder's
-- bookkeeping, which makes a replay write nothing twice.

-- Telemetry carries the site alone: it is the one table where sixteen bytes a row count, and a site
-- belongs to one organisation.
create table public.telemetry (
  at timestamptz not null,
  sn text not null,
  site_id uuid not null,
  gateway_sn text,
  report_no bigint not null,
  latitude double precision,
  longitude double precision,
  height_m real,
  elevation_m real,
  heading_deg real,
  pitch_deg real,
  roll_deg real,
  horizontal_speed_mps real,
  vertical_speed_mps real,
  home_distance_m real,
  wind_speed_mps real,
  wind_direction smallint,
  mode_code smallint,
  battery_percent smallint,
  return_home_percent smallint,
  flight_time_left_s integer,
  gps_count smallint,
  rtk_count smallint,
  position_fixed smallint,
  cover_state smallint,
  drone_in_dock smallint,
  charge_state smallint,
  task_step smallint,
  emergency_stop smallint,
  rainfall smallint,
  temperature_c real,
  humidity_percent real,
  environment_temperature_c real,
  working_voltage_mv integer,
  working_current_ma real,
  sdr_quality smallint,
  network_quality smallint,
  extra jsonb
) partition by range (at);
create index telemetry_sn_at on public.telemetry (sn, at);
create index telemetry_at on public.telemetry using brin (at) with (pages_per_range = 32);
comment on column public.telemetry.report_no is 'Reports merged since the device''s machine started: a gap is a report that did not become a row';
comment on column public.telemetry.extra is 'What the recorder''s policy keeps beside the columns, by key';

create table public.telemetry_1m (
  sn text not null,
  minute timestamptz not null,
  site_id uuid not null,
  row_count integer not null,
  latitude double precision,
  longitude double precision,
  height_m_min real,
  height_m_max real,
  elevation_m_max real,
  horizontal_speed_mps_max real,
  wind_speed_mps_max real,
  battery_percent_min smallint,
  battery_percent_max smallint,
  temperature_c_avg real,
  humidity_percent_avg real,
  mode_code_last smallint,
  primary key (sn, minute)
);
create index telemetry_1m_minute on public.telemetry_1m using brin (minute);

create table public.events (
  event_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  method text not null,
  data jsonb not null,
  trace_id uuid,
  source_at timestamptz,
  received_at timestamptz not null
);
create index events_sn on public.events (sn, received_at);
create index events_received on public.events (received_at);

create table public.alarms (
  alarm_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text,
  source text not null,
  priority text not null check (priority in ('high', 'medium', 'low')),
  state text not null,
  code text not null,
  cause text not null,
  status jsonb not null,
  raised_at timestamptz not null,
  cleared_at timestamptz,
  changed_at timestamptz not null
);
create index alarms_open on public.alarms (raised_at) where state <> 'cleared';
create index alarms_raised on public.alarms (raised_at);
create index alarms_sn on public.alarms (sn, raised_at);

-- One row for each life of a recorder: batches up to applied_no are in. It is written by the
-- transaction that writes the batch.
create table gwanje.recorder_streams (
  stream_id uuid primary key,
  applied_no bigint not null,
  changed_at timestamptz not null default now()
);

create table gwanje.watermarks (
  name text primary key,
  at timestamptz not null
);

alter table public.telemetry enable row level security;
alter table public.telemetry_1m enable row level security;
alter table public.events enable row level security;
alter table public.alarms enable row level security;
alter table gwanje.recorder_streams enable row level security;
alter table gwanje.watermarks enable row level security;

-- Our times are milliseconds since 1970.
create function gwanje.at_ms(ms bigint) returns timestamptz language sql stable strict as $$
  select timestamptz '1970-01-01 00:00:00+00' + ms * interval '1 millisecond'
$$;

-- Makes the partition of one day (UTC) if it is missing; true when it made it. A table is made
-- apart and then attached, because that locks out neither readers nor writers.
create function gwanje.ensure_telemetry_day(day date) returns boolean language plpgsql as $$
declare
  part text := 'telemetry_' || to_char(day, 'YYYYMMDD');
  first timestamptz := day::timestamp at time zone 'UTC';
  next timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  -- Two towers may ask at once; the second one waits and finds it made.
  perform pg_advisory_xact_lock(4790213, hashtext(part));
  if exists (
    select from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where i.inhparent = 'public.telemetry'::regclass and n.nspname = 'gwanje_parts' and c.relname = part
  ) then
    return false;
  end if;
  -- What an interrupted removal left behind is on its way out.
  execute format('drop table if exists gwanje_parts.%I', part);
  execute format('create table gwanje_parts.%I (like public.telemetry including defaults)', part);
  execute format('alter table gwanje_parts.%I enable row level security', part);
  execute format('revoke all on gwanje_parts.%I from public', part);
  -- Attaching trusts this check and does not read the table.
  execute format('alter table gwanje_parts.%I add constraint one_day check (at >= %L and at < %L)',
    part, first, next);
  execute format(
    'alter table public.telemetry attach partition gwanje_parts.%I for values from (%L) to (%L)',
    part, first, next);
  execute format('alter table gwanje_parts.%I drop constraint one_day', part);
  return true;
end
$$;

-- Days (UTC) whose partition ends at or before the given time, oldest first.
create function gwanje.telemetry_days_before(before timestamptz)
returns table (part text, day date, is_pending boolean) language sql stable as $$
  select c.relname::text, to_date(right(c.relname, 8), 'YYYYMMDD'), i.inhdetachpending
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where i.inhparent = 'public.telemetry'::regclass
    and n.nspname = 'gwanje_parts'
    and c.relname ~ '^telemetry_[0-9]{8}$'
    and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= before
  order by 2
$$;

-- Rolls up whole minutes of [since, until); doing it again gives the same rows.
create function gwanje.roll_up_range(since timestamptz, until timestamptz)
returns bigint language plpgsql as $$
declare
  written bigint;
begin
  insert into public.telemetry_1m as old (
    sn, minute, site_id, row_count, latitude, longitude, height_m_min, height_m_max,
    elevation_m_max, horizontal_speed_mps_max, wind_speed_mps_max, battery_percent_min,
    battery_percent_max, temperature_c_avg, humidity_percent_avg, mode_code_last
  )
  select
    t.sn,
    date_bin('1 minute', t.at, timestamptz '2000-01-01 00:00:00+00') as minute,
    (array_agg(t.site_id order by t.at desc))[1],
    count(*),
    (array_agg(t.latitude order by t.at desc) filter (where t.latitude is not null))[1],
    (array_agg(t.longitude order by t.at desc) filter (where t.longitude is not null))[1],
    min(t.height_m), max(t.height_m), max(t.elevation_m), max(t.horizontal_speed_mps),
    max(t.wind_speed_mps), min(t.battery_percent), max(t.battery_percent),
    avg(t.temperature_c), avg(t.humidity_percent),
    (array_agg(t.mode_code order by t.at desc) filter (where t.mode_code is not null))[1]
  from public.telemetry t
  where t.at >= date_trunc('minute', since) and t.at < date_trunc('minute', until)
  group by t.sn, minute
  on conflict (sn, minute) do update set
    site_id = excluded.site_id, row_count = excluded.row_count,
    latitude = excluded.latitude, longitude = excluded.longitude,
    height_m_min = excluded.height_m_min, height_m_max = excluded.height_m_max,
    elevation_m_max = excluded.elevation_m_max,
    horizontal_speed_mps_max = excluded.horizontal_speed_mps_max,
    wind_speed_mps_max = excluded.wind_speed_mps_max,
    battery_percent_min = excluded.battery_percent_min,
    battery_percent_max = excluded.battery_percent_max,
    temperature_c_avg = excluded.temperature_c_avg,
    humidity_percent_avg = excluded.humidity_percent_avg,
    mode_code_last = excluded.mode_code_last;
  get diagnostics written = row_count;
  return written;
end
$$;

-- Rolls up what is new since the last time, at most one span; true when more is left. `until` lies
-- a little in the past, so that late rows are in.
create function gwanje.roll_up(until timestamptz, span interval) returns boolean
language plpgsql as $$
declare
  since timestamptz;
  last timestamptz := date_trunc('minute', until);
  upto timestamptz;
begin
  perform pg_advisory_xact_lock(4790213, 1);
  select at into since from gwanje.watermarks where name = 'telemetry_1m';
  if since is null then
    select min(at) into since from public.telemetry;
    if since is null then
      return false;
    end if;
    since := date_trunc('minute', since);
  end if;
  if since >= last then
    return false;
  end if;
  upto := least(last, since + span);
  perform gwanje.roll_up_range(since, upto);
  insert into gwanje.watermarks (name, at) values ('telemetry_1m', upto)
  on conflict (name) do update set at = excluded.at;
  return upto < last;
end
$$;

revoke all on all functions in schema gwanje from public;
