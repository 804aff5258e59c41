//! Records as rows: what is searched for is a column, the record itself is JSON.

use fleet_core::journal::{Entry, Record};
use fleet_types::{CommandId, WallMs, command::Subject};
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
}

struct Facts {
    kind: &'static str,
    subject: Subject,
    effect: Effect,
}

fn facts(entry: &Entry) -> Facts {
    match entry {
        Entry::Command { command_id, mission_id, .. } => Facts {
            kind: "command",
            subject: Subject::Command(*command_id),
            effect: Effect::Opens { mission_id: mission_id.map(|id| id.0) },
        },
        Entry::CommandOutcome { command_id, state, .. } => Facts {
            kind: "command_outcome",
            subject: Subject::Command(*command_id),
            effect: if state.is_final() { Effect::Closes } else { Effect::Continues },
        },
        Entry::Resolved { subject, .. } => {
            Facts { kind: "resolved", subject: *subject, effect: Effect::Closes }
        }
        Entry::Mission(mission) => Facts {
            kind: "mission",
            subject: Subject::Mission(mission.mission_id),
            effect: Effect::Opens { mission_id: None },
        },
        Entry::MissionStep { mission_id, .. } => Facts {
            kind: "mission_step",
            subject: Subject::Mission(*mission_id),
            effect: Effect::Continues,
        },
        Entry::MissionOutcome { mission_id, .. } => Facts {
            kind: "mission_outcome",
            subject: Subject::Mission(*mission_id),
            effect: Effect::Closes,
        },
        // It stands for itself, and stays open: each is taken up again, and the fold over them tells
        // which still counts.
        Entry::Notice(notice) => Facts {
            kind: "notice",
            subject: Subject::Command(CommandId(notice.request_id.0)),
            effect: Effect::Opens { mission_id: None },
        },
    }
}

fn subject_parts(subject: Subject) -> (&'static str, Uuid) {
    match subject {
        Subject::Command(id) => ("command", id.0),
        Subject::Mission(id) => ("mission", id.0),
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
}

impl<'a> Subjects<'a> {
    fn push(&mut self, subject: Subject, sn: &'a str, at: WallMs, effect: &Effect) {
        let (kind, id) = subject_parts(subject);
        let (mission_id, opened_at, closed_at) = match effect {
            Effect::Opens { mission_id } => (*mission_id, Some(At(at)), None),
            Effect::Closes => (None, None, Some(At(at))),
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
    }
}

const INSERT: &str = "
    insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
    select * from unnest($1, $2, $3, $4, $5, $6, $7, $8) on conflict (record_id) do nothing";

// An end that is on record stays, whichever of the two came first.
const SUBJECTS: &str = "
    insert into journal_subjects as old
      (subject_id, subject_kind, sn, mission_id, opened_at, closed_at)
    select * from unnest($1, $2, $3, $4, $5, $6)
    on conflict (subject_id) do update set
      mission_id = coalesce(old.mission_id, excluded.mission_id),
      opened_at = coalesce(old.opened_at, excluded.opened_at),
      closed_at = coalesce(old.closed_at, excluded.closed_at)";

/// Writes records inside the transaction that `session` has open. Repeating it changes nothing.
pub(crate) async fn insert<'a>(
    session: &Session,
    records: impl Iterator<Item = (Uuid, &'a Record)>,
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    let mut subjects = Subjects::default();
    for (record_id, record) in records {
        let Facts { kind, subject, effect } = facts(&record.entry);
        let (subject_kind, subject_id) = subject_parts(subject);
        columns.record_id.push(record_id);
        columns.at.push(At(record.at_ms));
        columns.sn.push(record.sn.as_str());
        columns.trace_id.push(record.trace_id.0);
        columns.kind.push(kind);
        columns.subject_kind.push(subject_kind);
        columns.subject_id.push(subject_id);
        columns.record.push(json::value(record));
        subjects.push(subject, record.sn.as_str(), record.at_ms, &effect);
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
    ];
    // Sent together: a distant database costs one round trip, not two.
    let journal = session.execute(INSERT, &journal);
    let subjects = session.execute(SUBJECTS, &open_and_closed);
    future::try_join(journal, subjects).await?;
    Ok(())
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
