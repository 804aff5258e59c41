-- What Supabase brings and a plain PostgreSQL lacks: its roles, and the functions of its schema
-- auth that policies call. Run on the embedded database only, by a superuser, each time before the
-- migrations; on Supabase these belong to Supabase.

do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'anon') then
    create role anon nologin noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    create role authenticated nologin noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
    create role service_role nologin noinherit bypassrls;
  end if;
end
$$;

create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;

-- The claims of the token that the request came with, as PostgREST sets them for a transaction.
create or replace function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;

create or replace function auth.uid() returns uuid language sql stable as $$
  select nullif(auth.jwt() ->> 'sub', '')::uuid
$$;

create or replace function auth.role() returns text language sql stable as $$
  select auth.jwt() ->> 'role'
$$;

-- Passwords are hashed here, in the database's process: 200 ms of the tower's one thread would be
-- 200 ms in which nothing is heard. Where the module is not installed nobody signs in by password.
create schema if not exists extensions;
do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pgcrypto') then
    create extension if not exists pgcrypto schema extensions;
  end if;
end
$$;
