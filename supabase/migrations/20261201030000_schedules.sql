-- Recurring missions, and what became of each of their times.
--
-- A time is put on record before its mission is asked for: the primary key is what keeps it from being
-- flown twice, whoever asks and however often. The record outlives the schedule.

create table public.schedules (
  schedule_id uuid primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  definition jsonb not null,
  -- No time up to this one is handled again.
  handled_at timestamptz not null,
  paused_by text,
  changed_by text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create index schedules_sn on public.schedules (sn);

create table public.schedule_times (
  schedule_id uuid not null,
  at timestamptz not null,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  sn text not null,
  name text not null,
  state text not null check (state in ('asked', 'made', 'refused', 'skipped')),
  -- Given before the mission is asked for, and no other is ever asked for.
  mission_id uuid,
  reason jsonb,
  decided_at timestamptz not null default now(),
  primary key (schedule_id, at)
);
create index schedule_times_at on public.schedule_times (at);
create index schedule_times_sn on public.schedule_times (sn, at);

alter table public.schedules enable row level security;
alter table public.schedule_times enable row level security;
create policy read_own_devices on public.schedules for select using (
  sn in (select d.sn from public.devices d)
);
create policy read_own_devices on public.schedule_times for select using (
  sn in (select d.sn from public.devices d)
);

do $$
begin
  if exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    grant select on public.schedules, public.schedule_times to authenticated;
  end if;
end
$$;
