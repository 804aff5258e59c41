//! Flights in virtual time: believable, consistent, and refused when they must be.

use fleet_sim::model::{AircraftMode, codes};
use fleet_sim::{Input, demo_mission};
use serde_json::{Value, json};

use crate::lab::Lab;

fn leaf<'a>(message: &'a Value, path: &str) -> &'a Value {
    message.pointer(path).unwrap_or_else(|| panic!("{path} in {message}"))
}

#[test]
fn the_demo_mission_ends_ok_in_time_and_every_message_fits_the_others() {
    let mut lab = Lab::online(20.0, "");
    let full = lab.model.battery_percent();
    lab.fly("flight-1");
    let took_ms = lab.wait_for(25_000, |lab| lab.status() == "ok");
    assert!((8_000..20_000).contains(&took_ms), "{took_ms}");
    assert_eq!(lab.model.ground_truth().take_offs(), 1);
    assert!(lab.model.battery_percent() < full - 4.0, "{}", lab.model.battery_percent());
    assert_eq!(lab.fetched.len(), 1);

    let (mut cover, mut in_dock, mut airborne) = (json!(0), json!(1), 0);
    for (_, topic, message) in &lab.sent {
        let data = &message["data"];
        if let Some(now) = data.get("cover_state") {
            cover = now.clone();
            in_dock = data["drone_in_dock"].clone();
            assert!(in_dock == 1 || cover == 1, "a closed cover with the aircraft out");
        }
        if topic.contains("SIMM3T")
            && topic.ends_with("/osd")
            && data["elevation"].as_f64() > Some(1.0)
        {
            airborne += 1;
            assert_eq!((&in_dock, &cover), (&json!(0), &json!(1)));
            assert_ne!(data["mode_code"], 0);
        }
    }
    assert!(airborne >= 3, "{airborne}");

    let events = lab.messages("/events", "flighttask_progress");
    let percents: Vec<i64> = events
        .iter()
        .map(|event| leaf(event, "/data/output/progress/percent").as_i64().unwrap())
        .collect();
    assert!(percents.is_sorted(), "{percents:?}");
    assert_eq!(percents.last(), Some(&100));
    let reached: Vec<_> =
        events.iter().map(|event| leaf(event, "/data/output/ext/current_waypoint_index")).collect();
    assert!((0..6).all(|index| reached.contains(&&json!(index))), "{reached:?}");
    let last = events.last().unwrap();
    assert_eq!(leaf(last, "/data/output/ext/media_count"), 6);
    assert_eq!(leaf(last, "/data/output/ext/flight_id"), "flight-1");
    assert_eq!(leaf(last, "/data/output/ext/wayline_mission_state"), 9);
    assert_eq!((&last["need_reply"], &last["bid"]), (&json!(1), &json!("flow")));
    assert_eq!(leaf(events[0], "/data/output/status"), "sent");

    lab.wait(4_000);
    assert_eq!((lab.osd("mode_code"), lab.osd("flighttask_step_code")), (json!(0), json!(5)));
    assert_eq!(lab.osd("drone_charge_state")["state"], 1);
    lab.wait(120_000);
    assert_eq!(lab.osd("drone_charge_state")["state"], 0, "charged again");
}

#[test]
fn prepare_and_execute_check_what_they_are_given() {
    let mut lab = Lab::online(20.0, "");
    let good = lab.prepare_data("f");
    let cases: [(&str, Value, i64); 8] = [
        ("/flight_id", json!(""), codes::BAD_PARAMETER),
        ("/file/fingerprint", json!("abc"), codes::BAD_PARAMETER),
        ("/file/url", json!("ftp://x"), codes::BAD_PARAMETER),
        ("/task_type", json!(3), codes::BAD_PARAMETER),
        ("/rth_altitude", json!(19), codes::BAD_PARAMETER),
        ("/out_of_control_action", json!(3), codes::BAD_PARAMETER),
        ("/execute_time", json!(lab.now.wall_ms + 31_000), codes::CLOCKS_DIFFER),
        ("/execute_time", json!(lab.now.wall_ms - 31_000), codes::CLOCKS_DIFFER),
    ];
    for (path, value, code) in cases {
        let mut data = good.clone();
        *data.pointer_mut(path).unwrap() = value;
        assert_eq!(lab.ask("flighttask_prepare", &data), code, "{path}");
    }
    let execute = json!({"flight_id": "f"});
    assert_eq!(lab.ask("flighttask_execute", &execute), codes::WRONG_STATE);
    assert_eq!(lab.ask("flighttask_prepare", &good), 0);
    assert_eq!(lab.ask("flighttask_undo", &json!({"flight_ids": ["f"]})), 0);
    assert_eq!(lab.ask("flighttask_undo", &json!({"flight_ids": ["f"]})), codes::WRONG_STATE);
    assert_eq!(lab.ask("flighttask_execute", &execute), codes::WRONG_STATE);
    assert_eq!(lab.ask("flighttask_prepare", &good), 0);
    lab.wait(31_000);
    assert_eq!(lab.ask("flighttask_execute", &execute), codes::CLOCKS_DIFFER, "too late");
    lab.fly("g");
    assert_eq!(lab.ask("flighttask_execute", &json!({"flight_id": "g"})), codes::ALREADY_RUNNING);
    assert_eq!(lab.ask("flighttask_execute", &execute), codes::OTHER_TASK);
    assert_eq!(lab.ask("flighttask_undo", &json!({"flight_ids": ["g"]})), codes::CANNOT_CANCEL);
    assert_eq!(lab.ask("debug_mode_open", &Value::Null), codes::TASK_RUNNING);
    assert_eq!(lab.ask("flighttask_pause", &Value::Null), codes::NOT_STARTED);
    assert_eq!(lab.ask("return_home", &Value::Null), codes::NOT_AIRBORNE);
}

#[test]
fn a_flight_pauses_resumes_and_comes_home_when_told() {
    let mut lab = Lab::online(5.0, "");
    lab.fly("f");
    lab.wait_for(40_000, |lab| lab.model.aircraft_mode() == AircraftMode::Wayline);
    lab.wait(3_000);
    assert_eq!(lab.ask("flighttask_pause", &Value::Null), 0);
    assert_eq!(lab.ask("flighttask_pause", &Value::Null), codes::CANNOT_PAUSE);
    let (lat, lon, up) = lab.model.aircraft_position();
    lab.wait(10_000);
    assert_eq!(lab.model.aircraft_position(), (lat, lon, up));
    assert_eq!(lab.status(), "paused");
    assert_eq!(lab.ask("return_home_cancel", &Value::Null), codes::RETURN_CANCEL);
    assert_eq!(lab.ask("flighttask_recovery", &Value::Null), 0);
    assert_eq!(lab.ask("flighttask_recovery", &Value::Null), codes::CANNOT_RESUME);
    lab.wait_for(30_000, |lab| {
        lab.last_event().unwrap().pointer("/data/output/ext/current_waypoint_index")
            == Some(&json!(1))
    });
    assert_eq!(lab.ask("return_home", &Value::Null), 0);
    assert_eq!(lab.model.aircraft_mode(), AircraftMode::Returning);
    assert_eq!(lab.messages("/events", "return_home_info").len(), 1);
    assert_eq!(lab.ask("return_home_cancel", &Value::Null), 0);
    lab.wait(5_000);
    assert_eq!(lab.model.aircraft_mode(), AircraftMode::Manual, "hovering, out of the wayline");
    assert_eq!(lab.ask("flighttask_recovery", &Value::Null), codes::CANNOT_RESUME);
    assert_eq!(lab.messages("/events", "device_exit_homing_notify").len(), 1);
    assert_eq!(lab.ask("return_home", &Value::Null), 0);
    lab.wait_for(60_000, |lab| lab.status() == "canceled");
    let last = lab.last_event().unwrap().clone();
    assert_eq!(leaf(&last, "/data/result"), codes::USER_RETURN);
    let point = leaf(&last, "/data/output/ext/break_point");
    assert_eq!((&point["break_reason"], &point["wayline_id"]), (&json!(1283), &json!(0)));
    assert!(point["index"] == 1 && point["progress"].as_f64() < Some(1.0), "{point}");
    assert!(!lab.model.is_airborne());
}

#[test]
fn a_low_battery_brings_it_home_unfinished() {
    let mut lab = Lab::online(40.0, "battery=34");
    let mut mission = demo_mission(lab.model.identity());
    for point in &mut mission.waylines[0].waypoints {
        point.lat += 0.04;
    }
    lab.use_mission(&mission);
    lab.fly("f");
    lab.wait_for(60_000, |lab| lab.status() == "failed");
    let last = lab.last_event().unwrap().clone();
    assert_eq!(leaf(&last, "/data/result"), codes::LOW_BATTERY_RETURN);
    assert!(!lab.model.is_airborne() && lab.model.battery_percent() > 3.0);
    let mut weak = Lab::online(1.0, "battery=29");
    let prepare = weak.prepare_data("f");
    assert_eq!(weak.ask("flighttask_prepare", &prepare), 0);
    assert_eq!(weak.ask("flighttask_execute", &json!({"flight_id": "f"})), codes::BATTERY_LOW);
}

#[test]
fn a_wrong_file_ends_the_task_with_the_cover_closed() {
    type Spoil = fn(&mut Lab);
    let cases: [(&str, Spoil, i64); 5] = [
        ("no file", |lab| lab.kmz = Err("status 404".to_owned()), codes::FILE_FETCH),
        ("fingerprint", |lab| lab.fingerprint = "0".repeat(32), codes::FILE_BROKEN),
        (
            "no KMZ",
            |lab| {
                lab.kmz = Ok(b"text".as_slice().into());
                lab.fingerprint = crate::lab::md5_hex(b"text");
            },
            codes::FILE_BROKEN,
        ),
        (
            "other aircraft",
            |lab| {
                let mut mission = demo_mission(lab.model.identity());
                mission.drone.type_id = 67;
                lab.use_mission(&mission);
            },
            codes::FILE_FORMAT,
        ),
        (
            "too far",
            |lab| {
                let mut mission = demo_mission(lab.model.identity());
                mission.waylines[0].waypoints[2].lat += 1.0;
                lab.use_mission(&mission);
            },
            codes::BEYOND_LIMIT,
        ),
    ];
    for (name, spoil, code) in cases {
        let mut lab = Lab::online(20.0, "");
        spoil(&mut lab);
        lab.fly("f");
        lab.wait(3_000);
        assert_eq!(lab.status(), "failed", "{name}");
        assert_eq!(leaf(lab.last_event().unwrap(), "/data/result"), code, "{name}");
        assert_eq!(lab.osd("cover_state"), json!(0), "{name}");
        assert_eq!(lab.model.ground_truth().take_offs(), 0, "{name}");
    }
}

#[test]
fn a_task_without_an_answer_for_its_file_fails() {
    let mut lab = Lab::online(20.0, "");
    let prepare = lab.prepare_data("f");
    assert_eq!(lab.ask("flighttask_prepare", &prepare), 0);
    lab.answers = false;
    assert_eq!(lab.ask("flighttask_execute", &json!({"flight_id": "f"})), 0);
    lab.wait(25_000);
    assert_eq!(lab.messages("/requests", "flighttask_resource_get").len(), 4);
    assert_eq!(leaf(lab.last_event().unwrap(), "/data/result"), codes::FILE_FETCH);
    // The ending asks for an answer and is repeated until there is one.
    let tid = lab.last_event().unwrap()["tid"].clone();
    lab.wait(20_000);
    let endings = lab.messages("/events", "flighttask_progress");
    assert!(endings.iter().filter(|event| event["tid"] == tid).count() >= 2);
    // A cloud that is linked but says nothing must not make the dock spin, nor repeat too early.
    lab.input(Input::Disconnected);
    lab.input(Input::Connected);
    let before = lab.sent.len();
    lab.wait(60_000);
    assert!(lab.sent[before..].iter().all(|(_, _, message)| message["method"] == "config"));
    lab.answers = true;
    lab.wait(5_000);
    assert!(lab.model.is_online());
    let endings = lab.messages("/events", "flighttask_progress");
    let times = endings.iter().filter(|event| event["tid"] == tid).count();
    lab.wait(60_000);
    let endings = lab.messages("/events", "flighttask_progress");
    let later = endings.iter().filter(|event| event["tid"] == tid).count();
    assert_eq!(later, times, "an answered ending is not repeated");
}

#[test]
fn a_conditional_task_announces_itself_and_a_break_point_is_taken_up() {
    let mut lab = Lab::online(20.0, "");
    let mut data = lab.prepare_data("f");
    data["task_type"] = json!(2);
    data["ready_conditions"] = json!({
        "battery_capacity": 50, "begin_time": lab.now.wall_ms + 10_000,
        "end_time": lab.now.wall_ms + 60_000,
    });
    data["break_point"] = json!({"index": 4, "state": 1, "progress": 0.0, "wayline_id": 0});
    assert_eq!(lab.ask("flighttask_prepare", &data), 0);
    let execute = json!({"flight_id": "f"});
    assert_eq!(lab.ask("flighttask_execute", &execute), codes::WRONG_STATE, "not yet");
    assert!(lab.messages("/events", "flighttask_ready").is_empty());
    lab.wait(14_000);
    let ready = lab.messages("/events", "flighttask_ready");
    assert_eq!(ready.len(), 1);
    assert_eq!(ready[0]["data"], json!({"flight_ids": ["f"]}));
    assert_eq!(lab.ask("flighttask_execute", &execute), 0);
    lab.wait_for(25_000, |lab| lab.status() == "ok");
    assert_eq!(leaf(lab.last_event().unwrap(), "/data/output/ext/media_count"), 2);
}

#[test]
fn a_dry_run_reports_progress_and_never_leaves_the_dock() {
    let mut lab = Lab::online(20.0, "");
    let full = lab.model.battery_percent();
    let mut data = lab.prepare_data("dry");
    data["simulate_mission"] = json!({"is_enable": 1, "latitude": 22.5, "longitude": 113.9});
    assert_eq!(lab.ask("flighttask_prepare", &data), 0);
    assert_eq!(lab.ask("flighttask_execute", &json!({"flight_id": "dry"})), 0);
    lab.wait_for(60_000, |lab| {
        assert!(!lab.model.is_airborne());
        assert_eq!(lab.model.cover(), fleet_sim::model::CoverState::Closed);
        lab.status() == "ok"
    });
    assert_eq!(lab.model.ground_truth().take_offs(), 0);
    assert!(lab.model.battery_percent() > full - 1.0, "rotors ran");
    let events = lab.messages("/events", "flighttask_progress");
    let percents: Vec<i64> = events
        .iter()
        .map(|event| leaf(event, "/data/output/progress/percent").as_i64().unwrap())
        .collect();
    assert!(percents.is_sorted() && percents.len() > 6, "{percents:?}");
    assert_eq!(percents.last(), Some(&100));
    assert_eq!(leaf(events.last().unwrap(), "/data/output/ext/media_count"), 0);
    // A real flight after it is a real one.
    lab.fly("real");
    lab.wait_for(25_000, |lab| lab.model.is_airborne());
}

#[test]
fn a_dry_run_pauses_goes_on_and_ends_when_called_home() {
    let mut lab = Lab::online(5.0, "");
    let mut data = lab.prepare_data("dry");
    for wrong in [json!({}), json!({"is_enable": 2}), json!({"is_enable": 1, "latitude": 91.0})] {
        data["simulate_mission"] = wrong;
        assert_eq!(lab.ask("flighttask_prepare", &data), codes::BAD_PARAMETER);
    }
    data["simulate_mission"] = json!({"is_enable": true, "latitude": 22.5, "longitude": 113.9});
    assert_eq!(lab.ask("flighttask_prepare", &data), 0);
    assert_eq!(lab.ask("flighttask_execute", &json!({"flight_id": "dry"})), 0);
    lab.wait(4_000);
    assert_eq!(lab.ask("flighttask_pause", &Value::Null), 0);
    lab.wait(120_000);
    assert_eq!(lab.status(), "paused");
    assert_eq!(lab.ask("flighttask_recovery", &Value::Null), 0);
    lab.wait(2_000);
    assert_eq!(lab.status(), "in_progress");
    assert_eq!(lab.ask("return_home", &Value::Null), 0);
    lab.wait_for(10_000, |lab| lab.status() == "canceled");
    assert_eq!(lab.model.ground_truth().take_offs(), 0);
}
