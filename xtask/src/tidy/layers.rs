//! A crate may depend only on lower layers; layer-2 crates never see each other.

use cargo_metadata::{DependencyKind, Metadata};

use super::Report;

const LAYERS: [(&str, u8); 12] = [
    ("dji-cloud", 0),
    ("wpml", 0),
    ("fleet-types", 0),
    ("fleet-core", 1),
    ("fleet-bus", 2),
    ("fleet-links", 2),
    ("fleet-store", 2),
    ("fleet-api", 2),
    ("fleet-objects", 2),
    ("fleet-sim", 2),
    ("fleet-swarm", 3),
    ("gwanje", 3),
];

/// The bus is how layer-2 crates meet without seeing each other, so they may see it.
const MEETING_PLACE: &str = "fleet-bus";

/// The simulator must not repeat the tower's reading mistakes.
const FORBIDDEN: [(&str, &str); 1] = [("fleet-sim", "dji-cloud")];

/// Plants defects for the swarm to find; nobody else may ask for it.
const PLANTING: (&str, &str) = ("mutants", "fleet-swarm");

/// Features that start threads, by crate.
const THREADED: [(&str, &[&str]); 2] = [
    ("tokio", &["fs", "rt-multi-thread", "io-std", "full"]),
    ("dust_dds", &["std", "rtps_udp_transport", "default"]),
];

/// Checks every crate of the workspace.
pub(super) fn check(metadata: &Metadata, report: &mut Report) {
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if name != "xtask" && layer(name).is_none() {
            let fault = format!("{name}: a new crate needs a layer in xtask/src/tidy/layers.rs");
            report.faults.push(fault);
        }
        for (feature, implies) in &package.features {
            report.faults.extend(plants(name, implies.iter().chain([feature])));
        }
        for dependency in &package.dependencies {
            report.faults.extend(plants(name, &dependency.features));
            let is_dev = dependency.kind == DependencyKind::Development;
            let mut features = dependency.features.clone();
            features.extend(dependency.uses_default_features.then(|| "default".to_owned()));
            let fault = order(name, &dependency.name, is_dev)
                .or_else(|| threads(name, &dependency.name, &features));
            report.faults.extend(fault);
        }
    }
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

fn order(name: &str, dependency: &str, is_dev: bool) -> Option<String> {
    if FORBIDDEN.contains(&(name, dependency)) {
        return Some(format!("{name} must never depend on {dependency}"));
    }
    let (from, to) = (layer(name)?, layer(dependency)?);
    // Tests of the binary may use whatever it wires together.
    let free = is_dev && name == "gwanje";
    let meets = from == 2 && dependency == MEETING_PLACE && name != MEETING_PLACE;
    (to >= from && !free && !meets).then(|| {
        format!(
            "{name} (layer {from}) depends on {dependency} (layer {to}): only lower layers may be"
        )
    })
}

/// Whether a crate lets defects be planted that may not: the machines declare it, the swarm asks.
fn plants<'a>(name: &str, features: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let (planting, swarm) = PLANTING;
    let asks = features.into_iter().find(|feature| feature.rsplit('/').next() == Some(planting))?;
    let declares = name == "fleet-core" && asks == planting;
    (name != swarm && !declares)
        .then(|| format!("{name}: feature {asks:?} plants defects; only {swarm} may ask for it"))
}

fn threads(name: &str, dependency: &str, features: &[String]) -> Option<String> {
    let (_, threaded) = THREADED.iter().find(|(known, _)| *known == dependency)?;
    let used = features.iter().find(|feature| threaded.contains(&feature.as_str()))?;
    Some(format!("{name}: feature {used:?} of {dependency} starts threads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_layers_are_seen() {
        let check = |name, dependency, is_dev, fits: bool| {
            let fault = order(name, dependency, is_dev);
            assert_eq!(fault.is_none(), fits, "{name} -> {dependency}: {fault:?}");
        };
        check("fleet-core", "dji-cloud", false, true);
        check("fleet-core", "fleet-bus", false, false);
        check("fleet-core", "fleet-bus", true, false);
        check("fleet-types", "wpml", false, false);
        check("fleet-api", "fleet-links", false, false);
        check("fleet-api", "fleet-bus", false, true);
        check("fleet-bus", "fleet-api", false, false);
        check("fleet-sim", "dji-cloud", true, false);
        check("gwanje", "fleet-sim", false, true);
        check("fleet-api", "gwanje", true, false);
        check("fleet-api", "serde", false, true);
    }

    #[test]
    fn only_the_swarm_plants_defects() {
        let asks = |feature: &str| [feature.to_owned()];
        assert!(plants("gwanje", &asks("mutants")).is_some());
        assert!(plants("gwanje", &asks("fleet-core/mutants")).is_some());
        assert!(plants("fleet-core", &asks("mutants")).is_none());
        assert!(plants("fleet-swarm", &asks("fleet-core/mutants")).is_none());
        assert!(plants("gwanje", &asks("ws")).is_none());
    }

    #[test]
    fn features_that_start_threads_are_found() {
        let features = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let used: Vec<String> = features(&["net", "fs"]);
        assert!(threads("x", "tokio", &used).is_some());
        assert!(threads("x", "rustix", &used).is_none());
        let used: Vec<String> = features(&["net", "rt", "default"]);
        assert!(threads("x", "tokio", &used).is_none());
        assert!(threads("x", "dust_dds", &used).is_some());
    }
}
