//! Docks' accounts for a broker that asks: a salted hash each, in a private file.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroU32,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use fleet_types::{DeviceSn, Secret};
use ring::{
    hmac, pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};

use crate::data_dir;

/// Name of the file in the data directory.
pub const ACCOUNTS_FILE: &str = "dock-accounts.json";
/// Passwords are generated with 120 bits: more rounds would buy nothing and hold up the loop when
/// thousands of docks come back at once.
const ROUNDS: NonZeroU32 = NonZeroU32::new(101).expect("101 is not zero");
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

/// What a name and password are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// An account's.
    Right,
    /// An account's name with another password.
    Wrong,
    /// No account's.
    Unknown,
}

/// All accounts.
pub struct Accounts {
    file: PathBuf,
    accounts: Mutex<BTreeMap<DeviceSn, Account>>,
}

impl Accounts {
    /// Those of the file; none when there is no file.
    ///
    /// # Errors
    /// When it cannot be read: beginning without accounts would lock every dock out.
    pub fn open(file: PathBuf) -> anyhow::Result<Self> {
        let shown = file.display().to_string();
        let accounts = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| {
                format!("{shown} cannot be understood; restore it, or remove it and enrol the docks again")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
        };
        Ok(Self { file, accounts: Mutex::new(accounts) })
    }

    /// Docks that have an account.
    #[must_use]
    pub fn docks(&self) -> Vec<DeviceSn> {
        self.lock().keys().cloned().collect()
    }

    /// Whether the dock has an account.
    #[must_use]
    pub fn has(&self, sn: &DeviceSn) -> bool {
        self.lock().contains_key(sn)
    }

    /// Makes an account, or gives it another password.
    ///
    /// # Errors
    /// When there is no randomness, or the file cannot be written; then nothing has changed.
    pub fn set(&self, sn: &DeviceSn, password: &Secret) -> anyhow::Result<()> {
        let mut salt = [0_u8; SALT_BYTES];
        let random = SystemRandom::new().fill(&mut salt);
        random.ok().context("the system gives no random numbers")?;
        let mut hash = [0_u8; HASH_BYTES];
        let password = password.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password, &mut hash);
        self.change(|accounts| {
            accounts.insert(sn.clone(), Account { salt, hash });
        })
    }

    /// Removes an account.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn remove(&self, sn: &DeviceSn) -> anyhow::Result<()> {
        self.change(|accounts| {
            accounts.remove(sn);
        })
    }

    /// Judges a login.
    #[must_use]
    pub fn login(&self, username: &str, password: &Secret) -> Login {
        let account = DeviceSn::new(username).ok().and_then(|sn| self.lock().get(&sn).cloned());
        let Some(Account { salt, hash }) = account else { return Login::Unknown };
        let password = password.expose().as_bytes();
        // Compares in constant time.
        match pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password, &hash) {
            Ok(()) => Login::Right,
            Err(_) => Login::Wrong,
        }
    }

    fn change(&self, how: impl FnOnce(&mut BTreeMap<DeviceSn, Account>)) -> anyhow::Result<()> {
        let mut accounts = self.lock();
        let mut wanted = accounts.clone();
        how(&mut wanted);
        let text = serde_json::to_vec(&wanted).context("the accounts cannot be written down")?;
        data_dir::write_private(&self.file, &text)
            .with_context(|| format!("cannot write {}", self.file.display()))?;
        *accounts = wanted;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DeviceSn, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Knows a secret without keeping it, and compares with it in constant time.
pub struct Tag {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Tag {
    /// Of a secret.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn of(secret: &[u8]) -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.ok().context("the system gives no random numbers")?;
        let tag = hmac::sign(&key, secret);
        Ok(Self { key, tag })
    }

    /// Whether this is it.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        hmac::verify(&self.key, presented, self.tag.as_ref()).is_ok()
    }
}
