-- Who reads what, decided by the database: a wrong query shows nobody another site.
--
-- The policies are for reading alone, on every table of public; nobody but the owner writes. They
-- ask for the claims of the transaction (request.jwt.claims, as PostgREST and the tower set them) and
-- for memberships, never for what a token says of rights. What belongs to a device is seen where the
-- device is now: its past goes with it. It uses neither the schema auth nor the extensions, and runs
-- where the role authenticated does not exist; only the grants are left out there.

create schema gwanje_rights;
comment on schema gwanje_rights is 'What policies call; the only schema of ours that callers enter';
-- Everybody may ask: the answer is about whoever asks, and without claims it is nothing.
grant usage on schema gwanje_rights to public;

-- The caller; none for a transaction without claims.
create function gwanje_rights.caller() returns uuid language sql stable
set search_path = '' as $$
  select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;

-- Sites that the caller may look at. It reads memberships as its owner does: policies that call it
-- end nowhere in themselves.
create function gwanje_rights.sites() returns uuid[] language sql stable
security definer set search_path = '' as $$
  select coalesce(array_agg(s.site_id), '{}') from public.sites s
  where exists (
    select from public.memberships m
    where m.user_id = gwanje_rights.caller() and m.organisation_id = s.organisation_id
      and (m.site_id is null or m.site_id = s.site_id)
  )
$$;

create policy read_own_organisation on public.organisations for select using (
  organisation_id in (select s.organisation_id from public.sites s)
);
create policy read_own_sites on public.sites for select using (
  site_id = any ((select gwanje_rights.sites())::uuid[])
);
create policy read_own_memberships on public.memberships for select using (
  user_id = (select gwanje_rights.caller())
);
-- They may hold what the tower alone has to know.
create policy read_nothing on public.settings for select using (false);

create policy read_own_sites on public.devices for select using (
  site_id = any ((select gwanje_rights.sites())::uuid[])
);
create policy read_own_sites on public.waylines for select using (
  site_id = any ((select gwanje_rights.sites())::uuid[])
);

-- The devices that the caller sees are asked for once a statement, not once a row.
do $$
declare
  name text;
begin
  foreach name in array array[
    'firmware_seen', 'twins', 'telemetry', 'telemetry_1m', 'events', 'commands', 'missions',
    'journal', 'journal_subjects', 'media'
  ] loop
    execute format(
      'create policy read_own_devices on public.%I for select using '
      '(sn in (select d.sn from public.devices d))', name);
  end loop;
end
$$;

-- An alarm of no device is the tower's: it shows where the tower's own things are.
create policy read_own_devices on public.alarms for select using (
  case when sn is null then site_id = any ((select gwanje_rights.sites())::uuid[])
       else sn in (select d.sn from public.devices d) end
);
create policy read_own_devices on public.command_steps for select using (
  exists (select from public.commands c where c.command_id = command_steps.command_id)
);
create policy read_own_devices on public.mission_steps for select using (
  exists (select from public.missions m where m.mission_id = mission_steps.mission_id)
);

do $$
declare
  name text;
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    return;
  end if;
  grant usage on schema public to authenticated;
  for name in
    select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p')
      and exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid)
  loop
    execute format('grant select on public.%I to authenticated', name);
  end loop;
end
$$;
