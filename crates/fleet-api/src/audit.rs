//! Who did what: every call that changes something leaves an entry of the audit behind, whatever
//! becomes of it.
//!
//! The guard makes the entry, by the action that the table of routes names, so that a handler can
//! neither forget it nor fail without it: a refusal by right, a panic and a caller that hung up leave
//! one too. Handlers add the essentials ([`Note`]), never a secret. What commands an aircraft never
//! waits for its entry; what changes the tower is answered when its entry is safe, or after two
//! seconds. Failed sign-ins are told of once a minute for each peer and name, with their number.
//! Read next: [`crate::rights::ROUTES`], `docs/adr/0022-audit.md`.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{http::StatusCode, response::Response};
use fleet_types::{
    AlarmId, CommandId, DeviceSn, MissionId, ResponseCode, TraceId, WallMs, audit::AuditEntry,
    people::Email,
};
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::{
    app::{App, Shared},
    attempts::network,
    auth::Principal,
    clock::now_ms,
    problem::Code,
    rights::Route,
};

/// How long an answer waits for its entry.
const SAFE_WITHIN: Duration = Duration::from_secs(2);
/// Failed sign-ins of one peer and name are counted for so long before they are told of again.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// Peers and names that are counted apart; beyond them all together.
const COUNTED_MAX: usize = 256;
/// Longest word that is taken over from an address.
const WORD_MAX: usize = 64;

/// What a handler says of what it does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    sn: Option<DeviceSn>,
    site_id: Option<Uuid>,
    trace_id: Option<TraceId>,
    details: BTreeMap<String, Value>,
    is_routine: bool,
}

impl Note {
    /// A word that changes nothing and comes all the time: it leaves an entry only when it is refused.
    pub(crate) fn is_routine(&self) {
        self.noted().is_routine = true;
    }

    /// On which device.
    pub(crate) fn on(&self, sn: &DeviceSn) {
        self.noted().sn = Some(sn.clone());
    }

    /// At which site.
    pub(crate) fn at(&self, site_id: Uuid) {
        self.noted().site_id = Some(site_id);
    }

    /// In which flow.
    pub(crate) fn flow(&self, trace_id: TraceId) {
        self.noted().trace_id = Some(trace_id);
    }

    /// One of the essentials; never a secret.
    pub(crate) fn say(&self, name: &str, value: impl Into<Value>) {
        self.noted().details.insert(name.to_owned(), value.into());
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way and will leave an entry, even if nobody hears its end.
pub(crate) struct Watch {
    app: App,
    note: Note,
    entry: Option<AuditEntry>,
    waits: bool,
}

impl Watch {
    /// Of this call; none where the table names no action.
    pub(crate) fn begin(
        app: &App,
        caller: &Principal,
        peer: IpAddr,
        route: &Route,
        path: &str,
    ) -> Option<Self> {
        if route.action.is_empty() {
            return None;
        }
        let note = Note::default();
        for (name, word) in words(route.path, path) {
            match name {
                "sn" => note.noted().sn = DeviceSn::new(word).ok(),
                name => note.say(name, word.chars().take(WORD_MAX).collect::<String>()),
            }
        }
        let mut entry = AuditEntry::new(Uuid::now_v7(), now_ms(), caller.who(), route.action);
        entry.account_id = caller.person();
        entry.peer = Some(peer.to_string());
        (entry.outcome, entry.code) = (ResponseCode::Unknown, Some("cut_off".to_owned()));
        let waits = !route.is_of_aircraft();
        subject(app, route.path, path, &note);
        Some(Self { app: Arc::clone(app), note, entry: Some(entry), waits })
    }

    pub(crate) fn note(&self) -> Note {
        self.note.clone()
    }

    /// It was answered so. What is given is to be waited for before the answer leaves.
    pub(crate) fn end(mut self, response: &Response) -> Option<Safe> {
        let mut entry = self.entry.take()?;
        entry.outcome = outcome(response.status());
        if entry.outcome == ResponseCode::Ok && self.note.noted().is_routine {
            return None;
        }
        entry.code = response.extensions().get::<Code>().map(|Code(code)| code.to_string());
        let safe = self.app.keep(self.whole(entry));
        self.waits.then_some(safe)
    }

    fn whole(&self, mut entry: AuditEntry) -> AuditEntry {
        let noted = std::mem::take(&mut *self.note.noted());
        entry.at_ms = now_ms();
        (entry.sn, entry.site_id) = (noted.sn, noted.site_id);
        (entry.trace_id, entry.details) = (noted.trace_id, noted.details);
        entry
    }
}

impl Drop for Watch {
    /// Cut off: by its caller, by time, or by a panic.
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.app.keep(self.whole(entry));
        }
    }
}

/// What stands in a path for the names in its pattern.
fn words<'a>(pattern: &'a str, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    pattern.split('/').zip(path.split('/')).filter_map(|(name, word)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name, word))
    })
}

/// The device and the flow of what a path names by its id.
fn subject(app: &Shared, pattern: &str, path: &str, note: &Note) {
    let id = words(pattern, path).find(|(name, _)| *name == "id");
    let Some(id) = id.and_then(|(_, word)| word.parse::<Uuid>().ok()) else { return };
    let view = app.hub.view();
    let of = |root: &str| pattern.starts_with(root);
    let found = if of("/api/v1/commands/") {
        let command = view.commands.get(CommandId(id));
        command.map(|status| (Some(status.sn.clone()), Some(status.trace_id)))
    } else if of("/api/v1/missions/") {
        let mission = view.missions.get(MissionId(id));
        mission.map(|status| (Some(status.sn.clone()), Some(status.trace_id)))
    } else if of("/api/v1/alarms/") {
        view.alarm(AlarmId(id)).map(|alarm| (alarm.sn.clone(), None))
    } else {
        None
    };
    drop(view);
    if let Some((sn, trace_id)) = found {
        let mut noted = note.noted();
        (noted.sn, noted.trace_id) = (sn, trace_id);
    }
}

/// What a status says of what was asked.
fn outcome(status: StatusCode) -> ResponseCode {
    match status {
        // It left, and nobody knows.
        StatusCode::GATEWAY_TIMEOUT => ResponseCode::Unknown,
        status if status.is_server_error() => ResponseCode::Failed,
        status if status.is_client_error() => ResponseCode::Rejected,
        _ => ResponseCode::Ok,
    }
}

/// An entry on its way.
pub(crate) struct Safe(oneshot::Receiver<()>);

impl Safe {
    /// Until it is safe; not for ever.
    pub(crate) async fn wait(self) {
        if timeout(SAFE_WITHIN, self.0).await.is_err() {
            tracing::warn!("a call was answered before its entry of the audit was safe");
        }
    }
}

impl Shared {
    /// Puts an entry on record; never waits.
    pub(crate) fn keep(&self, entry: AuditEntry) -> Safe {
        let (told, safe) = oneshot::channel();
        let lost = self.metrics.audit_lost.clone();
        let done = move |is_safe: bool| {
            if !is_safe {
                lost.inc();
            }
            // An error means that nobody waits.
            let _ = told.send(());
        };
        self.audit.append(entry, Box::new(done));
        Safe(safe)
    }

    /// Somebody signed in.
    pub(crate) async fn signed_in(&self, who: String, id: Option<Uuid>, peer: IpAddr, how: &str) {
        let mut entry = AuditEntry::new(Uuid::now_v7(), now_ms(), who, "sign_in");
        (entry.account_id, entry.peer) = (id, Some(peer.to_string()));
        self.keep(entry.with("method", how)).wait().await;
    }

    /// Somebody did not get in. `email`: as whom they tried, where that is a name at all.
    pub(crate) fn not_signed_in(
        &self,
        email: Option<&Email>,
        peer: IpAddr,
        how: &'static str,
        code: &str,
    ) {
        let told = self.refusals.note(email, peer, how, code, Instant::now());
        told.into_iter().for_each(|entry| drop(self.keep(entry)));
    }

    /// Tells of what was counted long enough ago, or of all of it.
    pub(crate) fn tell_refusals(&self, all: bool) {
        let told = self.refusals.due(Instant::now(), all);
        told.into_iter().for_each(|entry| drop(self.keep(entry)));
    }
}

/// Failed sign-ins that were not told of yet.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Key, Counted>>);

type Key = (IpAddr, Option<Email>);

struct Counted {
    since: Instant,
    since_ms: WallMs,
    more: u64,
    how: &'static str,
    code: String,
}

impl Refusals {
    fn note(
        &self,
        email: Option<&Email>,
        peer: IpAddr,
        how: &'static str,
        code: &str,
        now: Instant,
    ) -> Vec<AuditEntry> {
        let mut told = self.due(now, false);
        let mut open = self.open();
        let mut key = (network(peer), email.cloned());
        if open.len() >= COUNTED_MAX && !open.contains_key(&key) {
            key = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), None);
        }
        if let Some(counted) = open.get_mut(&key) {
            counted.more += 1;
            code.clone_into(&mut counted.code);
        } else {
            let counted =
                Counted { since: now, since_ms: now_ms(), more: 0, how, code: code.to_owned() };
            told.push(counted.entry(&key, 1));
            open.insert(key, counted);
        }
        told
    }

    fn due(&self, now: Instant, all: bool) -> Vec<AuditEntry> {
        let mut told = Vec::new();
        self.open().retain(|key, counted| {
            let is_due = all || now - counted.since >= TOLD_EVERY;
            if is_due && counted.more > 0 {
                told.push(counted.entry(key, counted.more));
            }
            !is_due
        });
        told
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Key, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn entry(&self, (peer, email): &Key, count: u64) -> AuditEntry {
        let mut entry = AuditEntry::new(Uuid::now_v7(), now_ms(), "nobody", "sign_in")
            .with("method", self.how)
            .with("count", count)
            .with("since_ms", self.since_ms.0);
        if let Some(email) = email {
            entry = entry.with("email", email.as_str());
        }
        entry.peer = Some(peer.to_string());
        // The database away is nobody's guess.
        let is_ours = self.code == "accounts_unavailable";
        entry.outcome = if is_ours { ResponseCode::Failed } else { ResponseCode::Rejected };
        entry.code = Some(self.code.clone());
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn failed_sign_ins_are_counted_and_told_of_once_a_minute() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let kim = Email::new("kim@example.kr").unwrap();
        let note = |n, at| refusals.note(Some(&kim), peer(n), "password", "bad", at);
        assert_eq!(note(1, now).len(), 1);
        for _ in 0..1000 {
            assert_eq!(note(1, now), []);
        }
        assert_eq!(note(2, now).len(), 1, "another peer is told of by itself");
        let told = refusals.due(now + TOLD_EVERY, false);
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((&told.details["count"], told.outcome), (&1000.into(), ResponseCode::Rejected));
        assert_eq!(told.details["email"], "kim@example.kr");
        assert_eq!(note(1, now + TOLD_EVERY).len(), 1, "and begins anew");
        assert_eq!(refusals.due(now + TOLD_EVERY, true), [], "there is nothing more to tell");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let told: usize =
            (1..10_000).map(|n| refusals.note(None, peer(n), "password", "bad", now).len()).sum();
        assert_eq!(told, COUNTED_MAX + 1);
        assert_eq!(refusals.open().len(), COUNTED_MAX + 1);
    }

    #[test]
    fn what_a_path_names_is_found_by_its_pattern() {
        let found: Vec<_> = words("/a/{sn}/b/{item}", "/a/SIMDK1/b/rain").collect();
        assert_eq!(found, [("sn", "SIMDK1"), ("item", "rain")]);
    }
}
