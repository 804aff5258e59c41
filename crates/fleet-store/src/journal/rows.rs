//! Records as rows: what is searched for is a column, the record itself is JSON.

use std::collections::BTreeMap;

use fleet_core::journal::{Entry, Record};
use fleet_types::{CommandId, MissionId, WallMs, command::Subject, preflight::DockSaying};
use futures_util::future;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::{error::StoreError, json, session::Session, sql::At};

/// What an entry does to its subject.
enum Effect {
    /// It begins.
    Opens {
        /// Mission that a command belongs to.
        mission_id: Option<Uuid>,
    },
    /// It goes on.
    Continues,
    /// Nothing more happens to it.
    Closes,
    /// It is over as soon as it is said: it only ended what was before.
    Ends,
}

/// Who a record is about, as the columns have it.
type About = (&'static str, Uuid);

struct Facts {
    kind: &'static str,
    subject: About,
    effect: Effect,
    /// Of what people say: what a later word takes the place of.
    slot: Option<String>,
}

fn facts(entry: &Entry) -> Facts {
    let command = |id: &CommandId| ("command", id.0);
    let mission = |id: &MissionId| ("mission", id.0);
    let (kind, subject, effect) = match entry {
        Entry::Command { command_id, mission_id, .. } => {
            let mission_id = mission_id.map(|id| id.0);
            ("command", command(command_id), Effect::Opens { mission_id })
        }
        Entry::CommandOutcome { command_id, state, .. } => {
            let effect = if state.is_final() { Effect::Closes } else { Effect::Continues };
            ("command_outcome", command(command_id), effect)
        }
        Entry::Resolved { subject: Subject::Command(id), .. } => {
            ("resolved", command(id), Effect::Closes)
        }
        Entry::Resolved { subject: Subject::Mission(id), .. } => {
            ("resolved", mission(id), Effect::Closes)
        }
        Entry::Mission(asked) => {
            ("mission", mission(&asked.mission_id), Effect::Opens { mission_id: None })
        }
        Entry::MissionStep { mission_id, .. } => {
            ("mission_step", mission(mission_id), Effect::Continues)
        }
        Entry::MissionOutcome { mission_id, .. } => {
            ("mission_outcome", mission(mission_id), Effect::Closes)
        }
        Entry::Notice(notice) => {
            let (slot, effect) = saying(&notice.saying);
            let subject = ("notice", notice.request_id.0);
            return Facts { kind: "notice", subject, effect, slot: Some(slot) };
        }
    };
    Facts { kind, subject, effect, slot: None }
}

/// What a saying takes the place of, and whether it holds by itself or only ends the one before.
fn saying(saying: &DockSaying) -> (String, Effect) {
    let opens = Effect::Opens { mission_id: None };
    let item = |item| json::value(item).as_str().unwrap_or_default().to_owned();
    match saying {
        DockSaying::Override(given) => (format!("override {}", item(&given.item)), opens),
        DockSaying::Withdraw(given) => (format!("override {}", item(given)), Effect::Ends),
        DockSaying::Maintenance { on, .. } => {
            ("maintenance".to_owned(), if *on { opens } else { Effect::Ends })
        }
        DockSaying::Reserved(mission) => {
            ("reserved".to_owned(), if mission.is_some() { opens } else { Effect::Ends })
        }
    }
}

/// Columns of many records, one array each.
#[derive(Default)]
struct Columns<'a> {
    record_id: Vec<Uuid>,
    at: Vec<At>,
    sn: Vec<&'a str>,
    trace_id: Vec<Uuid>,
    kind: Vec<&'static str>,
    subject_kind: Vec<&'static str>,
    subject_id: Vec<Uuid>,
    record: Vec<serde_json::Value>,
}

/// Subjects that begin or end.
#[derive(Default)]
struct Subjects<'a> {
    subject_id: Vec<Uuid>,
    subject_kind: Vec<&'static str>,
    sn: Vec<&'a str>,
    mission_id: Vec<Option<Uuid>>,
    opened_at: Vec<Option<At>>,
    closed_at: Vec<Option<At>>,
    slot: Vec<Option<String>>,
}

/// The last word in each slot of these records: it closes what stood there before.
#[derive(Default)]
struct LastWords<'a> {
    words: BTreeMap<(&'a str, String), (Uuid, WallMs)>,
}

impl<'a> Subjects<'a> {
    fn push(&mut self, facts: Facts, sn: &'a str, at: WallMs) {
        let Facts { subject: (kind, id), effect, slot, .. } = facts;
        let (mission_id, opened_at, closed_at) = match effect {
            Effect::Opens { mission_id } => (mission_id, Some(At(at)), None),
            Effect::Closes => (None, None, Some(At(at))),
            // Later than what it closes: whoever reads the latest of what is closed must never
            // find what was ended without its end.
            Effect::Ends => (None, Some(At(at)), Some(At(WallMs(at.0.saturating_add(1))))),
            Effect::Continues => return,
        };
        // One statement must not touch a row twice: what opens and closes in one batch is merged.
        if let Some(index) = self.subject_id.iter().position(|known| *known == id) {
            self.mission_id[index] = self.mission_id[index].or(mission_id);
            self.opened_at[index] = self.opened_at[index].or(opened_at);
            self.closed_at[index] = self.closed_at[index].or(closed_at);
            return;
        }
        self.subject_id.push(id);
        self.subject_kind.push(kind);
        self.sn.push(sn);
        self.mission_id.push(mission_id);
        self.opened_at.push(opened_at);
        self.closed_at.push(closed_at);
        self.slot.push(slot);
    }
}

const INSERT: &str = "
    insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
    select * from unnest($1, $2, $3, $4, $5, $6, $7, $8) on conflict (record_id) do nothing";

// An end that is on record stays, whichever of the two came first.
const SUBJECTS: &str = "
    insert into journal_subjects as old
      (subject_id, subject_kind, sn, mission_id, opened_at, closed_at, slot)
    select * from unnest($1, $2, $3, $4, $5, $6, $7)
    on conflict (subject_id) do update set
      mission_id = coalesce(old.mission_id, excluded.mission_id),
      opened_at = coalesce(old.opened_at, excluded.opened_at),
      closed_at = coalesce(old.closed_at, excluded.closed_at)";

const SUPERSEDED: &str = "
    update journal_subjects old set closed_at = new.at
    from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) as new (sn, slot, id, at)
    where old.sn = new.sn and old.slot = new.slot and old.slot is not null
      and old.closed_at is null and old.subject_id <> new.id";

/// Writes records inside the transaction that `session` has open. Repeating it changes nothing.
pub(crate) async fn insert<'a>(
    session: &Session,
    records: impl Iterator<Item = (Uuid, &'a Record)>,
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    let mut subjects = Subjects::default();
    let mut last = LastWords::default();
    for (record_id, record) in records {
        let facts = facts(&record.entry);
        let (subject_kind, subject_id) = facts.subject;
        columns.record_id.push(record_id);
        columns.at.push(At(record.at_ms));
        columns.sn.push(record.sn.as_str());
        columns.trace_id.push(record.trace_id.0);
        columns.kind.push(facts.kind);
        columns.subject_kind.push(subject_kind);
        columns.subject_id.push(subject_id);
        columns.record.push(json::value(record));
        if let Some(slot) = &facts.slot {
            let word = (subject_id, record.at_ms);
            last.words.insert((record.sn.as_str(), slot.clone()), word);
        }
        subjects.push(facts, record.sn.as_str(), record.at_ms);
    }
    let journal = [
        (&columns.record_id as _, Type::UUID_ARRAY),
        (&columns.at as _, Type::TIMESTAMPTZ_ARRAY),
        (&columns.sn as _, Type::TEXT_ARRAY),
        (&columns.trace_id as _, Type::UUID_ARRAY),
        (&columns.kind as _, Type::TEXT_ARRAY),
        (&columns.subject_kind as _, Type::TEXT_ARRAY),
        (&columns.subject_id as _, Type::UUID_ARRAY),
        (&columns.record as _, Type::JSONB_ARRAY),
    ];
    let open_and_closed = [
        (&subjects.subject_id as _, Type::UUID_ARRAY),
        (&subjects.subject_kind as _, Type::TEXT_ARRAY),
        (&subjects.sn as _, Type::TEXT_ARRAY),
        (&subjects.mission_id as _, Type::UUID_ARRAY),
        (&subjects.opened_at as _, Type::TIMESTAMPTZ_ARRAY),
        (&subjects.closed_at as _, Type::TIMESTAMPTZ_ARRAY),
        (&subjects.slot as _, Type::TEXT_ARRAY),
    ];
    // Sent together: a distant database costs one round trip, not three.
    let journal = session.execute(INSERT, &journal);
    let subjects = session.execute(SUBJECTS, &open_and_closed);
    let superseded = supersede(session, &last);
    future::try_join3(journal, subjects, superseded).await?;
    Ok(())
}

async fn supersede(session: &Session, last: &LastWords<'_>) -> Result<(), StoreError> {
    if last.words.is_empty() {
        return Ok(());
    }
    let sn: Vec<_> = last.words.keys().map(|(sn, _)| *sn).collect();
    let slot: Vec<_> = last.words.keys().map(|(_, slot)| slot.as_str()).collect();
    let id: Vec<_> = last.words.values().map(|(id, _)| *id).collect();
    let at: Vec<_> = last.words.values().map(|(_, at)| At(*at)).collect();
    let params = [
        (&sn as _, Type::TEXT_ARRAY),
        (&slot as _, Type::TEXT_ARRAY),
        (&id as _, Type::UUID_ARRAY),
        (&at as _, Type::TIMESTAMPTZ_ARRAY),
    ];
    session.execute(SUPERSEDED, &params).await.map(drop)
}

/// Writes records as one transaction of their own.
pub(crate) async fn write(
    session: &Session,
    records: &[(Uuid, &Record)],
) -> Result<(), StoreError> {
    // The statements are sent in this order without waiting for one another. If one fails, its
    // error is what we get, and the commit that follows it is a rollback.
    let begin = session.batch("begin");
    let insert = insert(session, records.iter().copied());
    let commit = session.batch("commit");
    future::try_join3(begin, insert, commit).await?;
    Ok(())
}
