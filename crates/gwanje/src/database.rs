//! Which database this is, for the store: the private cluster's socket, or the address of another.

use std::sync::Arc;

use fleet_store::{ConfigError, DatabaseConfig, Resolve, Target, Tls};

use crate::{
    children::postgres,
    config::{self, Config, DatabaseMode},
    data_dir,
};

/// Where the database is and how it is spoken to; nothing when there is none.
///
/// # Errors
/// When the embedded database's password cannot be read, or an address is of no use.
pub fn settings(config: &Config) -> anyhow::Result<Option<DatabaseConfig>> {
    use anyhow::Context as _;
    match config.database.mode {
        DatabaseMode::None => Ok(None),
        DatabaseMode::External => Ok(Some(external(&config.database)?)),
        DatabaseMode::Embedded => {
            let file = config.database_password_file();
            let password = data_dir::read_secret(&file)
                .with_context(|| format!("the database's password in {}", file.display()))?;
            let dir = config.database_dir();
            let (user, name) = (postgres::USER, postgres::DATABASE);
            let mut embedded = DatabaseConfig::socket(dir, postgres::PORT, user, name);
            embedded.password = password;
            embedded.limits.connections = config.database.pool_size.into();
            Ok(Some(embedded))
        }
    }
}

/// The database with an address.
///
/// # Errors
/// When there is no address, or it is of no use. Never repeats the address.
pub fn external(database: &config::Database) -> Result<DatabaseConfig, ConfigError> {
    let url = database.url.as_ref().ok_or(ConfigError::Malformed)?;
    let mut external = DatabaseConfig::from_url(url)?;
    external.limits.connections = database.pool_size.into();
    if let Some(file) = &database.ca_file {
        if let Target::Socket { .. } = external.target {
            let (path, detail) = (file.display().to_string(), "a socket has no certificate".into());
            return Err(ConfigError::Authorities { path, detail });
        }
        external.tls = Tls::Verified { ca_file: Some(file.clone()) };
    }
    Ok(external)
}

/// Names to addresses without the operating system's resolver.
#[must_use]
pub fn resolver() -> Resolve {
    Arc::new(|host: String| {
        Box::pin(async move {
            // The port is no part of the question.
            let found = fleet_links::resolve::resolve(&host, 0).await;
            found
                .map(|addresses| addresses.into_iter().map(|address| address.ip()).collect())
                .map_err(|error| error.to_string())
        })
    })
}
