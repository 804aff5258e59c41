//! Configuration: one TOML file, then `GWANJE_…` environment variables, then flags.
//!
//! [`load()`] reads all three and reports every mistake with its place, not only the first; it
//! refuses unknown keys. What each key means and may hold is one table ([`fields`]), from which
//! the environment names and `gwanje config check` follow. Secrets are [`Secret`]s and may come
//! from files of their own (`*_file`). Read next: `gwanje.example.toml`, [`load`].

mod basemaps;
mod check;
mod fields;
mod load;
mod value;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

pub use basemaps::Basemap;
pub use load::{Loaded, Mistake, Origin, Sources, load, read_secret};

use crate::secret::Secret;

/// Everything a Gwanje process may be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Gwanje keeps its files.
    pub data_dir: PathBuf,
    /// The site.
    pub site: Site,
    /// HTTP and WebSocket.
    pub api: Api,
    /// The broker.
    pub mqtt: Mqtt,
    /// Where people sign in.
    pub auth: Auth,
    /// What must last.
    pub database: Database,
    /// What docks are told, and DJI's licence.
    pub dji: Dji,
    /// Where media go.
    pub objects: Objects,
    /// Wayline files by address.
    pub waylines: Waylines,
    /// The map of the console.
    pub map: Map,
    /// The operator's grounds for it, in their order.
    pub basemaps: Vec<Basemap>,
    /// Logging.
    pub log: Log,
    /// Upper bounds.
    pub limits: Limits,
    /// What other DDS programs see.
    pub dds: Dds,
    /// What the site asks of a flight before take-off.
    pub preflight: fleet_core::preflight::Limits,
    /// How long whoever commands a dock may be silent.
    pub authority: fleet_core::authority::AuthorityConfig,
    /// The file it was read from.
    pub file: Option<PathBuf>,
}

/// The site this tower stands for.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name, for people.
    pub name: String,
    /// IANA time zone of its clocks, for display (`Asia/Seoul`).
    pub time_zone: String,
}

/// HTTP and WebSocket.
#[derive(Clone, Debug)]
pub struct Api {
    /// Address to listen on; anything but loopback needs [`Api::tls`].
    pub listen: SocketAddr,
    /// The address people and docks use, without a final slash, when it is not `listen`.
    pub public_url: Option<String>,
    /// Host names answered besides the loopback ones and that of `public_url`.
    pub allowed_hosts: Vec<String>,
    /// Certificate and key files.
    pub tls: Option<TlsFiles>,
}

/// PEM files of the API's certificate.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Who runs the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerMode {
    /// `gwanje up` runs a private Mosquitto.
    Embedded,
    /// Somebody else does; Gwanje cannot create its logins.
    External,
}

/// The broker.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// Who runs it.
    pub mode: BrokerMode,
    /// Embedded: address the broker listens on.
    pub listen: SocketAddr,
    /// The host name or address a dock is told to connect to.
    pub public_host: Option<String>,
    /// External: `host:port`, tried in turn.
    pub brokers: Vec<String>,
    /// External: the tower's login name. Embedded: set by [`Mqtt::TOWER_USER`].
    pub username: Option<String>,
    /// External: its password.
    pub password: Option<Secret>,
    /// Prefix of the tower's client ids; two towers on one broker need two.
    pub client_id: String,
    /// MQTT keep-alive, seconds, 5–300.
    pub keep_alive_s: u16,
    /// Embedded: whether `listen` may be reachable from other machines though it has no TLS.
    pub plain_lan: bool,
    /// Embedded: whether publishes that the broker refuses are counted, which costs it and the
    /// supervisor work for every message.
    pub count_denials: bool,
    /// TLS.
    pub tls: MqttTls,
    /// External: answering a broker that asks over HTTP.
    pub emqx: Emqx,
}

/// Answering EMQX's questions about logins and rights.
#[derive(Clone, Debug, Default)]
pub struct Emqx {
    /// Where; on this machine alone. None: it is off.
    pub listen: Option<SocketAddr>,
    /// What the broker must present.
    pub secret: Option<Secret>,
}

/// TLS of the broker.
#[derive(Clone, Debug, Default)]
pub struct MqttTls {
    /// Embedded: TLS for docks that sign in by name and password.
    pub listen: Option<SocketAddr>,
    /// Embedded: TLS for docks that sign in by certificate, and for the tower.
    pub certificate_listen: Option<SocketAddr>,
    /// External: whether the brokers speak TLS.
    pub enabled: bool,
    /// External: authorities the brokers' certificates are checked against.
    pub ca: Option<PathBuf>,
    /// External: the tower's certificate.
    pub cert: Option<PathBuf>,
    /// External: its key.
    pub key: Option<PathBuf>,
    /// External: the name the brokers' certificates must have, when they are reached by another.
    pub name: Option<String>,
}

impl Mqtt {
    /// Login name of the tower on the embedded broker.
    pub const TOWER_USER: &str = "gwanje-tower";

    /// The addresses the tower connects to, `host:port`, tried in turn.
    #[must_use]
    pub fn link_addresses(&self) -> Vec<String> {
        match self.mode {
            BrokerMode::External => self.brokers.clone(),
            BrokerMode::Embedded => {
                // The tower signs in by certificate where that is possible.
                let address = self.tls.certificate_listen.unwrap_or(self.listen);
                vec![reachable(address).to_string()]
            }
        }
    }
}

/// Where people sign in.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Supabase's address, without a final slash. None: at the tower itself.
    pub supabase_url: Option<String>,
    /// Its public key for browsers.
    pub supabase_anon_key: String,
    /// Its shared secret, where it still signs with one.
    pub supabase_jwt_secret: Option<Secret>,
    /// PEM file of the authorities that it is checked against.
    pub ca_file: PathBuf,
}

/// Who runs the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseMode {
    /// `gwanje up` runs a private PostgreSQL.
    Embedded,
    /// Somebody else does: Supabase, or any PostgreSQL 15 or newer.
    External,
    /// Nobody: the journal is in memory, and a restart forgets. For trials and tests.
    None,
}

/// The database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Who runs it.
    pub mode: DatabaseMode,
    /// External: its address with user and password.
    pub url: Option<Secret>,
    /// External: PEM file of the authorities that its certificate is checked against.
    pub ca_file: Option<PathBuf>,
    /// Connections at the most, 3–64.
    pub pool_size: u8,
    /// Whether the tower brings the schema up to date when it starts.
    pub migrate_at_start: bool,
    /// Days that telemetry is kept in full.
    pub telemetry_days: u32,
    /// Days that its roll-ups of one minute are kept.
    pub rollup_days: u32,
    /// Days that events are kept, and commands, missions, alarms and their records once they are over.
    pub history_days: u32,
    /// Most megabytes of the spool, which keeps what the database could not take.
    pub spool_mb: u32,
}

/// What docks are told in bring-up. DJI page: "Dock to Cloud, Configuration update".
#[derive(Clone, Debug)]
pub struct Dji {
    /// NTP server a dock sets its clock by; a dock with a wrong clock does not come up.
    pub ntp_server_host: String,
    /// Its UDP port.
    pub ntp_server_port: u16,
    /// DJI developer application: id.
    pub app_id: String,
    /// DJI developer application: key.
    pub app_key: Secret,
    /// DJI developer application: licence.
    pub app_license: Secret,
    /// Organisation a dock is bound to: id.
    pub organization_id: String,
    /// Organisation: name shown on the remote controller.
    pub organization_name: String,
    /// Code that must be typed into DJI Pilot 2 to bind a dock; empty accepts any.
    pub binding_code: Secret,
    /// Texts of health alarms in the form of DJI's `hms.json`; they go before our own short ones.
    pub hms_file: Option<PathBuf>,
}

/// Who keeps media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectsMode {
    /// `gwanje up` runs a store of its own.
    Embedded,
    /// Nobody: docks that ask where to upload are refused.
    None,
}

/// Where media go.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Who keeps them.
    pub mode: ObjectsMode,
    /// Embedded: address the store listens on; anything but loopback needs [`Objects::tls`].
    pub listen: SocketAddr,
    /// The address docks upload to, without a path, when it is not `listen`.
    pub public_url: Option<String>,
    /// Certificate and key files.
    pub tls: Option<TlsFiles>,
    /// Megabytes that one dock may hold.
    pub quota_mb: u32,
    /// Megabytes of the disk that stay free.
    pub free_mb: u32,
    /// Minutes that a dock's credentials live.
    pub key_minutes: u32,
}

/// Wayline files by address.
#[derive(Clone, Debug)]
pub struct Waylines {
    /// Hosts, with or without a port, that files may be fetched from when somebody names an address.
    pub url_hosts: Vec<fleet_api::UrlHost>,
    /// PEM file of the authorities that those hosts are checked against.
    pub ca_file: PathBuf,
}

/// The map of the console.
#[derive(Clone, Debug)]
pub struct Map {
    /// PEM file of the authorities that upstreams of basemaps are checked against.
    pub ca_file: PathBuf,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Logging.
#[derive(Clone, Debug)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// `tracing` filter: a level, or `info,fleet_links=debug`.
    pub level: String,
}

/// How DDS participants find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DdsDiscovery {
    /// By multicast.
    Multicast,
    /// By the addresses in [`Dds::peers`].
    Peers,
}

/// What other DDS programs see.
#[derive(Clone, Debug)]
pub struct Dds {
    /// Whether anybody may.
    pub enabled: bool,
    /// DDS domain, 0–232.
    pub domain_id: u16,
    /// Participants with another tag are not heard.
    pub domain_tag: String,
    /// Address of the network interface.
    pub interface: Ipv4Addr,
    /// How others are found.
    pub discovery: DdsDiscovery,
    /// Addresses that are asked.
    pub peers: Vec<fleet_bus::wire::Peer>,
}

impl Dds {
    /// As the bus takes it.
    #[must_use]
    pub fn wire(&self) -> fleet_bus::wire::WireConfig {
        use fleet_bus::wire::{Discovery, WireConfig};
        WireConfig {
            domain_id: self.domain_id,
            domain_tag: self.domain_tag.clone(),
            interface: self.interface,
            discovery: match self.discovery {
                DdsDiscovery::Multicast => Discovery::Multicast,
                DdsDiscovery::Peers => Discovery::Peers(self.peers.clone()),
            },
        }
    }
}

/// Upper bounds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Docks one tower may enrol.
    pub max_docks: u32,
    /// API connections at a time.
    pub api_connections: u32,
    /// Unacknowledged device events at a time.
    pub events_in_flight: u16,
    /// Life of a one-time sign-in code, seconds.
    pub sign_in_code_s: u32,
    /// Messages of telemetry that one device may send in a second.
    pub device_messages_per_s: u32,
}

impl Config {
    /// The defaults, which run on one machine without any configuration. `root` picks the data
    /// directory of a system service; `home` and `xdg` (`$XDG_DATA_HOME`) that of a person.
    #[must_use]
    pub fn defaults(root: bool, home: Option<&str>, xdg: Option<&str>) -> Self {
        let data_dir = match (root, xdg, home) {
            (true, _, _) => PathBuf::from("/var/lib/gwanje"),
            (false, Some(xdg), _) if xdg.starts_with('/') => PathBuf::from(xdg).join("gwanje"),
            (false, _, Some(home)) => PathBuf::from(home).join(".local/share/gwanje"),
            (false, _, None) => PathBuf::from("gwanje-data"),
        };
        let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            data_dir,
            site: Site { name: "Gwanje".into(), time_zone: "Asia/Seoul".into() },
            api: Api { listen: local(8080), public_url: None, allowed_hosts: vec![], tls: None },
            mqtt: Mqtt {
                mode: BrokerMode::Embedded,
                listen: local(1883),
                public_host: None,
                brokers: vec![],
                username: None,
                password: None,
                client_id: "gwanje".into(),
                keep_alive_s: 30,
                plain_lan: false,
                count_denials: true,
                tls: MqttTls::default(),
                emqx: Emqx::default(),
            },
            auth: Auth {
                supabase_url: None,
                supabase_anon_key: String::new(),
                supabase_jwt_secret: None,
                ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            },
            database: Database {
                mode: DatabaseMode::Embedded,
                url: None,
                ca_file: None,
                pool_size: 6,
                migrate_at_start: true,
                telemetry_days: 30,
                rollup_days: 730,
                history_days: 730,
                spool_mb: 2048,
            },
            dji: Dji {
                ntp_server_host: "pool.ntp.org".into(),
                ntp_server_port: 123,
                app_id: String::new(),
                app_key: Secret::default(),
                app_license: Secret::default(),
                organization_id: "gwanje".into(),
                organization_name: "Gwanje".into(),
                binding_code: Secret::default(),
                hms_file: None,
            },
            objects: Objects {
                mode: ObjectsMode::Embedded,
                listen: local(9000),
                public_url: None,
                tls: None,
                quota_mb: 200_000,
                free_mb: 2048,
                key_minutes: 60,
            },
            waylines: Waylines {
                url_hosts: vec![],
                ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            },
            map: Map { ca_file: "/etc/ssl/certs/ca-certificates.crt".into() },
            basemaps: vec![],
            log: Log { format: LogFormat::Human, level: "info".into() },
            limits: Limits {
                max_docks: 10_000,
                api_connections: 1024,
                events_in_flight: 1000,
                sign_in_code_s: 600,
                device_messages_per_s: 100,
            },
            dds: Dds {
                enabled: false,
                domain_id: 0,
                domain_tag: String::new(),
                interface: Ipv4Addr::LOCALHOST,
                discovery: DdsDiscovery::Multicast,
                peers: vec![],
            },
            preflight: fleet_core::preflight::Limits::default(),
            authority: fleet_core::authority::AuthorityConfig {
                explicit_ms: 120_000,
                ..fleet_core::authority::AuthorityConfig::default()
            },
            file: None,
        }
    }

    /// SHA-256 of what is in force, secrets left out: another one is another configuration.
    #[must_use]
    pub fn digest(&self) -> String {
        let shown = fields::FIELDS.iter().map(|field| (field.key, (field.show)(self)));
        let text: Vec<_> = shown.map(|(key, value)| format!("{key} = {value:?}\n")).collect();
        fleet_store::audit::sha256(text.concat().as_bytes())
    }

    /// File of the API token, readable by the owner alone.
    #[must_use]
    pub fn api_token_file(&self) -> PathBuf {
        self.data_dir.join("api-token")
    }

    /// File of the key that the tower signs accounts' tokens with, readable by the owner alone.
    #[must_use]
    pub fn signing_key_file(&self) -> PathBuf {
        self.data_dir.join("signing-key")
    }

    /// The tower's Unix socket for the local command line.
    #[must_use]
    pub fn tower_socket(&self) -> PathBuf {
        self.data_dir.join("tower.sock")
    }

    /// File of the tower's password on the embedded broker, readable by the owner alone.
    #[must_use]
    pub fn broker_password_file(&self) -> PathBuf {
        self.data_dir.join("mqtt-password")
    }

    /// The embedded broker's own directory.
    #[must_use]
    pub fn broker_dir(&self) -> PathBuf {
        self.data_dir.join("broker")
    }

    /// The embedded database's own directory: its cluster and its socket.
    #[must_use]
    pub fn database_dir(&self) -> PathBuf {
        self.data_dir.join("db")
    }

    /// File of the password of the embedded database, readable by the owner alone.
    #[must_use]
    pub fn database_password_file(&self) -> PathBuf {
        self.data_dir.join("db-password")
    }

    /// Directory of the spool: what could not be stored yet.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    /// The object store's own directory.
    #[must_use]
    pub fn objects_dir(&self) -> PathBuf {
        self.data_dir.join("media")
    }

    /// File of the key that dock's credentials are made of, readable by the owner alone.
    #[must_use]
    pub fn objects_key_file(&self) -> PathBuf {
        self.data_dir.join("objects-key")
    }

    /// The object store's Unix socket for the tower.
    #[must_use]
    pub fn objects_socket(&self) -> PathBuf {
        self.data_dir.join("objects.sock")
    }

    /// Where docks upload to.
    #[must_use]
    pub fn objects_address(&self) -> String {
        let scheme = if self.objects.tls.is_some() { "https" } else { "http" };
        let listen = || format!("{scheme}://{}", reachable(self.objects.listen));
        self.objects.public_url.clone().unwrap_or_else(listen)
    }

    /// Where the console is for a person at this machine, or by the configured public address.
    #[must_use]
    pub fn console_address(&self) -> String {
        let scheme = if self.api.tls.is_some() { "https" } else { "http" };
        self.api.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.api.listen))
    }

    /// The login of the tower's link: from the configuration, or the embedded broker's file.
    ///
    /// # Errors
    /// When the embedded broker's password file cannot be read.
    pub fn broker_login(&self) -> std::io::Result<(Option<String>, Option<Secret>)> {
        match self.mqtt.mode {
            BrokerMode::External => Ok((self.mqtt.username.clone(), self.mqtt.password.clone())),
            BrokerMode::Embedded => {
                let password = load::read_secret(&self.broker_password_file())?;
                Ok((Some(Mqtt::TOWER_USER.to_owned()), Some(password)))
            }
        }
    }
}

/// A wildcard address is listened on, not connected to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = if listen.ip().is_unspecified() { loopback } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}
