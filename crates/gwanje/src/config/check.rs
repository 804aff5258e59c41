//! Rules between configuration keys: what is right alone and wrong together. Rules of one key
//! are in [`super::fields`].

mod mqtt_tls;

use super::{BrokerMode, DatabaseMode, DdsDiscovery, Loaded, Mistake};

/// Adds what the keys are together to the mistakes and warnings.
pub(super) fn between_keys(loaded: &mut Loaded) {
    api(loaded);
    mqtt(loaded);
    auth(loaded);
    database(loaded);
    dji(loaded);
    objects(loaded);
    preflight(loaded);
    dds(loaded);
}

fn dds(loaded: &mut Loaded) {
    let dds = loaded.config.dds.clone();
    match dds.discovery {
        DdsDiscovery::Peers if dds.peers.is_empty() => {
            let origin = loaded.origin("dds.discovery");
            let what = "must name at least one address when dds.discovery is \"peers\"";
            loaded.mistake(origin, "dds.peers", what.into());
        }
        DdsDiscovery::Multicast if !dds.peers.is_empty() => {
            let origin = loaded.origin("dds.peers");
            let what = "is for dds.discovery = \"peers\"";
            loaded.mistake(origin, "dds.peers", what.into());
        }
        DdsDiscovery::Peers | DdsDiscovery::Multicast => {}
    }
    if dds.enabled && !dds.interface.is_loopback() {
        let what = "is on a network: DDS has no password here, so everybody there can follow the \
                    fleet (and nobody can command it)";
        let (origin, key) = (loaded.origin("dds.interface"), "dds.interface".into());
        loaded.warnings.push(Mistake { origin, key, what: what.into() });
    }
}

/// The store stands on its own beside the API, by the same rules.
fn objects(loaded: &mut Loaded) {
    let objects = loaded.config.objects.clone();
    if let Some(tls) = &objects.tls {
        for (key, path) in [("objects.tls.cert", &tls.cert), ("objects.tls.key", &tls.key)] {
            if let Err(error) = std::fs::File::open(path) {
                let origin = loaded.origin(key);
                loaded.mistake(origin, key, format!("{} cannot be read: {error}", path.display()));
            }
        }
    }
    let origin = loaded.origin("objects.listen");
    if !objects.listen.ip().is_loopback() && objects.tls.is_none() {
        let what = format!(
            "{} is reachable from other machines, so it needs [objects.tls] cert and key; \
             or listen on 127.0.0.1, put a TLS proxy before it and name it in objects.public_url",
            objects.listen
        );
        loaded.mistake(origin, "objects.listen", what);
    } else if objects.listen.port() == 0 {
        loaded.mistake(origin, "objects.listen", "needs a port from 1 to 65535".into());
    }
}

fn preflight(loaded: &mut Loaded) {
    let limits = loaded.config.preflight;
    if limits.wind_warn_dmps > limits.wind_max_dmps {
        let origin = loaded.origin("preflight.wind_warn_dmps");
        let what = format!(
            "is {} and would never be told: nothing flies from preflight.wind_max_dmps = {} on",
            limits.wind_warn_dmps, limits.wind_max_dmps
        );
        loaded.mistake(origin, "preflight.wind_warn_dmps", what);
    }
}

fn api(loaded: &mut Loaded) {
    let api = loaded.config.api.clone();
    if let Some(tls) = &api.tls {
        for (key, path, other) in
            [("api.tls.cert", &tls.cert, "api.tls.key"), ("api.tls.key", &tls.key, "api.tls.cert")]
        {
            if path.as_os_str().is_empty() && loaded.is_set(other) {
                let origin = loaded.origin(other);
                loaded.mistake(origin, key, format!("is missing beside {other}"));
            } else if let Err(error) = std::fs::File::open(path) {
                let origin = loaded.origin(key);
                loaded.mistake(origin, key, format!("{} cannot be read: {error}", path.display()));
            }
        }
    }
    if !api.listen.ip().is_loopback() && api.tls.is_none() {
        let origin = loaded.origin("api.listen");
        let what = format!(
            "{} is reachable from other machines, so it needs [api.tls] cert and key; \
             or listen on 127.0.0.1 and put a TLS proxy before it",
            api.listen
        );
        loaded.mistake(origin, "api.listen", what);
    }
    if api.listen.port() == 0 {
        let origin = loaded.origin("api.listen");
        loaded.mistake(origin, "api.listen", "needs a port from 1 to 65535".into());
    }
}

/// Characters of the secret that a broker presents.
const EMQX_SECRET_MIN: usize = 16;

fn mqtt(loaded: &mut Loaded) {
    let mqtt = loaded.config.mqtt.clone();
    match mqtt.mode {
        BrokerMode::External => {
            if mqtt.brokers.is_empty() {
                let origin = loaded.origin("mqtt.mode");
                let what = "must name at least one HOST:PORT when mqtt.mode is \"external\"";
                loaded.mistake(origin, "mqtt.brokers", what.into());
            }
            if mqtt.password.is_some() && mqtt.username.is_none() {
                let origin = loaded.origin("mqtt.password");
                loaded.mistake(origin, "mqtt.username", "is missing beside the password".into());
            }
            mqtt_tls::external(loaded);
            emqx(loaded);
        }
        BrokerMode::Embedded => {
            for key in [
                "mqtt.brokers",
                "mqtt.username",
                "mqtt.password",
                "mqtt.password_file",
                "mqtt.emqx.listen",
            ] {
                if loaded.is_set(key) {
                    let origin = loaded.origin(key);
                    let what = "is for mqtt.mode = \"external\"; the embedded broker's logins are \
                                made by Gwanje";
                    loaded.mistake(origin, key, what.into());
                }
            }
            embedded_listener(loaded);
            mqtt_tls::embedded(loaded);
        }
    }
}

/// The broker's questions carry passwords without TLS, so they stay on this machine.
fn emqx(loaded: &mut Loaded) {
    let emqx = loaded.config.mqtt.emqx.clone();
    let Some(listen) = emqx.listen else { return };
    if !listen.ip().is_loopback() || listen.port() == 0 {
        let origin = loaded.origin("mqtt.emqx.listen");
        let what = "must be a port of this machine alone, such as \"127.0.0.1:8090\": the questions \
                    carry passwords without TLS; for a broker elsewhere put a TLS proxy before it";
        loaded.mistake(origin, "mqtt.emqx.listen", what.into());
    }
    if emqx.secret.is_none_or(|secret| secret.expose().len() < EMQX_SECRET_MIN) {
        let origin = loaded.origin("mqtt.emqx.listen");
        let what = "is missing or shorter than 16 characters: the broker must present it";
        loaded.mistake(origin, "mqtt.emqx.secret", what.into());
    }
}

fn embedded_listener(loaded: &mut Loaded) {
    let mqtt = loaded.config.mqtt.clone();
    let origin = loaded.origin("mqtt.listen");
    if mqtt.listen.port() == 0 {
        loaded.mistake(origin, "mqtt.listen", "needs a port from 1 to 65535".into());
        return;
    }
    let mut warn = |key: &str, what: &str| {
        let mistake = Mistake { origin: origin.clone(), key: key.into(), what: what.into() };
        loaded.warnings.push(mistake);
    };
    if !mqtt.listen.ip().is_loopback() {
        if mqtt.plain_lan {
            let what = "takes MQTT without TLS from other machines: passwords and flights can be \
                        read on that network; keep it a network of docks alone";
            warn("mqtt.listen", what);
        } else {
            let what = format!(
                "{} is reachable from other machines and has no TLS: listen on 127.0.0.1 and set \
                 mqtt.tls.listen for docks (`gwanje ca init` makes the certificates); or, on a \
                 network of docks alone, set mqtt.plain_lan = true",
                mqtt.listen
            );
            loaded.mistake(origin, "mqtt.listen", what);
            return;
        }
    }
    if mqtt.listen.ip().is_unspecified() && mqtt.public_host.is_none() {
        let what = "is not set, so nobody can tell a dock which address to connect to";
        warn("mqtt.public_host", what);
    }
}

/// Characters of a secret that tokens are signed with.
const SHARED_SECRET_MIN: usize = 32;

fn auth(loaded: &mut Loaded) {
    let auth = loaded.config.auth.clone();
    let set = |key: &&str| loaded.is_set(key);
    let keys =
        ["auth.supabase_anon_key", "auth.supabase_jwt_secret", "auth.supabase_jwt_secret_file"];
    match (&auth.supabase_url, keys.iter().copied().find(|key| set(key))) {
        (None, Some(key)) => {
            let origin = loaded.origin(key);
            loaded.mistake(origin, key, "is for a sign-in at auth.supabase_url".into());
        }
        (None, None) => {}
        (Some(_), _) => {
            let origin = loaded.origin("auth.supabase_url");
            if auth.supabase_anon_key.is_empty() {
                let what = "is missing: the console signs in with it";
                loaded.mistake(origin.clone(), "auth.supabase_anon_key", what.into());
            }
            let secret = auth.supabase_jwt_secret;
            if secret.is_some_and(|secret| secret.expose().len() < SHARED_SECRET_MIN) {
                let what = "has fewer than 32 characters: tokens could be forged";
                loaded.mistake(origin, "auth.supabase_jwt_secret", what.into());
            }
        }
    }
}

/// An address says by itself that the database is somebody else's.
fn database(loaded: &mut Loaded) {
    let url_key = ["database.url", "database.url_file"].into_iter().find(|k| loaded.is_set(k));
    if url_key.is_some() && !loaded.is_set("database.mode") {
        loaded.config.database.mode = DatabaseMode::External;
    }
    let database = loaded.config.database.clone();
    match (database.mode, url_key) {
        (DatabaseMode::External, None) => {
            let origin = loaded.origin("database.mode");
            let what = "is missing: where is the database? Such as \
                        postgresql://user:password@host:5432/postgres";
            loaded.mistake(origin, "database.url", what.into());
        }
        (DatabaseMode::External, Some(key)) => {
            let origin = loaded.origin(key);
            if let Err(error) = crate::database::external(&database) {
                loaded.mistake(origin, key, error.to_string());
            }
        }
        (DatabaseMode::Embedded | DatabaseMode::None, Some(key)) => {
            let origin = loaded.origin(key);
            let what = "is for database.mode = \"external\"; leave the mode out and the address \
                        decides";
            loaded.mistake(origin, key, what.into());
        }
        (DatabaseMode::None, None) => {
            let mistake = Mistake {
                origin: loaded.origin("database.mode"),
                key: "database.mode".into(),
                what: "is \"none\": commands, missions and history are in memory alone, and a \
                       restart forgets a take-off; for trials only"
                    .into(),
            };
            loaded.warnings.push(mistake);
        }
        (DatabaseMode::Embedded, None) => {}
    }
    if database.ca_file.is_some() && database.mode != DatabaseMode::External {
        let origin = loaded.origin("database.ca");
        loaded.mistake(origin, "database.ca", "is for a database with an address".into());
    }
}

fn dji(loaded: &mut Loaded) {
    alarm_texts(loaded);
    let dji = &loaded.config.dji;
    let set = [!dji.app_id.is_empty(), !dji.app_key.is_empty(), !dji.app_license.is_empty()];
    if set.contains(&true) && set.contains(&false) {
        let names = ["dji.app_id", "dji.app_key", "dji.app_license"];
        for (name, _) in names.iter().zip(set).filter(|(_, set)| !set) {
            let origin = names
                .iter()
                .map(|name| loaded.origin(name))
                .find(|origin| !matches!(origin, super::Origin::Default));
            let what = "is missing: a dock needs app_id, app_key and app_license together";
            let origin = origin.unwrap_or(super::Origin::Default);
            loaded.mistake(origin, name, what.into());
        }
    }
}

fn alarm_texts(loaded: &mut Loaded) {
    let Some(path) = &loaded.config.dji.hms_file else { return };
    if let Err(error) = crate::alarm_texts::load(path) {
        let origin = loaded.origin("dji.hms_file");
        loaded.mistake(origin, "dji.hms_file", format!("{error:#}"));
    }
}
