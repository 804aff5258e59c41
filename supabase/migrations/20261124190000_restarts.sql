-- What a restart takes up: what people said about a dock under a kind of its own, and alarms with
-- what their component needs to know them again. It only adds: the release before runs on it.

-- Checked for new rows at once, for old ones apart: the table is not read under the lock.
alter table public.journal drop constraint journal_subject_kind_check,
  add constraint journal_subject_kind_check
    check (subject_kind in ('command', 'mission', 'notice')) not valid;
alter table public.journal validate constraint journal_subject_kind_check;
alter table public.journal_subjects drop constraint journal_subjects_subject_kind_check,
  add constraint journal_subjects_subject_kind_check
    check (subject_kind in ('command', 'mission', 'notice')) not valid;
alter table public.journal_subjects validate constraint journal_subjects_subject_kind_check;

alter table public.journal_subjects add column slot text;
comment on column public.journal_subjects.slot is
  'Of a notice: a later word of the dock in the same slot closes it';
create index journal_subjects_slot on public.journal_subjects (sn, slot)
  where slot is not null and closed_at is null;

-- Notices that the release before wrote as commands that never end. The records are append-only
-- and stay as they are; of each saying the last word stays open.
update public.journal_subjects s set
  slot = n.slot,
  subject_kind = 'notice',
  closed_at = case
    when n.ends then n.at + interval '1 millisecond'
    when n.later is not null then n.later
  end
from (
  select subject_id, at, slot, ends, lead(at) over (partition by sn, slot order by seq) as later
  from (
    select j.seq, j.subject_id, j.sn, j.at,
      case
        when said ? 'override' then 'override ' || (said -> 'override' ->> 'item')
        when said ? 'withdraw' then 'override ' || (said ->> 'withdraw')
        when said ? 'maintenance' then 'maintenance'
        when said ? 'reserved' then 'reserved'
      end as slot,
      said ? 'withdraw'
        or (said -> 'maintenance' ->> 'on') = 'false'
        or said -> 'reserved' = 'null' as ends
    from public.journal j
    cross join lateral (select j.record -> 'entry' -> 'saying' as said) x
    where j.kind = 'notice'
  ) said
  where slot is not null
) n
where s.subject_id = n.subject_id;

alter table public.alarms add column origin jsonb;
comment on column public.alarms.origin is
  'What the alarm component needs to know it again after a restart; nothing for people';
alter table public.alarms add column shelved_until timestamptz;
create index alarms_shelved on public.alarms (shelved_until) where shelved_until is not null;
