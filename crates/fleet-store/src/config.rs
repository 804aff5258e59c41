//! Where the database is and how it is spoken to.
//!
//! A connection address is read here and never shown again: it holds the password. Encryption is
//! all or nothing: where TLS is used, chain and name are verified; `prefer` is refused, because
//! whoever sits in between can turn it into no encryption at all.

use std::{net::IpAddr, path::PathBuf, str::FromStr as _, time::Duration};

use fleet_types::Secret;

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Unix socket in this directory.
    Socket {
        /// Directory of the socket.
        dir: PathBuf,
    },
    /// A host on the network.
    Host {
        /// Name or address; it is also what the certificate must say.
        name: String,
    },
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: Unix sockets and this machine.
    Off,
    /// Encrypted; certificate chain and name are verified.
    Verified {
        /// PEM file with the authorities to trust; none: those of the system.
        ca_file: Option<PathBuf>,
    },
}

/// Bounds of everything that could take long or grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the most.
    pub connections: usize,
    /// From the first packet to a usable session.
    pub connect: Duration,
    /// Wait for a free connection.
    pub acquire: Duration,
    /// One statement, enforced by the server and, a little later, by us.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 6,
            connect: Duration::from_secs(5),
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(15),
        }
    }
}

/// A database, and who we are to it.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Where.
    pub target: Target,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Its password; empty where the server trusts the socket.
    pub password: Secret,
    /// Database.
    pub database: String,
    /// Protection.
    pub tls: Tls,
    /// Bounds.
    pub limits: Limits,
}

/// Why a connection address is of no use. It never repeats the address, which holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an address of PostgreSQL.
    #[error(
        "database.url is not a PostgreSQL address; expected postgresql://user:password@host:5432/database \
         (a password's special characters as %xx)"
    )]
    Malformed,
    /// A part is missing.
    #[error("database.url has no {part}")]
    Missing {
        /// Which.
        part: &'static str,
    },
    /// More than one host.
    #[error("database.url names several hosts; the tower speaks to one")]
    SeveralHosts,
    /// A mode that can be turned into no encryption.
    #[error(
        "sslmode={mode} is not offered: use verify-full (also meant by require), or disable on a \
         network of your own"
    )]
    Mode {
        /// What was asked for.
        mode: String,
    },
    /// A parameter that nobody reads.
    #[error("database.url has the parameter {name}, which is not understood")]
    Parameter {
        /// Its name.
        name: String,
    },
    /// The pooler of Supabase that forgets sessions.
    #[error(
        "port 6543 is Supabase's transaction pooler, which breaks sessions apart; use the session \
         pooler or the database itself on port 5432"
    )]
    TransactionPooler,
    /// The authorities cannot be used.
    #[error("the certificate authorities in {path} cannot be used: {detail}")]
    Authorities {
        /// File.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

impl DatabaseConfig {
    /// The database behind a Unix socket, without a password.
    #[must_use]
    pub fn socket(dir: impl Into<PathBuf>, port: u16, user: &str, database: &str) -> Self {
        Self {
            target: Target::Socket { dir: dir.into() },
            port,
            user: user.to_owned(),
            password: Secret::default(),
            database: database.to_owned(),
            tls: Tls::Off,
            limits: Limits::default(),
        }
    }

    /// Reads a connection address. Besides PostgreSQL's own form it understands `sslmode`
    /// (`disable`, `require`, `verify-ca`, `verify-full`; the last three all verify chain and name)
    /// and `sslrootcert` (`system` or a PEM file). Without `sslmode`, TLS is used unless the host is
    /// this machine.
    ///
    /// # Errors
    /// [`ConfigError`], which says what to write instead and never repeats the address.
    pub fn from_url(url: &Secret) -> Result<Self, ConfigError> {
        let (address, parameters) = split_parameters(url.expose())?;
        let config =
            tokio_postgres::Config::from_str(&address).map_err(|_| ConfigError::Malformed)?;
        let target = target_of(&config)?;
        let port = config.get_ports().first().copied().unwrap_or(5432);
        if port == 6543 {
            return Err(ConfigError::TransactionPooler);
        }
        let user = config.get_user().ok_or(ConfigError::Missing { part: "user" })?.to_owned();
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        let password = match config.get_password().map(|bytes| String::from_utf8(bytes.to_vec())) {
            Some(Ok(text)) => Secret::new(text),
            Some(Err(_)) => return Err(ConfigError::Malformed),
            None => Secret::default(),
        };
        let tls = parameters.tls(&target)?;
        let limits = Limits::default();
        Ok(Self { target, port, user, password, database, tls, limits })
    }

    /// Where the database is, for people: no password, no user.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.target {
            Target::Socket { dir } => format!("{}/.s.PGSQL.{}", dir.display(), self.port),
            Target::Host { name } => format!("{name}:{}", self.port),
        }
    }
}

fn target_of(config: &tokio_postgres::Config) -> Result<Target, ConfigError> {
    use tokio_postgres::config::Host;
    match config.get_hosts() {
        [] => Err(ConfigError::Missing { part: "host" }),
        [Host::Tcp(name)] => {
            let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
            Ok(Target::Host { name })
        }
        [Host::Unix(dir)] => Ok(Target::Socket { dir: dir.clone() }),
        [_, _, ..] => Err(ConfigError::SeveralHosts),
    }
}

#[derive(Default)]
struct Parameters {
    mode: Option<String>,
    ca_file: Option<PathBuf>,
}

impl Parameters {
    fn tls(self, target: &Target) -> Result<Tls, ConfigError> {
        let is_here = match target {
            Target::Socket { .. } => return Ok(Tls::Off),
            Target::Host { name } => is_this_machine(name),
        };
        let Self { mode, ca_file } = self;
        match mode.as_deref() {
            Some("disable") => Ok(Tls::Off),
            Some("require" | "verify-ca" | "verify-full") => Ok(Tls::Verified { ca_file }),
            Some(mode) => Err(ConfigError::Mode { mode: mode.chars().take(32).collect() }),
            None if is_here && ca_file.is_none() => Ok(Tls::Off),
            None => Ok(Tls::Verified { ca_file }),
        }
    }
}

fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Takes out the parameters that the driver does not know, and refuses those nobody knows.
fn split_parameters(url: &str) -> Result<(String, Parameters), ConfigError> {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_url {
        return Err(ConfigError::Malformed);
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters = Parameters::default();
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(ConfigError::Malformed)?;
        match name {
            "sslmode" => parameters.mode = Some(value.to_owned()),
            "sslrootcert" if value == "system" => parameters.ca_file = None,
            "sslrootcert" => parameters.ca_file = Some(unescape(value)?.into()),
            "host" | "port" | "user" | "password" | "dbname" => kept.push(pair),
            // Added by Supabase's dashboard for another program.
            "pgbouncer" => {}
            name => {
                let name = name.chars().take(32).collect();
                return Err(ConfigError::Parameter { name });
            }
        }
    }
    let address = match kept.join("&") {
        kept if kept.is_empty() => address.to_owned(),
        kept => format!("{address}?{kept}"),
    };
    Ok((address, parameters))
}

fn unescape(text: &str) -> Result<String, ConfigError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b' ').into());
            let [high, low] = digits.map(|digit: char| digit.to_digit(16));
            let (Some(high), Some(low)) = (high, low) else { return Err(ConfigError::Malformed) };
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| ConfigError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<DatabaseConfig, ConfigError> {
        DatabaseConfig::from_url(&Secret::new(url))
    }

    #[test]
    fn tls_is_verified_unless_switched_off_or_on_this_machine() {
        let check = |url: &str, expect: Tls| assert_eq!(read(url).unwrap().tls, expect, "{url}");
        let verified = |file: Option<&str>| Tls::Verified { ca_file: file.map(PathBuf::from) };
        check("postgresql://u:p@db.example.org/d", verified(None));
        check("postgresql://u:p@db.example.org/d?sslmode=require", verified(None));
        check("postgresql://u:p@db.example.org/d?sslmode=verify-full", verified(None));
        check(
            "postgres://u@db.example.org/d?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem",
            verified(Some("/etc/ca.pem")),
        );
        check("postgresql://u:p@db.example.org/d?sslrootcert=system", verified(None));
        check("postgresql://u:p@db.example.org/d?sslmode=disable", Tls::Off);
        check("postgresql://u:p@127.0.0.1:54322/d", Tls::Off);
        check("postgresql://u:p@localhost/d", Tls::Off);
        check("postgresql://u:p@[::1]/d", Tls::Off);
        check("postgresql://u:p@127.0.0.1/d?sslmode=require", verified(None));
        check("postgresql://u@%2Frun%2Fpg/d", Tls::Off);
    }

    #[test]
    fn parts_are_found() {
        let config = read("postgresql://me:a%40b@db.example.org:5433/fleet").unwrap();
        assert_eq!(config.target, Target::Host { name: "db.example.org".into() });
        assert_eq!((config.port, config.user.as_str()), (5433, "me"));
        assert_eq!(config.password.expose(), "a@b");
        assert_eq!(config.database, "fleet");
        assert_eq!(config.address(), "db.example.org:5433");
        let config = read("postgresql://me@%2Frun%2Fpg/fleet").unwrap();
        assert_eq!(config.target, Target::Socket { dir: "/run/pg".into() });
    }

    #[test]
    fn bad_addresses_are_refused_without_being_repeated() {
        let check = |url: &str, expect: ConfigError| {
            let error = read(url).unwrap_err();
            assert_eq!(error, expect, "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        };
        check("mysql://u:hunter2@h/d", ConfigError::Malformed);
        check("hunter2", ConfigError::Malformed);
        check("postgresql://u:hunter2@h:notaport/d", ConfigError::Malformed);
        check("postgresql://u:hunter2@a,b/d", ConfigError::SeveralHosts);
        check("postgresql://h/d", ConfigError::Missing { part: "user" });
        check("postgresql://u:hunter2@h:6543/d", ConfigError::TransactionPooler);
        check(
            "postgresql://u:hunter2@h/d?sslmode=prefer",
            ConfigError::Mode { mode: "prefer".into() },
        );
        check(
            "postgresql://u:hunter2@h/d?options=-c",
            ConfigError::Parameter { name: "options".into() },
        );
        let config = read("postgresql://u:hunter2@h/d").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
