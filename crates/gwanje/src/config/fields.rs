//! The one table of configuration keys: what each may hold, where it goes, how it is shown.
//!
//! A key here is a key in the file (`[api] listen`), an environment variable
//! (`GWANJE_API_LISTEN`) and a line of `gwanje config check`. Rules between keys are in
//! [`super::check`].

use std::net::Ipv4Addr;

use fleet_bus::wire::Peer;

use super::{
    BrokerMode, Config, DatabaseMode, DdsDiscovery, LogFormat, ObjectsMode, TlsFiles,
    value::{Kind, Value, check_host, check_host_port},
};
use crate::secret::Secret;

/// One key.
pub(super) struct Field {
    /// Dotted name.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) set: fn(&mut Config, Value) -> Result<(), String>,
    /// Its value as TOML, secrets masked; `None` when unset.
    pub(super) show: fn(&Config) -> Option<String>,
}

impl Field {
    /// `api.listen` is `GWANJE_API_LISTEN`.
    pub(super) fn variable(&self) -> String {
        let name = self.key.replace('.', "_").to_ascii_uppercase();
        format!("GWANJE_{name}")
    }
}

/// A secret that may be in a file instead: key, key of the file, where it is kept.
pub(super) struct SecretFile {
    pub(super) key: &'static str,
    pub(super) file_key: &'static str,
    pub(super) put: fn(&mut Config, Secret),
}

pub(super) static SECRET_FILES: &[SecretFile] = &[
    SecretFile {
        key: "mqtt.password",
        file_key: "mqtt.password_file",
        put: |c, s| c.mqtt.password = Some(s),
    },
    SecretFile {
        key: "mqtt.emqx.secret",
        file_key: "mqtt.emqx.secret_file",
        put: |c, s| c.mqtt.emqx.secret = Some(s),
    },
    SecretFile {
        key: "auth.supabase_jwt_secret",
        file_key: "auth.supabase_jwt_secret_file",
        put: |c, s| c.auth.supabase_jwt_secret = Some(s),
    },
    SecretFile {
        key: "database.url",
        file_key: "database.url_file",
        put: |c, s| c.database.url = Some(s),
    },
    SecretFile { key: "dji.app_key", file_key: "dji.app_key_file", put: |c, s| c.dji.app_key = s },
    SecretFile {
        key: "dji.app_license",
        file_key: "dji.app_license_file",
        put: |c, s| c.dji.app_license = s,
    },
    SecretFile {
        key: "dji.binding_code",
        file_key: "dji.binding_code_file",
        put: |c, s| c.dji.binding_code = s,
    },
];

type Set = fn(&mut Config, Value) -> Result<(), String>;
type Show = fn(&Config) -> Option<String>;

const fn text(key: &'static str, set: Set, show: Show) -> Field {
    Field { key, kind: Kind::Text, set, show }
}

const fn int(key: &'static str, set: Set, show: Show) -> Field {
    Field { key, kind: Kind::Int, set, show }
}

const fn flag(key: &'static str, set: Set, show: Show) -> Field {
    Field { key, kind: Kind::Bool, set, show }
}

const fn list(key: &'static str, set: Set, show: Show) -> Field {
    Field { key, kind: Kind::List, set, show }
}

/// Its content goes to the secret it stands for; the path itself is only checked.
const fn secret_file(key: &'static str) -> Field {
    text(key, |_, v| v.path().map(|_| ()), |_| None)
}

fn put<T>(slot: &mut T, value: T) -> Result<(), String> {
    *slot = value;
    Ok(())
}

fn quoted(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| format!("{text:?}"))
}

fn masked(secret: &Secret) -> Option<String> {
    (!secret.is_empty()).then(|| "\"***\"".to_owned())
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T, String> {
    T::try_from(number).map_err(|_| format!("{number} is out of range"))
}

const MODES: [(&str, BrokerMode); 2] =
    [("embedded", BrokerMode::Embedded), ("external", BrokerMode::External)];
const DATABASE_MODES: [(&str, DatabaseMode); 3] = [
    ("embedded", DatabaseMode::Embedded),
    ("external", DatabaseMode::External),
    ("none", DatabaseMode::None),
];
const OBJECTS_MODES: [(&str, ObjectsMode); 2] =
    [("embedded", ObjectsMode::Embedded), ("none", ObjectsMode::None)];
const DISCOVERIES: [(&str, DdsDiscovery); 2] =
    [("multicast", DdsDiscovery::Multicast), ("peers", DdsDiscovery::Peers)];
const FORMATS: [(&str, LogFormat); 2] = [("human", LogFormat::Human), ("json", LogFormat::Json)];

pub(super) static FIELDS: &[Field] = &[
    text(
        "data_dir",
        |c, v| put(&mut c.data_dir, v.path()?),
        |c| quoted(&c.data_dir.to_string_lossy()),
    ),
    text("site.name", |c, v| put(&mut c.site.name, v.text(1..=120)?), |c| quoted(&c.site.name)),
    text(
        "site.time_zone",
        |c, v| put(&mut c.site.time_zone, time_zone(v)?),
        |c| quoted(&c.site.time_zone),
    ),
    text(
        "api.listen",
        |c, v| put(&mut c.api.listen, v.address()?),
        |c| quoted(&c.api.listen.to_string()),
    ),
    text(
        "api.public_url",
        |c, v| put(&mut c.api.public_url, Some(url(v)?)),
        |c| c.api.public_url.as_deref().and_then(quoted),
    ),
    list(
        "api.allowed_hosts",
        |c, v| {
            c.api.allowed_hosts = v.list(64)?;
            c.api.allowed_hosts.iter().try_for_each(|host| check_host(host))
        },
        |c| Some(format!("{:?}", c.api.allowed_hosts)),
    ),
    text(
        "api.tls.cert",
        |c, v| put(&mut c.api.tls.get_or_insert_with(TlsFiles::default).cert, v.path()?),
        |c| c.api.tls.as_ref().and_then(|tls| quoted(&tls.cert.to_string_lossy())),
    ),
    text(
        "api.tls.key",
        |c, v| put(&mut c.api.tls.get_or_insert_with(TlsFiles::default).key, v.path()?),
        |c| c.api.tls.as_ref().and_then(|tls| quoted(&tls.key.to_string_lossy())),
    ),
    text(
        "mqtt.mode",
        |c, v| put(&mut c.mqtt.mode, v.one_of(&MODES)?),
        |c| MODES.iter().find(|(_, mode)| *mode == c.mqtt.mode).and_then(|(name, _)| quoted(name)),
    ),
    text(
        "mqtt.listen",
        |c, v| put(&mut c.mqtt.listen, v.address()?),
        |c| quoted(&c.mqtt.listen.to_string()),
    ),
    text(
        "mqtt.public_host",
        |c, v| {
            let host = v.text(1..=253)?;
            check_host(&host)?;
            put(&mut c.mqtt.public_host, Some(host))
        },
        |c| c.mqtt.public_host.as_deref().and_then(quoted),
    ),
    list(
        "mqtt.brokers",
        |c, v| {
            c.mqtt.brokers = v.list(16)?;
            c.mqtt.brokers.iter().try_for_each(|broker| check_host_port(broker))
        },
        |c| Some(format!("{:?}", c.mqtt.brokers)),
    ),
    text(
        "mqtt.username",
        |c, v| put(&mut c.mqtt.username, Some(v.text(1..=256)?)),
        |c| c.mqtt.username.as_deref().and_then(quoted),
    ),
    text(
        "mqtt.password",
        |c, v| put(&mut c.mqtt.password, Some(v.secret()?)),
        |c| c.mqtt.password.as_ref().and_then(masked),
    ),
    secret_file("mqtt.password_file"),
    text(
        "mqtt.client_id",
        |c, v| put(&mut c.mqtt.client_id, client_id(v)?),
        |c| quoted(&c.mqtt.client_id),
    ),
    int(
        "mqtt.keep_alive_s",
        |c, v| put(&mut c.mqtt.keep_alive_s, narrow(v.int(5..=300)?)?),
        |c| Some(c.mqtt.keep_alive_s.to_string()),
    ),
    flag(
        "mqtt.plain_lan",
        |c, v| put(&mut c.mqtt.plain_lan, v.bool()?),
        |c| Some(c.mqtt.plain_lan.to_string()),
    ),
    flag(
        "mqtt.count_denials",
        |c, v| put(&mut c.mqtt.count_denials, v.bool()?),
        |c| Some(c.mqtt.count_denials.to_string()),
    ),
    text(
        "mqtt.tls.listen",
        |c, v| put(&mut c.mqtt.tls.listen, Some(v.address()?)),
        |c| c.mqtt.tls.listen.and_then(|address| quoted(&address.to_string())),
    ),
    text(
        "mqtt.tls.certificate_listen",
        |c, v| put(&mut c.mqtt.tls.certificate_listen, Some(v.address()?)),
        |c| c.mqtt.tls.certificate_listen.and_then(|address| quoted(&address.to_string())),
    ),
    flag(
        "mqtt.tls.enabled",
        |c, v| put(&mut c.mqtt.tls.enabled, v.bool()?),
        |c| Some(c.mqtt.tls.enabled.to_string()),
    ),
    text(
        "mqtt.tls.ca",
        |c, v| put(&mut c.mqtt.tls.ca, Some(v.path()?)),
        |c| c.mqtt.tls.ca.as_ref().and_then(|file| quoted(&file.to_string_lossy())),
    ),
    text(
        "mqtt.tls.cert",
        |c, v| put(&mut c.mqtt.tls.cert, Some(v.path()?)),
        |c| c.mqtt.tls.cert.as_ref().and_then(|file| quoted(&file.to_string_lossy())),
    ),
    text(
        "mqtt.tls.key",
        |c, v| put(&mut c.mqtt.tls.key, Some(v.path()?)),
        |c| c.mqtt.tls.key.as_ref().and_then(|file| quoted(&file.to_string_lossy())),
    ),
    text(
        "mqtt.tls.name",
        |c, v| {
            let name = v.text(1..=253)?;
            check_host(&name)?;
            put(&mut c.mqtt.tls.name, Some(name))
        },
        |c| c.mqtt.tls.name.as_deref().and_then(quoted),
    ),
    text(
        "mqtt.emqx.listen",
        |c, v| put(&mut c.mqtt.emqx.listen, Some(v.address()?)),
        |c| c.mqtt.emqx.listen.and_then(|address| quoted(&address.to_string())),
    ),
    text(
        "mqtt.emqx.secret",
        |c, v| put(&mut c.mqtt.emqx.secret, Some(v.secret()?)),
        |c| c.mqtt.emqx.secret.as_ref().and_then(masked),
    ),
    secret_file("mqtt.emqx.secret_file"),
    text(
        "auth.supabase_url",
        |c, v| put(&mut c.auth.supabase_url, Some(url(v)?)),
        |c| c.auth.supabase_url.as_deref().and_then(quoted),
    ),
    text(
        "auth.supabase_anon_key",
        |c, v| put(&mut c.auth.supabase_anon_key, v.text(1..=2048)?),
        |c| quoted(&c.auth.supabase_anon_key),
    ),
    text(
        "auth.supabase_jwt_secret",
        |c, v| put(&mut c.auth.supabase_jwt_secret, Some(v.secret()?)),
        |c| c.auth.supabase_jwt_secret.as_ref().and_then(masked),
    ),
    secret_file("auth.supabase_jwt_secret_file"),
    text(
        "auth.ca_file",
        |c, v| put(&mut c.auth.ca_file, v.path()?),
        |c| quoted(&c.auth.ca_file.to_string_lossy()),
    ),
    text(
        "database.mode",
        |c, v| put(&mut c.database.mode, v.one_of(&DATABASE_MODES)?),
        |c| {
            let is_it = |(_, mode): &&(&str, DatabaseMode)| *mode == c.database.mode;
            DATABASE_MODES.iter().find(is_it).and_then(|(name, _)| quoted(name))
        },
    ),
    text(
        "database.url",
        |c, v| put(&mut c.database.url, Some(v.secret()?)),
        |c| c.database.url.as_ref().and_then(masked),
    ),
    secret_file("database.url_file"),
    text(
        "database.ca",
        |c, v| put(&mut c.database.ca_file, Some(v.path()?)),
        |c| c.database.ca_file.as_ref().and_then(|file| quoted(&file.to_string_lossy())),
    ),
    int(
        "database.pool_size",
        |c, v| put(&mut c.database.pool_size, narrow(v.int(3..=64)?)?),
        |c| Some(c.database.pool_size.to_string()),
    ),
    flag(
        "database.migrate_at_start",
        |c, v| put(&mut c.database.migrate_at_start, v.bool()?),
        |c| Some(c.database.migrate_at_start.to_string()),
    ),
    int(
        "database.telemetry_days",
        |c, v| put(&mut c.database.telemetry_days, narrow(v.int(1..=3650)?)?),
        |c| Some(c.database.telemetry_days.to_string()),
    ),
    int(
        "database.rollup_days",
        |c, v| put(&mut c.database.rollup_days, narrow(v.int(1..=36_500)?)?),
        |c| Some(c.database.rollup_days.to_string()),
    ),
    int(
        "database.history_days",
        |c, v| put(&mut c.database.history_days, narrow(v.int(1..=36_500)?)?),
        |c| Some(c.database.history_days.to_string()),
    ),
    int(
        "database.spool_mb",
        |c, v| put(&mut c.database.spool_mb, narrow(v.int(16..=1_000_000)?)?),
        |c| Some(c.database.spool_mb.to_string()),
    ),
    text(
        "dji.ntp_server_host",
        |c, v| {
            let host = v.text(1..=253)?;
            check_host(&host)?;
            put(&mut c.dji.ntp_server_host, host)
        },
        |c| quoted(&c.dji.ntp_server_host),
    ),
    int(
        "dji.ntp_server_port",
        |c, v| put(&mut c.dji.ntp_server_port, narrow(v.int(1..=65535)?)?),
        |c| Some(c.dji.ntp_server_port.to_string()),
    ),
    text("dji.app_id", |c, v| put(&mut c.dji.app_id, v.text(0..=64)?), |c| quoted(&c.dji.app_id)),
    text("dji.app_key", |c, v| put(&mut c.dji.app_key, v.secret()?), |c| masked(&c.dji.app_key)),
    secret_file("dji.app_key_file"),
    text(
        "dji.app_license",
        |c, v| put(&mut c.dji.app_license, v.secret()?),
        |c| masked(&c.dji.app_license),
    ),
    secret_file("dji.app_license_file"),
    text(
        "dji.organization_id",
        |c, v| put(&mut c.dji.organization_id, v.text(1..=64)?),
        |c| quoted(&c.dji.organization_id),
    ),
    text(
        "dji.organization_name",
        |c, v| put(&mut c.dji.organization_name, v.text(1..=120)?),
        |c| quoted(&c.dji.organization_name),
    ),
    text(
        "dji.binding_code",
        |c, v| put(&mut c.dji.binding_code, v.secret()?),
        |c| masked(&c.dji.binding_code),
    ),
    secret_file("dji.binding_code_file"),
    text(
        "dji.hms_file",
        |c, v| put(&mut c.dji.hms_file, Some(v.path()?)),
        |c| c.dji.hms_file.as_ref().and_then(|file| quoted(&file.to_string_lossy())),
    ),
    text(
        "objects.mode",
        |c, v| put(&mut c.objects.mode, v.one_of(&OBJECTS_MODES)?),
        |c| {
            let is_it = |(_, mode): &&(&str, ObjectsMode)| *mode == c.objects.mode;
            OBJECTS_MODES.iter().find(is_it).and_then(|(name, _)| quoted(name))
        },
    ),
    text(
        "objects.listen",
        |c, v| put(&mut c.objects.listen, v.address()?),
        |c| quoted(&c.objects.listen.to_string()),
    ),
    text(
        "objects.public_url",
        |c, v| {
            let url = url(v)?;
            // Docks may not know what to do with a path.
            if url.splitn(4, '/').count() > 3 {
                return Err(format!("must be an address without a path, is {url:?}"));
            }
            put(&mut c.objects.public_url, Some(url))
        },
        |c| c.objects.public_url.as_deref().and_then(quoted),
    ),
    text(
        "objects.tls.cert",
        |c, v| put(&mut c.objects.tls.get_or_insert_with(TlsFiles::default).cert, v.path()?),
        |c| c.objects.tls.as_ref().and_then(|tls| quoted(&tls.cert.to_string_lossy())),
    ),
    text(
        "objects.tls.key",
        |c, v| put(&mut c.objects.tls.get_or_insert_with(TlsFiles::default).key, v.path()?),
        |c| c.objects.tls.as_ref().and_then(|tls| quoted(&tls.key.to_string_lossy())),
    ),
    int(
        "objects.quota_mb",
        |c, v| put(&mut c.objects.quota_mb, narrow(v.int(1..=100_000_000)?)?),
        |c| Some(c.objects.quota_mb.to_string()),
    ),
    int(
        "objects.free_mb",
        |c, v| put(&mut c.objects.free_mb, narrow(v.int(0..=100_000_000)?)?),
        |c| Some(c.objects.free_mb.to_string()),
    ),
    int(
        "objects.key_minutes",
        |c, v| put(&mut c.objects.key_minutes, narrow(v.int(5..=720)?)?),
        |c| Some(c.objects.key_minutes.to_string()),
    ),
    text(
        "waylines.ca_file",
        |c, v| put(&mut c.waylines.ca_file, v.path()?),
        |c| quoted(&c.waylines.ca_file.to_string_lossy()),
    ),
    list(
        "waylines.url_hosts",
        |c, v| {
            let hosts = v.list(64)?.into_iter().map(|host| {
                host.parse::<fleet_api::UrlHost>().map_err(|error| format!("{host:?} {error}"))
            });
            put(&mut c.waylines.url_hosts, hosts.collect::<Result<_, _>>()?)
        },
        |c| {
            let hosts = c.waylines.url_hosts.iter().map(ToString::to_string);
            Some(format!("{:?}", hosts.collect::<Vec<_>>()))
        },
    ),
    text(
        "map.ca_file",
        |c, v| put(&mut c.map.ca_file, v.path()?),
        |c| quoted(&c.map.ca_file.to_string_lossy()),
    ),
    text(
        "log.format",
        |c, v| put(&mut c.log.format, v.one_of(&FORMATS)?),
        |c| FORMATS.iter().find(|(_, f)| *f == c.log.format).and_then(|(name, _)| quoted(name)),
    ),
    text("log.level", |c, v| put(&mut c.log.level, level(v)?), |c| quoted(&c.log.level)),
    flag(
        "dds.enabled",
        |c, v| put(&mut c.dds.enabled, v.bool()?),
        |c| Some(c.dds.enabled.to_string()),
    ),
    int(
        "dds.domain_id",
        |c, v| put(&mut c.dds.domain_id, narrow(v.int(0..=232)?)?),
        |c| Some(c.dds.domain_id.to_string()),
    ),
    text(
        "dds.domain_tag",
        |c, v| put(&mut c.dds.domain_tag, v.text(0..=128)?),
        |c| quoted(&c.dds.domain_tag),
    ),
    text(
        "dds.interface",
        |c, v| put(&mut c.dds.interface, ipv4(&v.text(1..=15)?)?),
        |c| quoted(&c.dds.interface.to_string()),
    ),
    text(
        "dds.discovery",
        |c, v| put(&mut c.dds.discovery, v.one_of(&DISCOVERIES)?),
        |c| {
            let is_it = |(_, it): &&(&str, DdsDiscovery)| *it == c.dds.discovery;
            DISCOVERIES.iter().find(is_it).and_then(|(name, _)| quoted(name))
        },
    ),
    list(
        "dds.peers",
        |c, v| {
            let peers = v.list(64)?.into_iter().map(|text| peer(&text));
            put(&mut c.dds.peers, peers.collect::<Result<_, _>>()?)
        },
        |c| {
            let peers = c.dds.peers.iter().map(|peer| match peer.port {
                Some(port) => format!("{}:{port}", peer.address),
                None => peer.address.to_string(),
            });
            Some(format!("{:?}", peers.collect::<Vec<_>>()))
        },
    ),
    int(
        "limits.max_docks",
        |c, v| put(&mut c.limits.max_docks, narrow(v.int(1..=100_000)?)?),
        |c| Some(c.limits.max_docks.to_string()),
    ),
    int(
        "limits.api_connections",
        |c, v| put(&mut c.limits.api_connections, narrow(v.int(8..=65_536)?)?),
        |c| Some(c.limits.api_connections.to_string()),
    ),
    int(
        "limits.events_in_flight",
        |c, v| put(&mut c.limits.events_in_flight, narrow(v.int(1..=65_535)?)?),
        |c| Some(c.limits.events_in_flight.to_string()),
    ),
    int(
        "limits.sign_in_code_s",
        |c, v| put(&mut c.limits.sign_in_code_s, narrow(v.int(60..=86_400)?)?),
        |c| Some(c.limits.sign_in_code_s.to_string()),
    ),
    int(
        "limits.device_messages_per_s",
        |c, v| put(&mut c.limits.device_messages_per_s, narrow(v.int(1..=10_000)?)?),
        |c| Some(c.limits.device_messages_per_s.to_string()),
    ),
    // The console says every ten seconds that its pilot is there.
    int(
        "authority.silence_s",
        |c, v| put(&mut c.authority.explicit_ms, v.int(15..=3600)?.unsigned_abs() * 1000),
        |c| Some((c.authority.explicit_ms / 1000).to_string()),
    ),
    // A site may ask more of a flight than DJI does, never less: the upper bounds are DJI's.
    int(
        "preflight.battery_min_percent",
        |c, v| put(&mut c.preflight.battery_min_percent, v.int(30..=100)?),
        |c| Some(c.preflight.battery_min_percent.to_string()),
    ),
    int(
        "preflight.wind_warn_dmps",
        |c, v| put(&mut c.preflight.wind_warn_dmps, v.int(1..=120)?),
        |c| Some(c.preflight.wind_warn_dmps.to_string()),
    ),
    int(
        "preflight.wind_max_dmps",
        |c, v| put(&mut c.preflight.wind_max_dmps, v.int(1..=120)?),
        |c| Some(c.preflight.wind_max_dmps.to_string()),
    ),
    int(
        "preflight.rain_max",
        |c, v| put(&mut c.preflight.rain_max, v.int(1..=2)?),
        |c| Some(c.preflight.rain_max.to_string()),
    ),
    int(
        "preflight.aircraft_free_min_mb",
        |c, v| put(&mut c.preflight.aircraft_free_min_mb, v.int(0..=1_000_000)?),
        |c| Some(c.preflight.aircraft_free_min_mb.to_string()),
    ),
    int(
        "preflight.dock_free_min_mb",
        |c, v| put(&mut c.preflight.dock_free_min_mb, v.int(0..=1_000_000)?),
        |c| Some(c.preflight.dock_free_min_mb.to_string()),
    ),
];

fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| format!("must be an IPv4 address such as \"127.0.0.1\", is {text:?}"))
}

/// `address` or `address:port`.
fn peer(text: &str) -> Result<Peer, String> {
    let Some((address, port)) = text.split_once(':') else {
        return Ok(Peer { address: ipv4(text)?, port: None });
    };
    let port = port.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| format!("must be IP or IP:PORT, is {text:?}"))?;
    Ok(Peer { address: ipv4(address)?, port: Some(port) })
}

fn time_zone(value: Value) -> Result<String, String> {
    let zone = value.text(1..=64)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+');
    if zone.bytes().all(allowed) && !zone.starts_with('/') {
        Ok(zone)
    } else {
        Err(format!("must be an IANA time zone such as \"Asia/Seoul\", is {zone:?}"))
    }
}

fn url(value: Value) -> Result<String, String> {
    let url = value.text(8..=512)?;
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '@', ' '])
    });
    if plain {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(format!("must be an http:// or https:// address without query, is {url:?}"))
    }
}

fn client_id(value: Value) -> Result<String, String> {
    let id = value.text(1..=40)?;
    if id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        Ok(id)
    } else {
        Err(format!("may hold A-Z a-z 0-9 _ - only, is {id:?}"))
    }
}

fn level(value: Value) -> Result<String, String> {
    let level = value.text(1..=512)?;
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    // The filter's parser takes any other single word for the name of a module.
    let known = level.contains('=') || level.split(',').all(|word| levels.contains(&word.trim()));
    let parsed = tracing_subscriber::EnvFilter::builder().parse(&level);
    if known && parsed.is_ok() {
        return Ok(level);
    }
    let filter = "\"info,fleet_links=debug\"";
    Err(format!("must be error, warn, info, debug, trace, or a filter such as {filter}"))
}
