//! Everything a private child Mosquitto needs except the process: its configuration file and the
//! first file of its accounts, for Mosquitto 2.0 as Debian packages it.
//!
//! It refuses to touch the disk and to start anything: the binary writes the two texts (both hold
//! or lead to secrets: mode 0600, owner the broker's user) and runs
//! `mosquitto -c <mosquitto.conf>`. The accounts file must be written only when it does not exist
//! yet, because the plugin keeps every later change in it. Next: [`crate::dynsec`] for changes at
//! run time, [`crate::mqtt`] for the tower's own link.

mod accounts;
mod aircraft;

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use fleet_types::DeviceSn;
use ring::{
    pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Value, json};

pub use accounts::renew_accounts;
pub use aircraft::{AIRCRAFT_FILE, AircraftDocks, RightsMark};

use crate::{
    Secret,
    dynsec::{dock_acls, dock_role, tower_acls},
};

/// Name of the configuration file in the data directory.
pub const CONF_FILE: &str = "mosquitto.conf";
/// Name of the accounts file in the data directory.
pub const DYNSEC_FILE: &str = "dynamic-security.json";
/// Name of the broker's certificate in the data directory.
pub const SERVER_CERT: &str = "server.crt";
/// Name of its key; mode 0600.
pub const SERVER_KEY: &str = "server.key";
/// Name of the certificate of the authority that signs for clients.
pub const CA_FILE: &str = "ca.crt";
/// Name of the list of revoked certificates.
pub const CRL_FILE: &str = "crl.pem";
/// Role of the tower.
pub const TOWER_ROLE: &str = "tower";

/// PBKDF2 rounds, as the plugin itself uses for accounts made at run time. More would buy nothing,
/// passwords being generated with 120 bits, and would hold up the broker's one thread when
/// thousands of docks come back at once.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(101).expect("101 is not zero");
const SALT_BYTES: usize = 12;
const HASH_BYTES: usize = 64;

/// Where packages put the dynamic-security plugin, by architecture.
pub const PLUGIN_PATHS: [&str; 8] = [
    "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/arm-linux-gnueabihf/mosquitto_dynamic_security.so",
    "/usr/lib/i386-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/riscv64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib64/mosquitto_dynamic_security.so",
    "/usr/lib/mosquitto_dynamic_security.so",
    "/usr/local/lib/mosquitto_dynamic_security.so",
];

/// The plugin of this machine, where a package put it.
#[must_use]
pub fn find_plugin() -> Option<PathBuf> {
    PLUGIN_PATHS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Limits of the broker, as measured for 10,000 docks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerLimits {
    /// Largest message, bytes; below the link's own packet limit, else one message would throw
    /// the tower out again and again.
    pub message_bytes: u32,
    /// Largest packet of a client, bytes: a client that sends more is disconnected. Above
    /// `message_bytes`, so that an oversized message is usually dropped and not the client.
    pub packet_bytes: u32,
    /// QoS 1 messages waiting for one client: peak rate times the longest stall.
    pub queued_messages: u32,
    /// QoS 1 messages under way to one client.
    pub inflight_messages: u16,
    /// Clients connected at once.
    pub connections: u32,
    /// Days after which the session of a client that is away is forgotten.
    pub session_expiry_days: u16,
    /// Seconds between two writes of the persistent store.
    pub autosave_s: u32,
    /// Seconds between two rounds of `$SYS` statistics.
    pub sys_interval_s: u16,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            message_bytes: 512 * 1024,
            packet_bytes: 4 * 1024 * 1024,
            queued_messages: 100_000,
            inflight_messages: 2048,
            connections: 20_000,
            session_expiry_days: 7,
            autosave_s: 60,
            sys_interval_s: 10,
        }
    }
}

/// Where the broker speaks TLS. Its files ([`SERVER_CERT`] and the others) are in the data
/// directory; what has changed of them is read again at SIGHUP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsListen {
    /// For clients that sign in by name and password.
    pub password: Option<SocketAddr>,
    /// For clients that sign in by certificate; its common name is their login.
    pub certificate: Option<SocketAddr>,
}

/// What the broker is to be.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Where it listens without TLS.
    pub listen: Vec<SocketAddr>,
    /// Where it listens with TLS; and nowhere else.
    pub tls: TlsListen,
    /// Its directory, absolute, owned by its user.
    pub data_dir: PathBuf,
    /// User it drops to when it is started by root; none keeps `root` (then say so).
    pub user: Option<String>,
    /// The dynamic-security plugin, absolute; see [`find_plugin`].
    pub plugin_path: PathBuf,
    /// Login of the tower.
    pub tower_username: String,
    /// Its password.
    pub tower_password: Secret,
    /// Docks that have an account from the start.
    pub docks: Vec<(DeviceSn, Secret)>,
    /// Limits.
    pub limits: BrokerLimits,
    /// Whether refused publishes are told on standard error, which Mosquitto 2.0 does only among
    /// the debug lines of every message.
    pub tell_refusals: bool,
}

/// Texts of the two files.
#[derive(Clone)]
pub struct BrokerFiles {
    /// For [`CONF_FILE`]; holds no secret.
    pub conf: String,
    /// For [`DYNSEC_FILE`]; holds password hashes.
    pub dynsec: String,
}

/// Why no configuration can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Nowhere to listen.
    #[error("the broker has no address to listen on")]
    NoListener,
    /// A text that would end its line in the configuration file, or a relative path.
    #[error("{what} must be an absolute path or plain word without line breaks: {text:?}")]
    BadText {
        /// Which setting.
        what: &'static str,
        /// Its text.
        text: String,
    },
    /// No login for the tower, or a dock has the tower's.
    #[error("the tower's login must not be empty, nor that of a dock")]
    BadTowerLogin,
    /// The same dock twice.
    #[error("dock {0} is listed twice")]
    DockTwice(DeviceSn),
    /// The operating system gives no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

impl BrokerSpec {
    /// Writes both texts.
    ///
    /// # Errors
    /// [`SpecError`] when the specification cannot be written down safely.
    pub fn files(&self) -> Result<BrokerFiles, SpecError> {
        Ok(BrokerFiles { conf: self.conf()?, dynsec: self.dynsec()? })
    }

    fn conf(&self) -> Result<String, SpecError> {
        let data_dir = absolute("data_dir", &self.data_dir)?;
        let plugin = absolute("plugin_path", &self.plugin_path)?;
        let user = self.user.as_deref().unwrap_or("root");
        if user.is_empty() || !user.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SpecError::BadText { what: "user", text: user.to_owned() });
        }
        let tls = [self.tls.password, self.tls.certificate];
        if self.listen.is_empty() && tls == [None, None] {
            return Err(SpecError::NoListener);
        }
        let limits = &self.limits;
        let mut conf = format!(
            "# Written by Gwanje at every start; changes are lost.\n\
             per_listener_settings false\n\
             allow_anonymous false\n\
             user {user}\n\
             plugin {plugin}\n\
             plugin_opt_config_file {data_dir}/{DYNSEC_FILE}\n\
             acl_file {data_dir}/{AIRCRAFT_FILE}\n\
             \n\
             message_size_limit {message}\n\
             max_packet_size {packet}\n\
             max_queued_messages {queued}\n\
             max_queued_bytes 0\n\
             max_inflight_messages {inflight}\n\
             max_keepalive 600\n\
             persistent_client_expiration {expiry}d\n\
             queue_qos0_messages false\n\
             set_tcp_nodelay true\n\
             \n\
             persistence true\n\
             persistence_location {data_dir}/\n\
             persistence_file mosquitto.db\n\
             autosave_interval {autosave}\n\
             autosave_on_changes false\n\
             \n\
             log_dest stderr\n\
             log_dest topic\n\
             log_type error\n\
             log_type warning\n\
             log_type notice\n\
             {refusals}\
             log_timestamp true\n\
             connection_messages true\n\
             sys_interval {sys}\n",
            message = limits.message_bytes,
            packet = limits.packet_bytes,
            queued = limits.queued_messages,
            inflight = limits.inflight_messages,
            expiry = limits.session_expiry_days,
            autosave = limits.autosave_s,
            sys = limits.sys_interval_s,
            refusals = if self.tell_refusals { "log_type debug\n" } else { "" },
        );
        for address in &self.listen {
            listener(&mut conf, *address, limits.connections);
        }
        let by_certificate = self.tls.certificate.map(|address| (address, true));
        let by_password = self.tls.password.map(|address| (address, false));
        for (address, with_certificate) in by_password.into_iter().chain(by_certificate) {
            listener(&mut conf, address, limits.connections);
            let _ = write!(
                conf,
                "certfile {data_dir}/{SERVER_CERT}\nkeyfile {data_dir}/{SERVER_KEY}\n\
                 tls_version tlsv1.2\n",
            );
            if with_certificate {
                let _ = write!(
                    conf,
                    "cafile {data_dir}/{CA_FILE}\ncrlfile {data_dir}/{CRL_FILE}\n\
                     require_certificate true\nuse_identity_as_username true\n",
                );
            }
        }
        Ok(conf)
    }

    fn dynsec(&self) -> Result<String, SpecError> {
        let tower = self.tower_username.as_str();
        if tower.is_empty() || self.docks.iter().any(|(sn, _)| sn.as_str() == tower) {
            return Err(SpecError::BadTowerLogin);
        }
        let mut clients = vec![client(tower, &self.tower_password, TOWER_ROLE)?];
        let mut roles = vec![json!({ "rolename": TOWER_ROLE, "acls": tower_acls() })];
        let mut seen = std::collections::BTreeSet::new();
        for (sn, password) in &self.docks {
            if !seen.insert(sn) {
                return Err(SpecError::DockTwice(sn.clone()));
            }
            clients.push(client(sn.as_str(), password, &dock_role(sn))?);
            roles.push(json!({ "rolename": dock_role(sn), "acls": dock_acls(sn) }));
        }
        let file = json!({
            "defaultACLAccess": default_access(),
            "clients": clients,
            "roles": roles,
        });
        Ok(file.to_string())
    }
}

fn listener(conf: &mut String, address: SocketAddr, connections: u32) {
    let bind = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => ip.to_string(),
    };
    // Writing to a String cannot fail.
    let _ = write!(
        conf,
        "\nlistener {port} {bind}\nprotocol mqtt\nmax_connections {connections}\n",
        port = address.port(),
    );
}

fn default_access() -> Value {
    json!({
        "publishClientSend": false,
        "publishClientReceive": false,
        "subscribe": false,
        "unsubscribe": true,
    })
}

fn absolute(what: &'static str, path: &Path) -> Result<String, SpecError> {
    let text = path.to_string_lossy().into_owned();
    let fits = path.is_absolute() && path.to_str().is_some() && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(SpecError::BadText { what, text }) }
}

fn client(username: &str, password: &Secret, role: &str) -> Result<Value, SpecError> {
    let mut salt = [0_u8; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| SpecError::NoRandomness)?;
    let mut hash = [0_u8; HASH_BYTES];
    let password = password.expose().as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, ITERATIONS, &salt, password, &mut hash);
    Ok(json!({
        "username": username,
        "password": base64(&hash),
        "salt": base64(&salt),
        "iterations": ITERATIONS.get(),
        "roles": [{ "rolename": role }],
    }))
}

/// RFC 4648 base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) as usize & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> BrokerSpec {
        BrokerSpec {
            listen: vec!["127.0.0.1:1883".parse().unwrap(), "[::1]:1884".parse().unwrap()],
            tls: TlsListen::default(),
            data_dir: "/var/lib/gwanje/broker".into(),
            user: Some("mosquitto".into()),
            plugin_path: PLUGIN_PATHS[0].into(),
            tower_username: "tower".into(),
            tower_password: Secret::new("tower-password"),
            docks: vec![(DeviceSn::new("D1").unwrap(), Secret::new("dock-password"))],
            limits: BrokerLimits::default(),
            tell_refusals: false,
        }
    }

    #[test]
    fn the_configuration_has_what_was_measured() {
        let conf = spec().files().unwrap().conf;
        for line in [
            "allow_anonymous false",
            "message_size_limit 524288",
            "max_queued_messages 100000",
            "max_inflight_messages 2048",
            "plugin_opt_config_file /var/lib/gwanje/broker/dynamic-security.json",
            "log_dest topic",
            "connection_messages true",
            "listener 1883 127.0.0.1",
            "listener 1884 ::1",
        ] {
            assert!(conf.lines().any(|have| have == line), "{line}\n{conf}");
        }
        assert!(!conf.contains("password"));
    }

    #[test]
    fn passwords_are_hashed_and_roles_are_there() {
        let dynsec = spec().files().unwrap().dynsec;
        assert!(!dynsec.contains("tower-password") && !dynsec.contains("dock-password"));
        let file: Value = serde_json::from_str(&dynsec).unwrap();
        assert_eq!(file["clients"][1]["username"], "D1");
        assert_eq!(file["clients"][1]["roles"][0]["rolename"], "dock-D1");
        assert_eq!(file["roles"][1]["rolename"], "dock-D1");
        assert_eq!(file["clients"][0]["password"].as_str().unwrap().len(), 88);
        assert_eq!(file["clients"][0]["salt"].as_str().unwrap().len(), 16);
        assert_eq!(file["defaultACLAccess"]["publishClientSend"], false);
    }

    #[test]
    fn what_could_break_out_of_a_line_is_refused() {
        let check = |change: fn(&mut BrokerSpec)| {
            let mut spec = spec();
            change(&mut spec);
            assert!(spec.files().is_err());
        };
        check(|spec| spec.data_dir = "/srv/a\nallow_anonymous true".into());
        check(|spec| spec.data_dir = "relative".into());
        check(|spec| spec.plugin_path = "mosquitto.so".into());
        check(|spec| spec.user = Some("a b".into()));
        check(|spec| spec.listen.clear());
        check(|spec| spec.tower_username = "D1".into());
        check(|spec| spec.tower_username.clear());
        check(|spec| spec.docks.push(spec.docks[0].clone()));
    }

    #[test]
    fn base64_as_in_rfc_4648() {
        let check = |text: &str, expect: &str| assert_eq!(base64(text.as_bytes()), expect);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foobar", "Zm9vYmFy");
    }
}
