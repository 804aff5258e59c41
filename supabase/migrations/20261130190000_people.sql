-- People: who may what at which site, and the accounts of the embedded sign-in.
--
-- Memberships name a person by the id of their account: of Supabase Auth where that is configured, of
-- gwanje.accounts otherwise. The accounts lie in the schema gwanje, which nobody but the tower enters:
-- in a backup with everything else, brought up to date by migrations, and empty on Supabase. It only
-- adds: the release before runs on it.

create table public.memberships (
  membership_id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  organisation_id uuid not null default '00000000-0000-4000-8000-000000000001'
    references public.organisations,
  site_id uuid references public.sites,
  role text not null check (role in ('viewer', 'operator', 'pilot', 'engineer', 'administrator')),
  granted_by text not null,
  granted_at timestamptz not null default now(),
  unique nulls not distinct (user_id, organisation_id, site_id, role)
);
create index memberships_site on public.memberships (site_id);
comment on column public.memberships.site_id is 'One site; none: every site of the organisation';

create table gwanje.accounts (
  account_id uuid primary key default gen_random_uuid(),
  email text not null unique check (email = lower(email) and length(email) <= 254),
  password_hash text,
  user_metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_sign_in_at timestamptz,
  disabled_at timestamptz
);

create table gwanje.account_sessions (
  session_id uuid primary key default gen_random_uuid(),
  account_id uuid not null references gwanje.accounts on delete cascade,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  ended_at timestamptz,
  ended_why text,
  address text,
  user_agent text
);
create index account_sessions_account on gwanje.account_sessions (account_id);
create index account_sessions_ended on gwanje.account_sessions (ended_at)
  where ended_at is not null;

-- Refresh tokens by their SHA-256: what is here cannot be used to sign in.
create table gwanje.account_tokens (
  token_hash bytea primary key,
  session_id uuid not null references gwanje.account_sessions on delete cascade,
  parent_hash bytea,
  created_at timestamptz not null default now(),
  used_at timestamptz
);
create index account_tokens_session on gwanje.account_tokens (session_id);

-- Grows with every change of who may what; every tower looks at it once a second.
create table gwanje.people_revision (
  is_only boolean primary key default true check (is_only),
  revision bigint not null
);
insert into gwanje.people_revision (revision) values (1);

alter table public.memberships enable row level security;
alter table gwanje.accounts enable row level security;
alter table gwanje.account_sessions enable row level security;
alter table gwanje.account_tokens enable row level security;
alter table gwanje.people_revision enable row level security;

create function gwanje.note_people() returns trigger language plpgsql
security definer set search_path = '' as $$
begin
  update gwanje.people_revision set revision = revision + 1;
  return null;
end
$$;
revoke all on function gwanje.note_people() from public;

create trigger memberships_noted after insert or update or delete or truncate on public.memberships
  for each statement execute function gwanje.note_people();
create trigger accounts_noted
  after insert or delete or truncate or update of email, disabled_at on gwanje.accounts
  for each statement execute function gwanje.note_people();
create trigger account_sessions_noted after delete or update of ended_at on gwanje.account_sessions
  for each statement execute function gwanje.note_people();
create trigger devices_noted after update of site_id on public.devices
  for each statement execute function gwanje.note_people();
