//! People with accounts, between the API and the database: what is asked is passed on, and who may
//! what is read whenever it changed, by whomever.
//!
//! It looks once a second, and after every change made here before that is answered: a session that
//! was ended is refused from the answer on. It decides nothing.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use fleet_api::{AccountError, Accounts, People, SignIn, Signer, SupabaseKeys};
use fleet_store::{
    Database, StoreError,
    people::{self, Created, NotChanged},
    tokens,
};
use fleet_types::{
    DeviceSn, Secret,
    people::{
        Account, AccountChange, AccountSession, Email, Ending, MachineToken, Membership,
        NewMachineToken, Refreshed, SessionOrigin, TokenHash,
    },
};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{basemaps, recovery::DatabaseView};
use crate::{config::Config, data_dir};

/// Until the first look: nobody with an account is let in before.
const FIRST: Duration = Duration::from_millis(100);
/// Between two looks at what changed.
const EVERY: Duration = Duration::from_secs(1);
/// How exactly the last use of a token is known.
const USES_EVERY: Duration = Duration::from_mins(1);

/// How people sign in, by the configuration; the accounts, where there is a database.
///
/// # Errors
/// When the signing key cannot be read or made.
pub(super) fn open(
    config: &Config,
    view: Option<&DatabaseView>,
) -> anyhow::Result<(People, Option<Arc<Stored>>)> {
    let Some(view) = view else { return Ok((People::nobody(), None)) };
    let stored = Arc::new(Stored { view: view.clone(), people: OnceLock::new() });
    let people = People::new(sign_in(config)?, Some(Arc::clone(&stored) as Arc<dyn Accounts>));
    // Set once, here.
    let _ = stored.people.set(people.clone());
    Ok((people, Some(stored)))
}

pub(super) fn sign_in(config: &Config) -> anyhow::Result<SignIn> {
    if let Some(url) = &config.auth.supabase_url {
        let (resolve, roots) = basemaps::outside(&config.auth.ca_file);
        return Ok(SignIn::Supabase(SupabaseKeys {
            url: url.clone(),
            anon_key: config.auth.supabase_anon_key.clone(),
            shared_secret: config.auth.supabase_jwt_secret.clone(),
            resolve,
            roots,
        }));
    }
    let file = config.signing_key_file();
    let key = data_dir::private_or_new(&file, || {
        Signer::fresh_key().map(Secret::new).map_err(std::io::Error::other)
    });
    let key = key.with_context(|| format!("the signing key in {}", file.display()))?;
    let signer = Signer::from_key(key.expose());
    let signer = signer.with_context(|| format!("the signing key in {}", file.display()))?;
    Ok(SignIn::Own { signer, url: config.console_address() })
}

/// The accounts in the database.
pub(super) struct Stored {
    view: DatabaseView,
    people: OnceLock<People>,
}

impl Stored {
    fn database(&self) -> Result<Database, AccountError> {
        let (is_ready, why) = self.view.check();
        if is_ready { Ok(self.view.database()) } else { Err(AccountError::Unavailable(why)) }
    }

    /// Reads who may what, if it changed.
    async fn look(&self) -> Result<(), StoreError> {
        let Some(people) = self.people.get() else { return Ok(()) };
        let database = self.view.database();
        if people.revision() == Some(people::revision(&database).await?) {
            people.database_is_there();
            return Ok(());
        }
        people.put(people::directory(&database).await?);
        Ok(())
    }

    /// What was changed is in force.
    async fn in_force(&self) -> Result<(), AccountError> {
        self.look().await.map_err(unavailable)
    }

    /// Notes which tokens were used, a minute at a time; what cannot be noted is forgotten.
    async fn note_uses(&self) {
        let Some(people) = self.people.get() else { return };
        let uses = people.take_uses();
        if uses.is_empty() || !self.view.is_ready() {
            return;
        }
        if let Err(error) = tokens::used(&self.view.database(), &uses).await {
            tracing::debug!(%error, "the last use of tokens was not noted");
        }
    }

    /// Looks for ever.
    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = FIRST;
        let mut noted = Instant::now();
        loop {
            if noted.elapsed() >= USES_EVERY {
                noted = Instant::now();
                self.note_uses().await;
            }
            match self.look().await {
                Ok(()) => pause = EVERY,
                Err(error) => {
                    tracing::debug!(%error, "who may what cannot be read");
                    if let Some(people) = self.people.get() {
                        people.database_is_away();
                    }
                }
            }
            sleep(pause).await;
        }
    }
}

fn unavailable(error: StoreError) -> AccountError {
    AccountError::Unavailable(error.to_string())
}

type Answer<'a, T> = BoxFuture<'a, Result<T, AccountError>>;

impl Accounts for Stored {
    fn by_password(&self, email: Email, password: Secret) -> Answer<'_, Option<Account>> {
        Box::pin(async move {
            let database = self.database()?;
            people::account_by_password(&database, &email, &password).await.map_err(unavailable)
        })
    }

    fn open(&self, id: Uuid, token: TokenHash, from: SessionOrigin) -> Answer<'_, Option<Uuid>> {
        Box::pin(async move {
            let database = self.database()?;
            people::open_session(&database, id, &token, &from).await.map_err(unavailable)
        })
    }

    fn refresh(&self, token: TokenHash, next: TokenHash) -> Answer<'_, Refreshed> {
        Box::pin(async move {
            let database = self.database()?;
            let done = people::refresh(&database, &token, &next).await.map_err(unavailable)?;
            if matches!(done, Refreshed::Over | Refreshed::Reused { .. }) {
                self.in_force().await?;
            }
            Ok(done)
        })
    }

    fn end(&self, id: Uuid, ending: Ending, why: &'static str) -> Answer<'_, ()> {
        Box::pin(async move {
            let database = self.database()?;
            people::end_sessions(&database, id, ending, why).await.map_err(unavailable)?;
            self.in_force().await
        })
    }

    fn sessions(&self, id: Uuid) -> Answer<'_, Vec<AccountSession>> {
        Box::pin(async move { people::sessions(&self.database()?, id).await.map_err(unavailable) })
    }

    fn get(&self, id: Uuid) -> Answer<'_, Option<Account>> {
        Box::pin(async move { people::get(&self.database()?, id).await.map_err(unavailable) })
    }

    fn list(&self) -> Answer<'_, Vec<Account>> {
        Box::pin(async move { people::list(&self.database()?).await.map_err(unavailable) })
    }

    fn create(&self, email: Email, password: Option<Secret>, said: Value) -> Answer<'_, Account> {
        Box::pin(async move {
            let database = self.database()?;
            let made = people::create(&database, &email, password.as_ref(), &said).await;
            match made.map_err(unavailable)? {
                Created::Made(account) => {
                    self.in_force().await?;
                    Ok(*account)
                }
                Created::Taken => Err(AccountError::Taken),
            }
        })
    }

    fn change(&self, id: Uuid, change: AccountChange, keeps: Option<Uuid>) -> Answer<'_, Account> {
        Box::pin(async move {
            let database = self.database()?;
            let changed = people::change(&database, id, &change, keeps).await;
            let account = changed.map_err(|error| match error {
                NotChanged::Unknown => AccountError::Unknown,
                NotChanged::Taken => AccountError::Taken,
                NotChanged::Store(error) => unavailable(error),
            })?;
            self.in_force().await?;
            Ok(account)
        })
    }

    fn make_token(&self, new: NewMachineToken) -> Answer<'_, MachineToken> {
        Box::pin(async move {
            let made = tokens::create(&self.database()?, &new).await.map_err(unavailable)?;
            self.in_force().await?;
            made.ok_or(AccountError::TokenTaken)
        })
    }

    fn tokens(&self) -> Answer<'_, Vec<MachineToken>> {
        Box::pin(async move { tokens::list(&self.database()?).await.map_err(unavailable) })
    }

    fn revoke_token(&self, id: Uuid, by: String) -> Answer<'_, bool> {
        Box::pin(async move {
            let done = tokens::revoke(&self.database()?, id, &by).await.map_err(unavailable)?;
            self.in_force().await?;
            Ok(done)
        })
    }

    fn make_site(&self, name: String) -> Answer<'_, Uuid> {
        Box::pin(async move {
            let made = tokens::create_site(&self.database()?, &name).await.map_err(unavailable)?;
            self.in_force().await?;
            Ok(made)
        })
    }

    fn rename_site(&self, id: Uuid, name: String) -> Answer<'_, bool> {
        Box::pin(async move {
            let database = self.database()?;
            let done = tokens::rename_site(&database, id, &name).await.map_err(unavailable)?;
            self.in_force().await?;
            Ok(done)
        })
    }

    fn move_dock(&self, sn: DeviceSn, aircraft: Vec<DeviceSn>, site: Uuid) -> Answer<'_, bool> {
        Box::pin(async move {
            let moved = tokens::move_dock(&self.database()?, &sn, &aircraft, site).await;
            let moved = moved.map_err(unavailable)?;
            self.in_force().await?;
            Ok(moved.is_some())
        })
    }

    fn set_roles(&self, id: Uuid, roles: BTreeSet<Membership>, by: String) -> Answer<'_, ()> {
        Box::pin(async move {
            let database = self.database()?;
            people::set_memberships(&database, id, &roles, &by).await.map_err(unavailable)?;
            self.in_force().await
        })
    }
}
