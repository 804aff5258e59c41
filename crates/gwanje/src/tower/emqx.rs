//! Answers EMQX, and brokers that ask in its way, over HTTP: who may sign in, and who may publish and
//! subscribe where. The same rules as the private Mosquitto's, for a broker that is somebody else's.
//!
//! `POST /mqtt/emqx/auth` and `POST /mqtt/emqx/acl`, as EMQX 5 documents its HTTP authenticator and
//! authorizer ("Use HTTP Service"); `docs/howto/emqx.md` has the broker's side. It decides nothing
//! about accounts that are not the tower's: those are `ignore`, so that the broker's other
//! authenticators are asked. Read next: [`accounts`] for passwords, [`server`] for the HTTP side.

pub mod accounts;
pub mod server;

use std::sync::Arc;

use dji_cloud::topic::{Topic, TopicKind};
use fleet_types::{DeviceSn, Secret};
use serde::{Deserialize, Serialize};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::aircraft_rights::AircraftRights;
use crate::{children::denials::Denials, config::Config};
use accounts::{ACCOUNTS_FILE, Accounts, Login, Tag};
use server::Desk;

/// The endpoint, listening and not yet answering.
pub struct Endpoint {
    /// Docks' accounts.
    pub accounts: Arc<Accounts>,
    /// What it refused.
    pub denials: Arc<Denials>,
    desk: Arc<Desk>,
    listener: TcpListener,
}

impl Endpoint {
    /// The endpoint that is configured; none when none is.
    ///
    /// # Errors
    /// When its address is in use or its accounts cannot be read.
    pub fn open(config: &Config, rights: &Arc<AircraftRights>) -> anyhow::Result<Option<Self>> {
        let (Some(listen), Some(secret)) = (config.mqtt.emqx.listen, &config.mqtt.emqx.secret)
        else {
            return Ok(None);
        };
        let accounts = Arc::new(Accounts::open(config.data_dir.join(ACCOUNTS_FILE))?);
        let denials = Arc::new(Denials::default());
        let tower = match config.broker_login()? {
            (Some(name), Some(password)) => Some((name, Tag::of(password.expose().as_bytes())?)),
            _ => None,
        };
        let rules =
            Rules::new(tower, Arc::clone(&accounts), Arc::clone(rights), Arc::clone(&denials));
        let desk = Arc::new(Desk::new(rules, Tag::of(secret.expose().as_bytes())?));
        let listener = std::net::TcpListener::bind(listen).and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        let listener = listener.with_context(|| format!("cannot listen on {listen} for EMQX"))?;
        Ok(Some(Self { accounts, denials, desk, listener }))
    }

    /// Answers as long as it is polled.
    pub async fn serve(self) {
        self.desk.serve(self.listener).await;
    }
}

/// What the broker asks when a client signs in. Fields that a site adds are passed over.
#[derive(Deserialize)]
pub struct AuthQuestion {
    username: Option<String>,
    /// Never shown: no `Debug` here.
    password: Option<String>,
}

/// What the broker asks when a client publishes or subscribes.
#[derive(Debug, Deserialize)]
pub struct AclQuestion {
    username: Option<String>,
    #[serde(default)]
    clientid: String,
    topic: String,
    action: Action,
}

/// What a client wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Publish on a topic.
    Publish,
    /// Subscribe to a filter.
    Subscribe,
}

/// In the broker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not.
    Deny,
    /// It is none of ours: ask others.
    Ignore,
}

/// The answer to either question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    result: Verdict,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_superuser: bool,
}

impl From<Verdict> for Answer {
    fn from(result: Verdict) -> Self {
        Self { result, is_superuser: false }
    }
}

/// Who may what.
pub struct Rules {
    tower: Option<(String, Tag)>,
    accounts: Arc<Accounts>,
    rights: Arc<AircraftRights>,
    denials: Arc<Denials>,
}

impl Rules {
    /// Rules for the tower's own login, the docks' accounts and their aircraft. What is refused is
    /// counted with `denials`.
    #[must_use]
    pub fn new(
        tower: Option<(String, Tag)>,
        accounts: Arc<Accounts>,
        rights: Arc<AircraftRights>,
        denials: Arc<Denials>,
    ) -> Self {
        Self { tower, accounts, rights, denials }
    }

    /// Whether a client may sign in.
    #[must_use]
    pub fn auth(&self, question: &AuthQuestion) -> Answer {
        let (Some(username), Some(password)) =
            (question.username.as_deref(), question.password.as_deref())
        else {
            return Verdict::Ignore.into();
        };
        if let Some((tower, tag)) = &self.tower
            && tower == username
        {
            let is_superuser = tag.is(password.as_bytes());
            let result = if is_superuser { Verdict::Allow } else { Verdict::Deny };
            return Answer { result, is_superuser };
        }
        let verdict = match self.accounts.login(username, &Secret::new(password)) {
            Login::Right => Verdict::Allow,
            Login::Wrong => Verdict::Deny,
            Login::Unknown => Verdict::Ignore,
        };
        verdict.into()
    }

    /// Whether a client may publish or subscribe there.
    #[must_use]
    pub fn acl(&self, question: &AclQuestion) -> Answer {
        let AclQuestion { username, clientid, topic, action } = question;
        let Some(username) = username else { return Verdict::Ignore.into() };
        if self.tower.as_ref().is_some_and(|(tower, _)| tower == username) {
            return Verdict::Allow.into();
        }
        let dock = DeviceSn::new(username).ok().filter(|sn| self.accounts.has(sn));
        let Some(dock) = dock else { return Verdict::Ignore.into() };
        if self.may(&dock, *action, topic) {
            return Verdict::Allow.into();
        }
        if *action == Action::Publish {
            self.denials.note(if clientid.is_empty() { username } else { clientid }, topic);
        }
        Verdict::Deny.into()
    }

    fn may(&self, dock: &DeviceSn, action: Action, topic: &str) -> bool {
        // A filter with wildcards is no topic, so that it is nobody's.
        let Some(topic) = Topic::parse(topic) else { return false };
        match action {
            Action::Subscribe => topic.sn == dock.as_str() && !topic.kind.is_up(),
            Action::Publish if topic.sn == dock.as_str() => topic.kind.is_up(),
            Action::Publish => {
                matches!(topic.kind, TopicKind::Osd | TopicKind::State)
                    && DeviceSn::new(topic.sn).is_ok_and(|sn| self.rights.is_paired(dock, &sn))
            }
        }
    }
}

#[cfg(test)]
mod tests;
