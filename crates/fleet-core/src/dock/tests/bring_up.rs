//! Bring-up in order, what is missing when it stops, presence by time and by the broker.

use fleet_types::device::{Connection, Phase};
use serde_json::json;

use super::rig::{AIRCRAFT, DOCK, Rig};
use crate::io::{BrokerPresence, Input};

fn connected(rig: &mut Rig) {
    rig.input(Input::Broker(BrokerPresence::Connected));
}

fn disconnected(rig: &mut Rig) {
    let reason = "connection closed by client".into();
    rig.input(Input::Broker(BrokerPresence::Disconnected { reason }));
}

#[track_caller]
fn check(rig: &Rig, connection: Connection, phase: Phase, reason: Option<&str>) {
    let status = rig.dock();
    let found = (status.connection, status.phase, rig.dock_reason());
    assert_eq!(found, (connection, Some(phase), reason));
}

#[test]
fn a_dock_comes_up_step_by_step() {
    let mut rig = Rig::new();
    check(&rig, Connection::NeverSeen, Phase::Enrolled, Some("never_connected"));
    connected(&mut rig);
    check(&rig, Connection::BringingUp, Phase::Connected, None);

    let config = rig.request("config", json!({"config_type": "json", "config_scope": "product"}));
    assert_eq!(
        config,
        json!({"ntp_server_host": "ntp.site", "ntp_server_port": 123, "app_id": "172000",
            "app_key": "key-of-the-site", "app_license": "licence-of-the-site"})
    );
    check(&rig, Connection::BringingUp, Phase::Configured, None);

    let devices = json!({"devices": [{"sn": DOCK}, {"sn": AIRCRAFT}]});
    let bound = rig.request("airport_bind_status", devices);
    assert_eq!(bound["result"], 0);
    assert_eq!(bound["output"]["bind_status"][0]["sn"], DOCK);
    assert_eq!(bound["output"]["bind_status"][0]["is_device_bind_organization"], true);
    assert_eq!(bound["output"]["bind_status"][0]["organization_id"], "ORG1");
    assert_eq!(bound["output"]["bind_status"][1]["sn"], AIRCRAFT);
    check(&rig, Connection::BringingUp, Phase::Bound, None);

    rig.topology(&[AIRCRAFT]);
    check(&rig, Connection::Online, Phase::Complete, None);
    let (topic, reply) = rig.replies.last().unwrap();
    assert_eq!(*topic, format!("sys/product/{DOCK}/status_reply"));
    assert_eq!((&reply["tid"], &reply["data"]["result"]), (&json!("t-topo"), &json!(0)));
    assert_eq!(rig.dock().model, "DJI Dock 2");
    assert_eq!(rig.devices[AIRCRAFT].model, "Matrice 3TD");
    assert_eq!(rig.children, [AIRCRAFT]);
    assert_eq!(rig.dock().clock_skew_ms, Some(0));

    for method in ["flight_areas_get", "offline_map_get"] {
        let answer = rig.request(method, json!({}));
        assert_eq!(answer, json!({"result": 0, "output": {"files": []}}), "{method}");
    }
}

#[test]
fn a_step_that_does_not_come_is_named() {
    let mut rig = Rig::new();
    let patience = |rig: &mut Rig| {
        rig.pass(14_999);
        assert_eq!(rig.dock_reason(), None, "patience first");
        rig.pass(1);
    };
    connected(&mut rig);
    patience(&mut rig);
    check(&rig, Connection::BringingUp, Phase::Connected, Some("no_config_request"));
    rig.request("config", json!({}));
    patience(&mut rig);
    check(&rig, Connection::BringingUp, Phase::Configured, Some("no_bind_request"));
    rig.request("airport_bind_status", json!({"devices": [{"sn": DOCK}]}));
    patience(&mut rig);
    check(&rig, Connection::BringingUp, Phase::Bound, Some("no_topology"));
    rig.topology(&[]);
    check(&rig, Connection::Online, Phase::Complete, None);
}

#[test]
fn a_dock_that_is_not_enrolled_is_told_so_and_so_is_the_operator() {
    let mut rig = Rig::with(|config| config.is_enrolled = false);
    rig.request("config", json!({}));
    let answer = rig.request("airport_bind_status", json!({"devices": [{"sn": DOCK}]}));
    let entry = &answer["output"]["bind_status"][0];
    assert_eq!(*entry, json!({"sn": DOCK, "is_device_bind_organization": false}));
    check(&rig, Connection::BringingUp, Phase::Configured, Some("not_bound"));
    let bind = json!({"bind_devices": [{"sn": DOCK, "device_binding_code": "1"}]});
    let answer = rig.request("airport_organization_bind", bind);
    assert_eq!(answer["output"]["err_infos"][0]["err_code"], 210_231);
    check(&rig, Connection::BringingUp, Phase::Configured, Some("not_bound"));
}

#[test]
fn binding_asks_for_the_code_where_the_site_has_one() {
    let mut rig = Rig::with(|config| {
        let mut site = (*config.site).clone();
        site.binding_code = Some("4711".into());
        config.site = site.into();
    });
    rig.request("config", json!({}));
    let get = |code: &str| json!({"device_binding_code": code, "organization_id": "ORG1"});
    assert_eq!(rig.request("airport_organization_get", get("1")), json!({"result": 210_231}));
    let answer = rig.request("airport_organization_get", get("4711"));
    assert_eq!(answer["output"]["organization_name"], "Harbour");
    let bind = |code: &str| {
        json!({"bind_devices": [
            {"sn": DOCK, "device_binding_code": "4711", "organization_id": "ORG1"},
            {"sn": AIRCRAFT, "device_binding_code": code, "organization_id": "ORG1"},
        ]})
    };
    let answer = rig.request("airport_organization_bind", bind("1"));
    let expect = json!([{"sn": DOCK, "err_code": 0}, {"sn": AIRCRAFT, "err_code": 210_231}]);
    assert_eq!(answer["output"]["err_infos"], expect);
    check(&rig, Connection::BringingUp, Phase::Configured, None);
    rig.request("airport_organization_bind", bind("4711"));
    check(&rig, Connection::BringingUp, Phase::Bound, None);
    let shown: Vec<_> = rig.events.iter().map(|event| event.data.to_string()).collect();
    assert!(!shown.join(" ").contains("4711"), "a binding code went onto the bus");
}

#[test]
fn both_shapes_of_update_topo_and_numbers_as_strings_are_read() {
    let with_domain = json!({"domain": "3", "type": "2", "sub_type": "0", "sub_devices": [
        {"sn": AIRCRAFT, "domain": "0", "type": "91", "sub_type": "1", "index": "A"}]});
    let with_version = json!({"type": 119, "sub_type": 0, "version": 1, "device_secret": "s",
        "nonce": "n", "sub_devices": [{"sn": AIRCRAFT, "type": 116, "sub_type": 0, "index": "A",
        "device_secret": "s", "nonce": "n", "version": 1}]});
    for (data, model) in [(with_domain, "DJI Dock 2"), (with_version, "")] {
        let mut rig = Rig::new();
        rig.request("config", json!({}));
        rig.request("airport_bind_status", json!({"devices": [{"sn": DOCK}]}));
        rig.update_topo(data);
        check(&rig, Connection::Online, Phase::Complete, None);
        assert_eq!(rig.dock().children.len(), 1);
        assert_eq!(rig.dock().model, model);
    }
}

#[test]
fn an_empty_topology_means_the_aircraft_and_a_broken_one_means_nothing() {
    let mut rig = Rig::online();
    rig.aircraft_osd(json!({"mode_code": 0}));
    assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Online);
    // No list, or no object at all, is no news of the aircraft.
    for data in [json!({"domain": "3", "type": 2, "sub_type": 0}), json!(5), json!(null)] {
        rig.update_topo(data);
        assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Online);
        assert_eq!(rig.dock().children.len(), 1);
    }
    rig.topology(&[]);
    let aircraft = &rig.devices[AIRCRAFT];
    assert_eq!(aircraft.connection, Connection::Offline);
    assert_eq!(aircraft.reason.as_ref().unwrap().code, "aircraft_offline");
    check(&rig, Connection::Online, Phase::Complete, None);
    assert!(rig.topologies.last().unwrap().children.is_empty());
}

#[test]
fn an_aircraft_that_went_to_another_dock_is_not_claimed_back() {
    let mut rig = Rig::online();
    rig.children.clear();
    rig.topology(&[]);
    assert!(rig.children.is_empty(), "claimed without being there: {:?}", rig.children);
    rig.topology(&["ANOTHER"]);
    assert_eq!(rig.children, ["ANOTHER"], "only the one that came");
}

#[test]
fn silence_is_stale_after_10_s_and_offline_after_30_s() {
    let mut rig = Rig::online();
    rig.aircraft_osd(json!({"mode_code": 0}));
    rig.pass(9_999);
    check(&rig, Connection::Online, Phase::Complete, None);
    rig.pass(1);
    check(&rig, Connection::Stale, Phase::Complete, Some("silent"));
    assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Stale);
    rig.pass(19_999);
    check(&rig, Connection::Stale, Phase::Complete, Some("silent"));
    rig.pass(1);
    check(&rig, Connection::Offline, Phase::Complete, Some("silent"));
    assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Offline);
    rig.idle();
    check(&rig, Connection::Online, Phase::Complete, None);
    assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Offline);
}

#[test]
fn a_deadline_that_passed_before_it_was_asked_for_is_still_due() {
    let rig = Rig::online();
    let late = rig.now.mono.after_ms(10_001);
    let (at, why) = rig.machine.poll_timeout(late).expect("going stale");
    assert!(at <= late, "{why} is due at {at:?}, not {late:?}");
}

#[test]
fn the_broker_tells_of_absence_at_once() {
    let mut rig = Rig::online();
    disconnected(&mut rig);
    check(&rig, Connection::Offline, Phase::Complete, Some("disconnected"));
    connected(&mut rig);
    check(&rig, Connection::BringingUp, Phase::Connected, None);
    rig.idle();
    check(&rig, Connection::Online, Phase::Heard, Some("topology_unknown"));

    let mut rig = Rig::new();
    rig.input(Input::Broker(BrokerPresence::LoginRefused));
    check(&rig, Connection::NeverSeen, Phase::Enrolled, Some("login_refused"));
}

#[test]
fn somebody_elses_refused_log_in_does_not_take_a_dock_offline() {
    let mut rig = Rig::online();
    rig.input(Input::Broker(BrokerPresence::LoginRefused));
    check(&rig, Connection::Online, Phase::Complete, None);
}

#[test]
fn a_dock_that_leaves_after_its_configuration_has_refused_the_licence() {
    let mut rig = Rig::new();
    connected(&mut rig);
    rig.request("config", json!({}));
    rig.pass(3_000);
    disconnected(&mut rig);
    check(&rig, Connection::Offline, Phase::Configured, Some("licence_refused"));

    let mut rig = Rig::new();
    connected(&mut rig);
    rig.request("config", json!({}));
    rig.pass(20_000);
    disconnected(&mut rig);
    check(&rig, Connection::Offline, Phase::Configured, Some("disconnected"));

    // It went on after the licence: that was not it.
    let mut rig = Rig::new();
    connected(&mut rig);
    rig.request("config", json!({}));
    rig.request("airport_bind_status", json!({"devices": [{"sn": DOCK}]}));
    rig.pass(3_000);
    disconnected(&mut rig);
    check(&rig, Connection::Offline, Phase::Bound, Some("disconnected"));
}

#[test]
fn a_tower_that_starts_after_its_docks_finds_them_by_telemetry() {
    let mut rig = Rig::new();
    rig.aircraft_osd(json!({"mode_code": 0, "attitude_head": 10.0}));
    assert_eq!(rig.children, [AIRCRAFT], "adopted before any topology");
    assert_eq!(rig.devices[AIRCRAFT].connection, Connection::Online);
    check(&rig, Connection::NeverSeen, Phase::Heard, Some("never_connected"));
    rig.idle();
    check(&rig, Connection::Online, Phase::Heard, Some("topology_unknown"));
    rig.topology(&[AIRCRAFT]);
    check(&rig, Connection::Online, Phase::Complete, None);
    assert_eq!(rig.children, [AIRCRAFT]);
}
