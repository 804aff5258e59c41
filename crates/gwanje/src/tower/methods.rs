//! The protocol's table of methods, put in the API's words: one place, which core, API and console
//! all read. Next: `dji_cloud::method`, `fleet_core::spec`.

use dji_cloud::method::{Danger, Interlock, METHODS, MethodSpec};
use fleet_api::{MethodDanger, MethodInfo, MethodInterlock};
use fleet_core::spec::operator_spec;

/// Every method, in the table's order.
pub(super) fn methods() -> Vec<MethodInfo> {
    METHODS.iter().map(info).collect()
}

fn info(spec: &'static MethodSpec) -> MethodInfo {
    MethodInfo {
        method: spec.method,
        domain: spec.domain.name(),
        topic: spec.topic.tail(),
        offered: operator_spec(spec.method).is_some(),
        danger: match spec.danger {
            Danger::None => MethodDanger::None,
            Danger::MovesHardware => MethodDanger::MovesHardware,
            Danger::MovesAircraft => MethodDanger::MovesAircraft,
        },
        interlock: match spec.interlock {
            Interlock::None => MethodInterlock::None,
            Interlock::AircraftInDock => MethodInterlock::AircraftInDock,
            Interlock::AircraftInDockConfirmedByCamera => {
                MethodInterlock::AircraftInDockConfirmedByCamera
            }
            Interlock::ReadyToFly => MethodInterlock::ReadyToFly,
            Interlock::InFlight => MethodInterlock::InFlight,
        },
        counter_action: spec.counter_action,
        needs_debug_mode: spec.needs_debug_mode,
        repeatable: spec.repeatable,
        progress_event: spec.progress_event_name(),
        reply_timeout_ms: spec.reply_timeout_ms,
        job_timeout_ms: spec.job_timeout_ms,
        deprecated: spec.deprecated,
        newer: spec.newer,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const CONSOLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/api/methods.json");

    /// The console must know before it is connected which buttons hold what back, so that it has a
    /// copy of the offered rows.
    #[test]
    fn the_consoles_table_is_the_towers() {
        let offered = methods().into_iter().filter(|info| info.offered).map(|info| {
            let row = json!({
                "counterAction": info.counter_action,
                "danger": info.danger,
                "interlock": info.interlock,
                "needsDebugMode": info.needs_debug_mode,
            });
            (info.method, row)
        });
        let table: BTreeMap<_, _> = offered.collect();
        let now = serde_json::to_string_pretty(&table).unwrap() + "\n";
        if std::env::var_os("UPDATE_METHODS").is_some() {
            std::fs::write(CONSOLES, &now).unwrap();
        }
        let committed = std::fs::read_to_string(CONSOLES).unwrap();
        assert!(
            committed == now,
            "the offered methods changed: UPDATE_METHODS=1 cargo test -p gwanje --lib methods, \
             then give each a button and texts in web/"
        );
    }

    #[test]
    fn every_method_has_one_row_and_few_are_offered() {
        let all = methods();
        assert_eq!(all.len(), METHODS.len());
        let offered = all.iter().filter(|info| info.offered).count();
        assert_eq!(offered, fleet_core::spec::OPERATOR_METHODS.len());
        let home = all.iter().find(|info| info.method == "return_home").unwrap();
        assert!(home.counter_action && home.offered && home.danger == MethodDanger::MovesAircraft);
    }
}
