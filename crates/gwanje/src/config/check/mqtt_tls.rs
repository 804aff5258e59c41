//! Rules between the keys of `[mqtt.tls]`: some are for a broker of our own, some for another's.

use super::super::Loaded;

/// Another's broker: files that can be read, and both or neither of certificate and key.
pub(super) fn external(loaded: &mut Loaded) {
    let mqtt = loaded.config.mqtt.clone();
    for key in ["mqtt.tls.listen", "mqtt.tls.certificate_listen"] {
        if loaded.is_set(key) {
            let origin = loaded.origin(key);
            loaded.mistake(origin, key, "is for mqtt.mode = \"embedded\"".into());
        }
    }
    let files = [
        ("mqtt.tls.ca", &mqtt.tls.ca),
        ("mqtt.tls.cert", &mqtt.tls.cert),
        ("mqtt.tls.key", &mqtt.tls.key),
    ];
    for (key, path) in files.into_iter().filter_map(|(key, path)| Some((key, path.as_ref()?))) {
        if let Err(error) = std::fs::File::open(path) {
            let origin = loaded.origin(key);
            loaded.mistake(origin, key, format!("{} cannot be read: {error}", path.display()));
        }
    }
    let set: Vec<_> = ["mqtt.tls.ca", "mqtt.tls.cert", "mqtt.tls.key", "mqtt.tls.name"]
        .into_iter()
        .filter(|key| loaded.is_set(key))
        .collect();
    if !mqtt.tls.enabled {
        // Somebody who names an authority believes that the line is encrypted.
        for key in set {
            let origin = loaded.origin(key);
            loaded.mistake(origin, key, "needs mqtt.tls.enabled = true beside it".into());
        }
        return;
    }
    let pair = [("mqtt.tls.cert", "mqtt.tls.key"), ("mqtt.tls.key", "mqtt.tls.cert")];
    for (key, other) in pair {
        if loaded.is_set(key) && !loaded.is_set(other) {
            let origin = loaded.origin(key);
            loaded.mistake(origin, other, format!("is missing beside {key}"));
        }
    }
}

/// Our own broker: ports of their own.
pub(super) fn embedded(loaded: &mut Loaded) {
    let mqtt = loaded.config.mqtt.clone();
    let keys =
        ["mqtt.tls.enabled", "mqtt.tls.ca", "mqtt.tls.cert", "mqtt.tls.key", "mqtt.tls.name"];
    for key in keys {
        // The example may say that it is off.
        if loaded.is_set(key) && (key != "mqtt.tls.enabled" || mqtt.tls.enabled) {
            let origin = loaded.origin(key);
            let what = "is for mqtt.mode = \"external\"; the embedded broker's certificates are \
                        made by `gwanje ca`";
            loaded.mistake(origin, key, what.into());
        }
    }
    let listens = [
        ("mqtt.tls.listen", mqtt.tls.listen),
        ("mqtt.tls.certificate_listen", mqtt.tls.certificate_listen),
    ];
    let mut taken = vec![mqtt.listen.port()];
    for (key, address) in listens {
        let Some(address) = address else { continue };
        if address.port() == 0 || taken.contains(&address.port()) {
            let origin = loaded.origin(key);
            loaded.mistake(origin, key, "needs a port of its own, from 1 to 65535".into());
        }
        taken.push(address.port());
    }
}
