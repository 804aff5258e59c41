//! Administration in the tower's words: docks and their aircraft.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fleet_types::DeviceSn;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Answer, PendingTable, REQUEST_TOPIC,
    acl::{direct_control_acls, dock_acls, dock_role},
};
use crate::{
    Secret,
    mqtt::{LinkHandle, SendRefused},
};

/// Longest time the broker may take to answer. A change of 5,000 docks' file takes it 71 ms.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Names in one page of a list; keeps answers far below the packet limit.
const PAGE: usize = 500;

/// Why the broker's accounts were not changed or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynsecError {
    /// The request did not leave.
    #[error("the broker's administration was not asked")]
    NotAsked(#[source] SendRefused),
    /// Too many requests are under way.
    #[error("too many administration requests are under way")]
    Busy,
    /// No answer in time: whether it was done is not known. All requests may be repeated.
    #[error("the broker's administration did not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    NoAnswer,
    /// The broker said no.
    #[error("the broker refused {command}: {error}")]
    Refused {
        /// Command refused.
        command: String,
        /// The plugin's words.
        error: String,
    },
    /// The answer is not as documented.
    #[error("the broker's answer to {command} cannot be read")]
    Unreadable {
        /// Command answered.
        command: &'static str,
    },
}

/// Changes the broker's accounts. Cheap to clone. All operations may be repeated.
#[derive(Clone)]
pub struct DynsecClient {
    link: LinkHandle,
    table: Arc<Mutex<PendingTable>>,
}

impl DynsecClient {
    /// A client on this link; the link's configuration must have `watch_control` set.
    #[must_use]
    pub fn new(link: LinkHandle) -> Self {
        let mut nonce = [0_u8; 8];
        // Without randomness a late answer to an earlier process might match, nothing worse.
        let _ = SystemRandom::new().fill(&mut nonce);
        let table = PendingTable::new(u64::from_ne_bytes(nonce));
        Self { link, table: Arc::new(Mutex::new(table)) }
    }

    /// Takes an answer ([`crate::mqtt::LinkEvent::Control`]). `false` when nobody waits for it.
    pub fn on_response(&self, payload: &[u8]) -> bool {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).on_response(payload)
    }

    /// Makes a dock's account, or gives an existing one this password (which disconnects it).
    ///
    /// # Errors
    /// [`DynsecError`].
    pub async fn create_dock(&self, dock: &DeviceSn, password: &Secret) -> Result<(), DynsecError> {
        let role = dock_role(dock);
        let answers = self
            .ask(vec![
                json!({ "command": "createRole", "rolename": role, "acls": dock_acls(dock) }),
                json!({
                    "command": "createClient",
                    "username": dock.as_str(),
                    "password": password.expose(),
                    "roles": [{ "rolename": role }],
                }),
            ])
            .await?;
        tolerate(&answers, &["Role already exists", "Client already exists"])?;
        if !answers.iter().any(|answer| answer.command == "createClient" && answer.error.is_some())
        {
            return Ok(());
        }
        let answers = self
            .ask(vec![json!({
                "command": "setClientPassword",
                "username": dock.as_str(),
                "password": password.expose(),
            })])
            .await?;
        tolerate(&answers, &[])
    }

    /// Removes a dock's account and role; a connected dock is disconnected.
    ///
    /// # Errors
    /// [`DynsecError`].
    pub async fn delete_dock(&self, dock: &DeviceSn) -> Result<(), DynsecError> {
        let answers = self
            .ask(vec![
                json!({ "command": "deleteClient", "username": dock.as_str() }),
                json!({ "command": "deleteRole", "rolename": dock_role(dock) }),
            ])
            .await?;
        tolerate(&answers, &["Client not found", "Role not found"])
    }

    /// Makes a login for one session of direct control: for this client id alone, and with a role of
    /// its own that bears its name.
    pub(super) async fn create_session(
        &self,
        dock: &DeviceSn,
        login: &str,
        password: &Secret,
    ) -> Result<(), DynsecError> {
        let acls = direct_control_acls(dock);
        let answers = self
            .ask(vec![
                json!({ "command": "createRole", "rolename": login, "acls": acls }),
                json!({
                    "command": "createClient",
                    "username": login,
                    "clientid": login,
                    "password": password.expose(),
                    "roles": [{ "rolename": login }],
                }),
            ])
            .await?;
        tolerate(&answers, &[])
    }

    /// Removes such a login; its connection is ended.
    pub(super) async fn delete_session(&self, login: &str) -> Result<(), DynsecError> {
        let answers = self
            .ask(vec![
                json!({ "command": "deleteClient", "username": login }),
                json!({ "command": "deleteRole", "rolename": login }),
            ])
            .await?;
        tolerate(&answers, &["Client not found", "Role not found"])
    }

    /// Names that begin so, of clients and of roles.
    pub(super) async fn list_beginning(
        &self,
        prefix: &str,
    ) -> Result<BTreeSet<String>, DynsecError> {
        let mut names = self.list("listClients", "clients").await?;
        names.extend(self.list("listRoles", "roles").await?);
        names.retain(|name| name.starts_with(prefix));
        Ok(names)
    }

    /// Ends a dock's connections; it may come back at once.
    ///
    /// # Errors
    /// [`DynsecError`].
    pub async fn disconnect(&self, dock: &DeviceSn) -> Result<(), DynsecError> {
        let of = |command: &str| json!({ "command": command, "username": dock.as_str() });
        // Disabling an account ends its connections. Enabled in the same request, it is never
        // without its rights for longer than that.
        let answers = self.ask(vec![of("disableClient"), of("enableClient")]).await?;
        tolerate(&answers, &["Client not found"])
    }

    /// Docks that have an account: clients that are valid serial numbers and whose role exists.
    ///
    /// # Errors
    /// [`DynsecError`].
    pub async fn list_docks(&self) -> Result<BTreeSet<DeviceSn>, DynsecError> {
        let clients = self.list("listClients", "clients").await?;
        let roles = self.list("listRoles", "roles").await?;
        Ok(clients
            .iter()
            .filter_map(|name| DeviceSn::new(name).ok())
            .filter(|sn| roles.contains(&dock_role(sn)))
            .collect())
    }

    async fn list(
        &self,
        command: &'static str,
        field: &str,
    ) -> Result<BTreeSet<String>, DynsecError> {
        let unreadable = || DynsecError::Unreadable { command };
        let mut names = BTreeSet::new();
        let mut offset = 0;
        loop {
            let page = json!({
                "command": command, "verbose": false, "count": PAGE, "offset": offset,
            });
            let answers = self.ask(vec![page]).await?;
            tolerate(&answers, &[])?;
            let data = &answers.first().ok_or_else(unreadable)?.data;
            let page = data.get(field).and_then(Value::as_array).ok_or_else(unreadable)?;
            names.extend(page.iter().filter_map(Value::as_str).map(str::to_owned));
            offset += page.len();
            if page.len() < PAGE {
                return Ok(names);
            }
        }
    }

    async fn ask(&self, commands: Vec<Value>) -> Result<Vec<Answer>, DynsecError> {
        let asked = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.request(commands)
        };
        let (payload, answered) = asked.ok_or(DynsecError::Busy)?;
        self.link.control(REQUEST_TOPIC.to_owned(), payload).map_err(DynsecError::NotAsked)?;
        match timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(_)) | Err(_) => Err(DynsecError::NoAnswer),
        }
    }
}

/// The first refusal that does not merely say that things are already as they should be.
fn tolerate(answers: &[Answer], harmless: &[&str]) -> Result<(), DynsecError> {
    for answer in answers {
        if let Some(error) = &answer.error
            && !harmless.contains(&error.as_str())
        {
            let (command, error) = (answer.command.clone(), error.clone());
            return Err(DynsecError::Refused { command, error });
        }
    }
    Ok(())
}
