-- Who did what: append-only, numbered without gaps, each entry chained to the one before.
--
-- gwanje.audit_append is the only place where entries get their numbers and hashes, whichever tower
-- writes: writers take turns at one row. What is hashed is the text of the entry as it was given; every
-- other column is made of that text by the database and cannot be changed by itself. Nobody may change or delete, the
-- owner by a trigger that no setting opens; who gets past that is found by the chain (`gwanje audit verify`).

create table public.audit (
  seq bigint primary key,
  content text not null,
  prev_hash bytea not null,
  hash bytea not null,
  written_at timestamptz not null default now(),
  entry_id uuid not null generated always as ((content::jsonb ->> 'id')::uuid) stored unique,
  at_ms bigint not null generated always as ((content::jsonb ->> 'at_ms')::bigint) stored,
  actor text not null generated always as (content::jsonb ->> 'actor') stored,
  action text not null generated always as (content::jsonb ->> 'action') stored,
  outcome text not null generated always as (content::jsonb ->> 'outcome') stored,
  sn text generated always as (content::jsonb ->> 'sn') stored,
  site_id uuid generated always as ((content::jsonb ->> 'site_id')::uuid) stored
);
create index audit_at on public.audit (at_ms);
create index audit_actor on public.audit (actor, seq);
create index audit_action on public.audit (action, seq);
create index audit_sn on public.audit (sn, seq) where sn is not null;
comment on table public.audit is 'Append-only and chained: hash = sha256(hash before || seq as 8 bytes || content)';

-- Where the chain ends: what is cut off behind is missed.
create table gwanje.audit_head (
  is_only boolean primary key default true check (is_only),
  seq bigint not null,
  hash bytea not null
);
insert into gwanje.audit_head (seq, hash)
values (0, '\x0000000000000000000000000000000000000000000000000000000000000000');

-- Appends entries in their order; one that is there already is left out. Says where the chain ends.
create function gwanje.audit_append(entries text[]) returns bigint language plpgsql
set search_path = '' as $$
declare
  head gwanje.audit_head;
  entry text;
  next_hash bytea;
begin
  select * into strict head from gwanje.audit_head for update;
  foreach entry in array entries loop
    continue when exists (
      select from public.audit a where a.entry_id = (entry::jsonb ->> 'id')::uuid
    );
    next_hash := sha256(head.hash || int8send(head.seq + 1) || convert_to(entry, 'UTF8'));
    insert into public.audit (seq, content, prev_hash, hash)
    values (head.seq + 1, entry, head.hash, next_hash);
    head.seq := head.seq + 1;
    head.hash := next_hash;
  end loop;
  update gwanje.audit_head set seq = head.seq, hash = head.hash;
  return head.seq;
end
$$;
revoke all on function gwanje.audit_append(text[]) from public;

create function gwanje.refuse_any_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger audit_append_only before update or delete on public.audit
  for each row execute function gwanje.refuse_any_change();
create trigger audit_no_truncate before truncate on public.audit
  for each statement execute function gwanje.refuse_any_change();
do $$
begin
  execute format('revoke update, delete, truncate on public.audit from %I', current_user);
end
$$;

alter table public.audit enable row level security;
alter table gwanje.audit_head enable row level security;

-- Sites of which the caller may see who did what, and whether that is all of them. The role is the one
-- that has the right `audit` in the table of rights; a test compares.
create function gwanje_rights.audited_sites() returns uuid[] language sql stable
security definer set search_path = '' as $$
  select coalesce(array_agg(s.site_id), '{}') from public.sites s
  where exists (
    select from public.memberships m
    where m.user_id = gwanje_rights.caller() and m.organisation_id = s.organisation_id
      and m.role = 'administrator' and (m.site_id is null or m.site_id = s.site_id)
  )
$$;
create function gwanje_rights.audits_everything() returns boolean language sql stable
security definer set search_path = '' as $$
  select exists (
    select from public.memberships m
    where m.user_id = gwanje_rights.caller() and m.role = 'administrator' and m.site_id is null
  )
$$;

-- What is about a device is seen where the device is now; what is about none and no site is the
-- organisation's: accounts, sign-ins, the tower itself.
create policy read_audited on public.audit for select using (
  (select gwanje_rights.audits_everything())
  or (sn is not null and sn in (
        select d.sn from public.devices d
        where d.site_id = any ((select gwanje_rights.audited_sites())::uuid[])))
  or (sn is null and site_id = any ((select gwanje_rights.audited_sites())::uuid[]))
);

do $$
begin
  if exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    grant select on public.audit to authenticated;
  end if;
end
$$;
