-- Tokens of programs, and sites that come and are renamed.
--
-- A token is kept as its SHA-256: what is here opens nothing. Who may what by it is decided by the tower
-- when it is used: never more than its maker may at that moment.

create table gwanje.api_tokens (
  token_id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 60),
  prefix text not null,
  token_hash bytea not null unique check (length(token_hash) = 32),
  -- Who made it; none: whoever has the tower's machine.
  account_id uuid,
  made_by text not null,
  permissions text[] not null,
  -- At these sites; none: at all.
  site_ids uuid[],
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text
);
-- Records name a token by its name: of those that work no two have the same.
create unique index api_tokens_name on gwanje.api_tokens (name) where revoked_at is null;
create index api_tokens_account on gwanje.api_tokens (account_id) where account_id is not null;
alter table gwanje.api_tokens enable row level security;

-- The time of the last use is no change of who may what.
create trigger api_tokens_noted
  after insert or delete or truncate
    or update of revoked_at, permissions, site_ids, expires_at, account_id, token_hash
  on gwanje.api_tokens for each statement execute function gwanje.note_people();
create trigger sites_noted after insert or delete or truncate or update of name on public.sites
  for each statement execute function gwanje.note_people();
