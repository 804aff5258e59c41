//! Payloads no device should send: nothing panics, nothing is believed, presence is kept.

use dji_cloud::topic::TopicKind;
use fleet_types::{CommandState, device::Connection};
use serde_json::json;

use super::rig::{AIRCRAFT, DOCK, Rig};

const UP: [TopicKind; 8] = [
    TopicKind::Status,
    TopicKind::Osd,
    TopicKind::State,
    TopicKind::ServicesReply,
    TopicKind::Events,
    TopicKind::Requests,
    TopicKind::PropertySetReply,
    TopicKind::DrcUp,
];

#[test]
fn garbage_is_counted_and_shows_that_somebody_is_there() {
    let mut rig = Rig::online();
    let deep = format!("{{\"data\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let large = format!("{{\"data\":{{\"x\":\"{}\"}}}}", "y".repeat(1024 * 1024));
    let payloads: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe{}",
        b"{\"data\":}",
        b"{\"tid\":1,\"tid\":2,\"data\":1e999}",
        deep.as_bytes(),
        large.as_bytes(),
    ];
    rig.pass(20_000);
    assert_eq!(rig.dock().connection, Connection::Stale);
    let (sends, commands) = (rig.sends.len(), rig.commands.len());
    for kind in UP {
        for payload in payloads {
            rig.raw(kind, DOCK, payload);
            rig.raw(kind, AIRCRAFT, payload);
        }
    }
    assert!(rig.unknowns("malformed").len() >= 8, "{:?}", rig.drift);
    assert_eq!(rig.dock().connection, Connection::Online);
    assert_eq!((rig.sends.len(), rig.commands.len()), (sends, commands));
}

#[test]
fn a_megabyte_within_the_limit_is_read() {
    let mut rig = Rig::online();
    let text = "y".repeat(1024 * 1024 - 200);
    rig.osd(json!({"moon_phase": text, "cover_state": 1}));
    assert_eq!(rig.unknowns("field"), [("10.01.1605".to_owned(), "moon_phase".to_owned())]);
}

#[test]
fn a_firmware_name_of_a_megabyte_does_not_fill_the_memory() {
    let mut rig = Rig::online();
    rig.state(json!({"firmware_version": "v".repeat(900_000)}));
    rig.osd(json!({"moon_phase": 1}));
    let firmware = &rig.unknowns("field")[0].0;
    assert!(firmware.len() <= 128, "{} bytes", firmware.len());
}

#[test]
fn a_flood_of_unknown_keys_is_not_told_message_by_message() {
    let mut rig = Rig::online();
    for index in 0..3_000 {
        rig.event(&format!("moon_{index}"), "", json!({}));
    }
    assert!(rig.drift_count < 600, "told {} times", rig.drift_count);
    assert!(rig.drift.as_ref().unwrap().unknowns.len() <= 520);
}

#[test]
fn what_only_a_gateway_says_is_not_taken_from_its_aircraft() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("supplement_light_open");
    let reply = json!({"tid": id.to_string(), "method": "supplement_light_open",
        "data": {"result": 0}});
    rig.publish(TopicKind::ServicesReply, AIRCRAFT, &reply);
    rig.check(id, CommandState::Sent, None);
    let topology = json!({"method": "update_topo", "data": {"sub_devices": []}});
    rig.publish(TopicKind::Status, AIRCRAFT, &topology);
    assert_eq!(rig.dock().children.len(), 1);
    let replies = rig.replies.len();
    rig.publish(TopicKind::Requests, AIRCRAFT, &json!({"method": "config", "data": {}}));
    assert_eq!(rig.replies.len(), replies, "the licence is not for whoever asks");
}

#[test]
fn aircraft_are_bounded_and_a_new_one_takes_an_old_ones_place() {
    let mut rig = Rig::online();
    for index in 0..50 {
        rig.publish(TopicKind::Osd, &format!("STRANGER{index}"), &json!({"attitude_head": 1.0}));
    }
    assert_eq!(rig.children.len(), 4);
    for index in 0..20 {
        let sn = format!("REPAIRED{index}");
        rig.topology(&[&sn]);
        assert_eq!(rig.children.pop(), Some(sn), "{:?}", rig.children);
        assert_eq!(rig.dock().children.len(), 1);
    }
}

#[test]
fn an_event_without_its_method_is_known_by_its_flow_or_its_flight_and_else_moves_nothing() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("cover_open");
    rig.reply(&rig.last("cover_open"), json!({"result": 0}));
    let done = json!({"result": 0, "output": {"status": "ok", "progress": {"percent": 100}}});
    rig.publish(TopicKind::Events, DOCK, &json!({"tid": "t", "data": done}));
    rig.check(id, CommandState::Acknowledged, None);
    let bid = rig.commands[&id].trace_id.to_string();
    rig.publish(TopicKind::Events, DOCK, &json!({"tid": "t", "bid": bid, "data": done}));
    rig.check(id, CommandState::Succeeded, None);

    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let data = json!({
        "result": 0,
        "output": {"status": "ok", "ext": {"flight_id": id.to_string()}},
    });
    rig.publish(TopicKind::Events, DOCK, &json!({"tid": "t", "data": data}));
    assert_eq!(rig.mission(id).verdict, Some(fleet_types::mission::Verdict::Ok));
}

#[test]
fn keys_of_the_envelope_that_are_not_documented_are_counted() {
    let mut rig = Rig::online();
    let odd = json!({"tid": 7, "bid": "b", "hello": 1, "data": {"mode_code": 0}});
    rig.publish(TopicKind::Osd, DOCK, &odd);
    assert!(rig.unknowns("field").iter().any(|(_, key)| key == "(envelope).hello"));
    assert!(rig.unknowns("type").iter().any(|(_, key)| key == "(envelope).tid"));
    rig.publish(TopicKind::Osd, DOCK, &json!({"mode_code": 0, "drone_in_dock": 1}));
    assert!(rig.unknowns("type").iter().any(|(_, key)| key == "a body without an envelope"));
}
