-- Organisations, sites, devices and what is known of them.
--
-- Every table carries the organisation and the site, so that a policy needs no join; row-level
-- security is on from the start and has no policy yet: only the tables' owner, the tower, reads.
-- Written for PostgreSQL 15 without extensions and without superuser, so that it runs unchanged on
-- hosted Supabase. Functions and bookkeeping live in the schema gwanje, partitions in gwanje_parts;
-- neither is exposed by the REST interface.

create schema gwanje;
create schema gwanje_parts;
revoke all on schema gwanje, gwanje_parts from public;

create table public.organisations (
  organisation_id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table public.sites (
  site_id uuid primary key,
  organisation_id uuid not null references public.organisations,
  name text not null,
  created_at timestamptz not null default now()
);
create index sites_organisation on public.sites (organisation_id);

-- Where everything belongs until somebody makes organisations of their own.
insert into public.organisations (organisation_id, name)
values ('00000000-0000-4000-8000-000000000001', 'Default');
insert into public.sites (site_id, organisation_id, name)
values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'Default');

create table public.devices (
  sn text primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001'
    references public.organisations,
  site_id uuid not null default '00000000-0000-4000-8000-000000000002' references public.sites,
  class text not null check (class in ('dock', 'aircraft', 'robot')),
  name text not null default '',
  model text not null default '',
  gateway_sn text,
  enrolled_at timestamptz,
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  removed_at timestamptz,
  status jsonb,
  changed_at timestamptz not null default now()
);
create index devices_site on public.devices (site_id);
create index devices_gateway on public.devices (gateway_sn) where gateway_sn is not null;
comment on column public.devices.status is 'DeviceState as last published; for people, not for decisions';

create table public.firmware_seen (
  sn text not null,
  firmware text not null,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (sn, firmware)
);

create table public.twins (
  sn text primary key,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001',
  site_id uuid not null default '00000000-0000-4000-8000-000000000002',
  class text not null,
  gateway_sn text not null,
  report_count bigint not null,
  received_at timestamptz not null,
  readings jsonb not null
);
comment on table public.twins is 'Latest known values of each device, so that a restart shows them with their age';

create table public.settings (
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001'
    references public.organisations,
  site_id uuid not null default '00000000-0000-4000-8000-000000000002' references public.sites,
  name text not null,
  value jsonb not null,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  primary key (organisation_id, site_id, name)
);

alter table public.organisations enable row level security;
alter table public.sites enable row level security;
alter table public.devices enable row level security;
alter table public.firmware_seen enable row level security;
alter table public.twins enable row level security;
alter table public.settings enable row level security;
