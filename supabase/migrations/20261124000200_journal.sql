-- Commands, missions, and the append-only journal that is written before a command leaves.

create table public.journal (
  seq bigint generated always as identity primary key,
  record_id uuid not null unique,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  at timestamptz not null,
  sn text not null,
  trace_id uuid not null,
  kind text not null,
  subject_kind text not null check (subject_kind in ('command', 'mission')),
  subject_id uuid not null,
  record jsonb not null,
  written_at timestamptz not null default now()
);
create index journal_subject on public.journal (subject_id, seq);
create index journal_sn on public.journal (sn, at);
comment on table public.journal is 'Append-only: what was decided, before it left; what became of it, after';

-- Which commands and missions are open, kept by the transaction that appends; the journal itself is
-- never searched for them.
create table public.journal_subjects (
  subject_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  subject_kind text not null check (subject_kind in ('command', 'mission')),
  sn text not null,
  mission_id uuid,
  opened_at timestamptz,
  closed_at timestamptz
);
create index journal_subjects_open on public.journal_subjects (sn, subject_kind)
  where closed_at is null;
create index journal_subjects_closed on public.journal_subjects (closed_at);
create index journal_subjects_mission on public.journal_subjects (mission_id)
  where mission_id is not null;

create function gwanje.refuse_change() returns trigger language plpgsql as $$
begin
  -- Retention may delete what is old enough; nothing may ever be rewritten.
  if tg_op = 'DELETE' and current_setting('gwanje.retention', true) = 'on' then
    return old;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger journal_append_only before update or delete on public.journal
  for each row execute function gwanje.refuse_change();
create trigger journal_no_truncate before truncate on public.journal
  for each statement execute function gwanje.refuse_change();

create table public.commands (
  command_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  trace_id uuid not null,
  request_id uuid not null,
  request_code text not null,
  method text not null,
  mission_id uuid,
  idempotency_key text not null,
  issued_by text not null,
  state text not null,
  response_code text,
  reason jsonb,
  progress jsonb,
  counter_action boolean not null,
  accepted_at timestamptz not null,
  expires_at timestamptz not null,
  changed_at timestamptz not null,
  status jsonb not null
);
create index commands_sn on public.commands (sn, accepted_at);
create index commands_accepted on public.commands (accepted_at);
create index commands_key on public.commands (sn, idempotency_key);
create index commands_mission on public.commands (mission_id) where mission_id is not null;

create table public.command_steps (
  command_id uuid not null,
  at timestamptz not null,
  step text not null,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  action_duration_ms bigint not null,
  detail text,
  primary key (command_id, at, step)
);

create table public.waylines (
  wayline_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  name text not null,
  file_md5 text not null,
  size_bytes bigint not null,
  waypoint_count integer not null,
  info jsonb not null default '{}',
  file bytea,
  object_key text,
  uploaded_by text not null,
  created_at timestamptz not null,
  removed_at timestamptz,
  check (file is not null or object_key is not null)
);
create index waylines_created on public.waylines (created_at);

create table public.missions (
  mission_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  trace_id uuid not null,
  request_id uuid not null,
  request_code text not null,
  wayline_id uuid not null,
  wayline_name text not null,
  waypoint_count integer not null,
  idempotency_key text not null,
  issued_by text not null,
  state text not null,
  verdict text,
  response_code text,
  reason jsonb,
  progress jsonb,
  accepted_at timestamptz not null,
  ended_at timestamptz,
  changed_at timestamptz not null,
  status jsonb not null
);
create index missions_sn on public.missions (sn, accepted_at);
create index missions_accepted on public.missions (accepted_at);
create index missions_key on public.missions (sn, idempotency_key);
create index missions_open on public.missions (accepted_at) where ended_at is null;

create table public.mission_steps (
  mission_id uuid not null,
  at timestamptz not null,
  step text not null,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  action_duration_ms bigint not null,
  detail text,
  primary key (mission_id, at, step)
);

create table public.media (
  media_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  mission_id uuid,
  object_key text not null unique,
  kind text not null,
  size_bytes bigint,
  taken_at timestamptz,
  stored_at timestamptz,
  latitude double precision,
  longitude double precision,
  info jsonb not null default '{}'
);
create index media_mission on public.media (mission_id) where mission_id is not null;
create index media_sn on public.media (sn, taken_at);

alter table public.journal enable row level security;
alter table public.journal_subjects enable row level security;
alter table public.commands enable row level security;
alter table public.command_steps enable row level security;
alter table public.waylines enable row level security;
alter table public.missions enable row level security;
alter table public.mission_steps enable row level security;
alter table public.media enable row level security;
