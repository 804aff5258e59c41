//! What can go wrong with the database, in words for people and without secrets.
//!
//! A driver's error is taken apart here and nowhere else: its own text names neither cause nor
//! remedy, and details of a violated constraint hold values, which do not belong in a log.

use std::error::Error as _;

use tokio_postgres::error::{Error as PgError, SqlState};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection, and none could be made.
    #[error("the database is not reachable: {detail}")]
    Unavailable {
        /// What the last attempt met.
        detail: String,
    },
    /// Every connection was in use for as long as a caller may wait.
    #[error("no database connection became free within {waited_ms} ms")]
    Busy {
        /// How long was waited, milliseconds.
        waited_ms: u64,
    },
    /// No answer in time; whether the statement took effect is not known.
    #[error("the database did not answer within {limit_ms} ms")]
    Timeout {
        /// The limit, milliseconds.
        limit_ms: u64,
    },
    /// The connection broke; whether the statement took effect is not known.
    #[error("the connection to the database broke: {detail}")]
    Broken {
        /// What the driver met.
        detail: String,
    },
    /// The database refused the statement; it took no effect.
    #[error("the database refused a statement: {message} (SQLSTATE {code})")]
    Refused {
        /// PostgreSQL's code.
        code: String,
        /// PostgreSQL's sentence, without its detail.
        message: String,
    },
    /// What was read is not what this version of the program writes.
    #[error("{what} in the database cannot be read: {detail}")]
    Unreadable {
        /// Which row.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    /// Whether the database may well carry out the same request later: it is away, starting,
    /// stopping, or out of room. What it refused for its content it will refuse again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Busy { .. }
            | Self::Timeout { .. }
            | Self::Broken { .. } => true,
            Self::Refused { code, .. } => is_passing_code(code),
            Self::Unreadable { .. } => false,
        }
    }

    /// What happened, without the sentence that says that the database is not reachable.
    pub(crate) fn detail(self) -> String {
        match self {
            Self::Unavailable { detail } => detail,
            Self::Busy { .. }
            | Self::Timeout { .. }
            | Self::Broken { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. } => self.to_string(),
        }
    }

    /// Whether the database has no room left on its disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == SqlState::DISK_FULL.code())
    }
}

/// Classes of SQLSTATE that speak of the server's condition and not of the statement: connection,
/// transaction rollback, resources, operator intervention, system error; and a lock not obtained.
fn is_passing_code(code: &str) -> bool {
    ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "55P03"
}

impl From<PgError> for StoreError {
    fn from(error: PgError) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let (code, message) = (refusal.code().code().to_owned(), refusal.message().to_owned());
            return Self::Refused { code, message };
        }
        Self::Broken { detail: describe(&error) }
    }
}

/// A driver's error with its causes, each said once.
pub(crate) fn describe(error: &PgError) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", refusal.message(), refusal.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}
