//! The audit in the tower: entries of the API and of the bus into the database, and the chain's end
//! recorded where the database cannot reach it.
//!
//! What became of commands and missions is taken from the bus, whoever asked for them: a person, a
//! token, a schedule. Once a minute the end of the chain is written into the data directory
//! (`audit-head`): a chain that was cut off or made anew since does not hold it any more. What the
//! command line did without the tower lies in `audit-inbox` until it is on record. Without a database
//! entries go to the log and nowhere else.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fleet_api::{Api, AuditLog, Kept};
use fleet_bus::Bus;
use fleet_store::{
    audit::{self, Audit},
    journal::JournalCounts,
    spool::SpoolClient,
};
use fleet_types::{
    CommandState, CommandStatus, MissionState, MissionStatus, ResponseCode,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
    authority::{AuthorityChange, Change, Changed},
};
use futures_util::future::BoxFuture;
use tokio::{sync::oneshot, time::interval};
use uuid::Uuid;

use super::{clock, recovery::DatabaseView};
use crate::data_dir;

/// Samples of one look at the bus.
const BATCH: usize = 64;
/// Outcomes remembered, so that what is told again is not written again.
const TOLD_MAX: usize = 1024;
/// Between two looks at what was counted and what the command line left.
const LOOK: Duration = Duration::from_secs(5);
/// The end of the chain is recorded every so many looks.
const HEAD_EVERY: u32 = 12;
/// Entries of the command line taken up at a time.
const INBOX_MAX: usize = 64;
/// Largest of them, bytes.
const INBOX_BYTES: u64 = 64 << 10;
/// Where the end of the chain is recorded.
pub const HEAD_FILE: &str = "audit-head";
/// Where the command line leaves what it did.
pub const INBOX_DIR: &str = "audit-inbox";

/// The audit in the database.
pub struct StoredAudit {
    audit: Audit,
    view: DatabaseView,
    waiting: Arc<AtomicUsize>,
    data_dir: PathBuf,
}

impl StoredAudit {
    /// Of this database.
    #[must_use]
    pub fn new(audit: Audit, view: DatabaseView, data_dir: &Path) -> Self {
        Self { audit, view, waiting: Arc::default(), data_dir: data_dir.to_owned() }
    }

    /// Entries that are not safe yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// What became of entries.
    #[must_use]
    pub fn counts(&self) -> JournalCounts {
        self.audit.counts()
    }

    /// Gives it a connection to its spool. False when it ended.
    pub async fn connect_spool(&self, spool: SpoolClient) -> bool {
        self.audit.connect_spool(spool).await
    }

    /// Compares the end of the chain with the one that was recorded, and records it. False when it
    /// could not be asked.
    async fn record_head(&self) -> bool {
        if !self.view.is_ready() {
            return false;
        }
        let head = match audit::head(&self.view.database()).await {
            Ok(head) => head,
            Err(error) => {
                tracing::debug!(%error, "the end of the audit cannot be read");
                return false;
            }
        };
        let file = self.data_dir.join(HEAD_FILE);
        let recorded = read_head(&file);
        if let Some(recorded) = &recorded
            && let Err(fault) = audit::check_head(&head, recorded)
        {
            // What was recorded stays: it is the proof.
            let (seq, why) = (fault.seq, fault.why);
            tracing::error!(seq, why, "the audit is not what it was: gwanje audit verify");
            return true;
        }
        if recorded.as_ref() != Some(&head)
            && let Err(error) = write_head(&file, &head)
        {
            tracing::error!(%error, "the end of the audit cannot be recorded");
        }
        true
    }

    /// Takes up what the command line did; an entry leaves the inbox when it is on record.
    async fn take_inbox(&self) {
        let dir = self.data_dir.join(INBOX_DIR);
        let Ok(files) = std::fs::read_dir(&dir) else { return };
        for file in files.flatten().take(INBOX_MAX) {
            let path = file.path();
            let is_small = file.metadata().is_ok_and(|meta| meta.len() <= INBOX_BYTES);
            let is_entry = path.extension().is_some_and(|extension| extension == "json");
            if !is_entry || !is_small {
                continue;
            }
            let entry = std::fs::read(&path).ok();
            let entry: Option<AuditEntry> =
                entry.and_then(|text| serde_json::from_slice(&text).ok());
            let Some(entry) = entry else {
                tracing::error!(file = %path.display(), "this is no entry of the audit");
                let _ = std::fs::rename(&path, path.with_extension("unreadable"));
                continue;
            };
            let (told, done) = oneshot::channel();
            self.append(
                entry,
                Box::new(move |is_safe| {
                    let _ = told.send(is_safe);
                }),
            );
            if done.await == Ok(true) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// Keeps the head and the inbox for ever, and tells of what the API counted.
    pub async fn run(self: Arc<Self>, api: Api) {
        let mut every = interval(LOOK);
        let mut looks = HEAD_EVERY;
        loop {
            every.tick().await;
            api.tell_refusals(false);
            self.take_inbox().await;
            looks += 1;
            if looks >= HEAD_EVERY && self.record_head().await {
                looks = 0;
            }
        }
    }
}

/// The end of the chain as it was recorded here.
#[must_use]
pub fn read_head(file: &Path) -> Option<AuditHead> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

fn write_head(file: &Path, head: &AuditHead) -> std::io::Result<()> {
    data_dir::write_private(file, &serde_json::to_vec(head)?)
}

/// Leaves an entry for the tower, which may not be running.
///
/// # Errors
/// When it cannot be written.
pub fn leave(data_dir: &Path, entry: &AuditEntry) -> anyhow::Result<()> {
    let dir = data_dir.join(INBOX_DIR);
    data_dir::private_dir(&dir)?;
    let file = dir.join(format!("{}.json", entry.id));
    Ok(data_dir::write_private(&file, &serde_json::to_vec(entry)?)?)
}

/// An entry of the tower itself.
#[must_use]
pub fn own(action: &str) -> AuditEntry {
    AuditEntry::new(Uuid::now_v7(), clock::now().wall, "tower", action)
}

impl AuditLog for StoredAudit {
    fn append(&self, entry: AuditEntry, done: Kept) {
        let waiting = Arc::clone(&self.waiting);
        waiting.fetch_add(1, Ordering::Relaxed);
        let (actor, action) = (entry.actor.clone(), entry.action.clone());
        let told = move |result: Result<(), fleet_store::StoreError>| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = &result {
                tracing::error!(actor, action, %error, "an entry of the audit is lost");
            }
            done(result.is_ok());
        };
        self.audit.append(entry, Box::new(told));
    }

    fn page(
        &self,
        person: Option<Uuid>,
        filter: AuditFilter,
    ) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async move {
            let page = audit::page(&self.view.database(), person, &filter).await;
            page.map_err(|error| error.to_string())
        })
    }

    fn chunk(&self, after: i64) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async move {
            let chunk = audit::chunk(&self.view.database(), after).await;
            chunk.map_err(|error| error.to_string())
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<AuditHead, String>> {
        Box::pin(async move {
            audit::head(&self.view.database()).await.map_err(|error| error.to_string())
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<AuditVerdict, String>> {
        Box::pin(async move {
            let recorded = read_head(&self.data_dir.join(HEAD_FILE));
            let recorded: Vec<_> = recorded.into_iter().collect();
            let verdict = audit::verify(&self.view.database(), &recorded).await;
            verdict.map_err(|error| error.to_string())
        })
    }

    fn line(&self, entry: &ChainedEntry, is_csv: bool) -> String {
        line(entry, is_csv)
    }

    fn frame(&self, head: &AuditHead, is_csv: bool) -> (&'static str, String) {
        frame(head, is_csv)
    }
}

/// An entry as a line of a file.
pub(crate) fn line(entry: &ChainedEntry, is_csv: bool) -> String {
    if is_csv { audit::csv_line(entry) } else { audit::json_line(entry) }
}

/// The first line of a file, where there is one, and the last.
pub(crate) fn frame(head: &AuditHead, is_csv: bool) -> (&'static str, String) {
    (if is_csv { audit::CSV_HEADER } else { "" }, audit::json_head(head, is_csv))
}

/// Where there is no database: entries go to the log.
pub struct LoggedAudit;

const NOWHERE: &str = "this tower has no database, and therefore keeps no audit but its log";

impl AuditLog for LoggedAudit {
    fn append(&self, entry: AuditEntry, done: Kept) {
        let AuditEntry { actor, action, outcome, peer, sn, .. } = entry;
        let sn = sn.map(|sn| sn.to_string());
        tracing::info!(actor, action, ?outcome, peer, sn, "audit");
        done(true);
    }

    fn page(
        &self,
        _: Option<Uuid>,
        _: AuditFilter,
    ) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async { Err(NOWHERE.to_owned()) })
    }

    fn chunk(&self, _: i64) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async { Err(NOWHERE.to_owned()) })
    }

    fn head(&self) -> BoxFuture<'_, Result<AuditHead, String>> {
        Box::pin(async { Err(NOWHERE.to_owned()) })
    }

    fn verify(&self) -> BoxFuture<'_, Result<AuditVerdict, String>> {
        Box::pin(async { Err(NOWHERE.to_owned()) })
    }

    fn line(&self, entry: &ChainedEntry, is_csv: bool) -> String {
        line(entry, is_csv)
    }

    fn frame(&self, head: &AuditHead, is_csv: bool) -> (&'static str, String) {
        frame(head, is_csv)
    }
}

/// Puts what becomes of commands and missions on record, and who had a dock to themselves.
pub async fn outcomes(log: Arc<dyn AuditLog>, bus: Bus) {
    let mut commands = bus.reader::<CommandStatus>();
    let mut missions = bus.reader::<MissionStatus>();
    let mut authority = bus.reader::<AuthorityChange>();
    let mut told = VecDeque::new();
    loop {
        let entries: Vec<_> = tokio::select! {
            biased;
            some = commands.take(BATCH) => some.iter().filter_map(|s| of_command(s)).collect(),
            some = missions.take(BATCH) => some.iter().filter_map(|s| of_mission(s)).collect(),
            some = authority.take(BATCH) => some.iter().filter_map(|s| of_authority(s)).collect(),
        };
        for entry in entries {
            if told.contains(&entry.id) {
                continue;
            }
            if told.len() == TOLD_MAX {
                told.pop_front();
            }
            told.push_back(entry.id);
            log.append(entry, Box::new(drop));
        }
        tokio::task::yield_now().await;
    }
}

/// The same outcome has the same identity, by whichever tower it is told and however often.
fn identity(of: Uuid, outcome: u8) -> Uuid {
    Uuid::from_u128(of.as_u128() ^ (u128::from(outcome) + 1) << 64)
}

fn of_command(status: &CommandStatus) -> Option<AuditEntry> {
    let (n, outcome) = match status.state {
        CommandState::Succeeded => (0, ResponseCode::Ok),
        CommandState::Failed => (1, ResponseCode::Failed),
        CommandState::Rejected => (2, ResponseCode::Rejected),
        CommandState::Expired => (3, ResponseCode::Expired),
        CommandState::Unknown => (4, ResponseCode::Unknown),
        CommandState::Accepted
        | CommandState::Journaled
        | CommandState::Sent
        | CommandState::Acknowledged => return None,
    };
    let id = identity(status.command_id.0, n);
    let mut entry =
        AuditEntry::new(id, clock::now().wall, status.issued_by.clone(), "command.outcome")
            .with("command_id", status.command_id.to_string())
            .with("method", status.method.clone())
            .with("counter_action", status.counter_action)
            .with("accepted_ms", status.accepted_ms.0);
    if let Some(mission_id) = status.mission_id {
        entry = entry.with("mission_id", mission_id.to_string());
    }
    entry.outcome = outcome;
    entry.code = status.reason.as_ref().map(|reason| reason.code.to_string());
    (entry.sn, entry.trace_id) = (Some(status.sn.clone()), Some(status.trace_id));
    Some(entry)
}

fn of_mission(status: &MissionStatus) -> Option<AuditEntry> {
    let (n, outcome) = match status.state {
        MissionState::Ended => (0, status.response_code.unwrap_or(ResponseCode::Ok)),
        MissionState::Unknown => (1, ResponseCode::Unknown),
        MissionState::Scheduled
        | MissionState::Preparing
        | MissionState::Prepared
        | MissionState::Ready
        | MissionState::Starting
        | MissionState::Executing
        | MissionState::Paused
        | MissionState::Hovering => return None,
    };
    let id = identity(status.mission_id.0, n);
    let mut entry =
        AuditEntry::new(id, clock::now().wall, status.issued_by.clone(), "mission.outcome")
            .with("mission_id", status.mission_id.to_string())
            .with("wayline", status.wayline_name.clone())
            .with("accepted_ms", status.accepted_ms.0);
    if let Some(verdict) = status.verdict {
        entry = entry.with("verdict", serde_json::to_value(verdict).unwrap_or_default());
    }
    entry.outcome = outcome;
    entry.code = status.reason.as_ref().map(|reason| reason.code.to_string());
    (entry.sn, entry.trace_id) = (Some(status.sn.clone()), Some(status.trace_id));
    Some(entry)
}

/// Who got a dock to themselves, and who had it no longer; not whom a command made its last commander:
/// the command is on record.
fn of_authority(told: &AuthorityChange) -> Option<AuditEntry> {
    let Changed { at_ms, scope, lease, change } = &told.changed;
    let holder = lease.as_ref().filter(|lease| lease.is_explicit).map(|lease| &lease.holder.who);
    let (actor, how) = match change {
        Change::Commanded | Change::Silent { was_explicit: false, .. } => return None,
        Change::Silent { from, was_explicit: true } => (&from.who, "silent"),
        Change::Released => return None, // its call is on record
        Change::Taken => (holder?, "taken"),
        Change::HandedOver { by } => (&by.who, "handed_over"),
        Change::TakenOver { .. } => (holder?, "taken_over"),
    };
    let mut entry = AuditEntry::new(Uuid::now_v7(), *at_ms, actor.clone(), "authority.outcome")
        .with("scope", serde_json::to_value(scope).unwrap_or_default())
        .with("how", how);
    if let Some(lease) = lease {
        entry = entry.with("holder", lease.holder.who.clone()).with("fence", lease.fence);
    }
    if let Change::TakenOver { from, .. } = change {
        entry = entry.with("from", from.who.clone());
    }
    entry.sn = Some(told.sn.clone());
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_the_same_entry_and_another_is_another() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(identity(a, 1), identity(a, 1));
        assert_ne!(identity(a, 1), identity(a, 2));
        assert_ne!(identity(a, 0), a);
        assert_ne!(identity(a, 1), identity(b, 1));
    }

    #[test]
    fn what_the_command_line_left_is_an_entry_of_its_own_file() {
        let dir = data_dir::TempDir::new().expect("a directory");
        let entry = own("certificate.issue").with("sn", "D1");
        leave(dir.path(), &entry).expect("written");
        let file = dir.path().join(INBOX_DIR).join(format!("{}.json", entry.id));
        let read: AuditEntry =
            serde_json::from_slice(&std::fs::read(file).expect("there")).expect("an entry");
        assert_eq!(read, entry);
    }
}
