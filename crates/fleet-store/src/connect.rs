//! One connection attempt: address, handshake, session settings.
//!
//! Names are resolved by whoever wires the store (the operating system's resolver would start a
//! thread); the driver is given addresses, TLS the configured name.

use std::{net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use tokio_postgres::{
    Client, Connection, Socket,
    config::{ChannelBinding, SslMode},
};

use crate::{
    config::{DatabaseConfig, Target, Tls},
    error::describe,
    tls::{MakeTls, Stream},
};

/// The addresses of a host name, or why there are none.
pub type ResolveFuture = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, String>> + Send>>;
/// Looks a host name up without the operating system's resolver.
pub type Resolve = Arc<dyn Fn(String) -> ResolveFuture + Send + Sync>;

/// The half of a connection that must be polled for the other to work.
pub(crate) type Wire = Connection<Socket, Stream>;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<DatabaseConfig>,
    tls: MakeTls,
    resolve: Resolve,
}

impl Connector {
    pub(crate) fn new(config: Arc<DatabaseConfig>, tls: MakeTls, resolve: Resolve) -> Self {
        Self { config, tls, resolve }
    }

    /// Connects and signs in. The session is not set up yet: that needs the wire polled.
    pub(crate) async fn connect(&self) -> Result<(Client, Wire), String> {
        let limit = self.config.limits.connect;
        let attempt = async {
            let settings = self.settings().await?;
            settings.connect(self.tls.clone()).await.map_err(|error| describe(&error))
        };
        match tokio::time::timeout(limit, attempt).await {
            Ok(done) => done,
            Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
        }
    }

    async fn settings(&self) -> Result<tokio_postgres::Config, String> {
        let config = &self.config;
        let mut settings = tokio_postgres::Config::new();
        settings
            .user(&config.user)
            .dbname(&config.database)
            .port(config.port)
            .application_name("gwanje")
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(30))
            .channel_binding(ChannelBinding::Disable)
            .ssl_mode(match config.tls {
                Tls::Off => SslMode::Disable,
                Tls::Verified { .. } => SslMode::Require,
            });
        if !config.password.is_empty() {
            settings.password(config.password.expose());
        }
        match &config.target {
            Target::Socket { dir } => {
                settings.host_path(dir);
            }
            Target::Host { name } => {
                for address in self.addresses(name).await? {
                    settings.host(name).hostaddr(address);
                }
            }
        }
        Ok(settings)
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        let mut addresses = (self.resolve)(name.to_owned()).await?;
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() {
            return Err(format!("{name} has no address"));
        }
        Ok(addresses)
    }

    /// What every session starts with. Sent as statements and not as start-up options, which
    /// poolers drop.
    pub(crate) fn session_sql(&self) -> String {
        let statement_ms = self.config.limits.statement.as_millis();
        format!(
            "set statement_timeout = {statement_ms}; set lock_timeout = {statement_ms}; \
             set idle_in_transaction_session_timeout = {}; set timezone = 'UTC'; \
             set client_min_messages = warning",
            statement_ms * 2
        )
    }
}
