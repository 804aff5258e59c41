-- What docks uploaded: a row a file, made of the dock's own word (file_upload_callback) in the
-- transaction that keeps the event. The word comes from outside: what is no number, time or identity
-- becomes null and stays readable in info.

alter table public.media
  add column name text not null default '',
  add column expected_count integer;
comment on column public.media.expected_count is 'Files of its flight, as the dock counted when it reported this one';
comment on column public.media.info is 'The event as the dock sent it';
comment on column public.media.taken_at is 'Only where the dock said a time with its zone';

create index media_stored on public.media (stored_at, media_id);
create index media_sn_stored on public.media (sn, stored_at, media_id);

create function gwanje.number_in(said text, lowest double precision, highest double precision)
returns double precision language plpgsql immutable as $$
declare
  number double precision;
begin
  number := said::double precision;
  return case when number between lowest and highest then number end;
exception when others then
  return null;
end
$$;

create function gwanje.uuid_in(said text) returns uuid language plpgsql immutable as $$
begin
  return said::uuid;
exception when others then
  return null;
end
$$;

-- Cameras write their own zone's time without saying which; that is no moment.
create function gwanje.time_in(said text) returns timestamptz language plpgsql stable as $$
begin
  if said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})$' then
    return said::timestamptz;
  end if;
  return null;
exception when others then
  return null;
end
$$;

create function gwanje.media_kind(key text) returns text language sql immutable as $$
  select case
    when lower(key) ~ '\.(jpe?g|png|dng|tiff?)$' then 'photo'
    when lower(key) ~ '\.(mp4|mov)$' then 'video'
    else 'other'
  end
$$;

revoke all on all functions in schema gwanje from public;
