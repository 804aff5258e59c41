//! What the fuzz targets do with an input; panics and broken promises are findings.
//!
//! What is done with device messages is shared with the short run in `cargo test -p dji-cloud`.
//! It keeps no state between inputs. Read next: `crates/dji-cloud/tests/wire/exercise.rs`.

#[path = "../../crates/dji-cloud/tests/wire/exercise.rs"]
mod exercise;

/// Any bytes as a payload; the first byte chooses the topic.
pub fn envelope(bytes: &[u8]) {
    exercise::envelope_on_one(bytes);
}

/// Any body as a message, by topic and method.
pub fn message(bytes: &[u8]) {
    exercise::message(bytes);
}

/// An operator's table of alarm texts, and what becomes of an alarm with it.
pub fn alarm_texts(bytes: &[u8]) {
    let Ok(book) = dji_cloud::hms_text::HmsBook::parse(bytes) else { return };
    for (code, device_type) in [("0x19111800", "3-2-0"), ("0x16100001", "0-91-1"), ("0x1", "?")] {
        let json = serde_json::json!({
            "code": code, "device_type": device_type, "in_the_sky": 1,
            "args": { "sensor_index": i64::MAX, "component_index": i64::MIN },
        });
        let alarm = serde_json::from_value(json).expect("an alarm");
        if let Some(text) = dji_cloud::hms_text::describe(&alarm, Some(&book)) {
            for text in [text.en, text.ko].into_iter().flatten() {
                assert!(!text.contains(char::is_control), "{text:?}");
            }
        }
    }
}

/// A mission file: as XML, or as a whole package when it begins like one.
pub fn wpml(bytes: &[u8]) {
    let read = if bytes.starts_with(b"PK") {
        let read = wpml::Mission::from_kmz(bytes);
        // What cannot be read is not checked; what is checked was read to the same mission.
        match (&read, wpml::Mission::check_kmz(bytes, &wpml::Limits::default())) {
            (Ok(mission), Ok(checked)) => assert_eq!(*mission, checked.mission),
            (Ok(_) | Err(_), Err(_)) => {}
            (Err(error), Ok(checked)) => panic!("{error}: {checked:?}"),
        }
        read
    } else {
        let Ok(text) = core::str::from_utf8(bytes) else { return };
        let _ = wpml::Mission::check_texts(text, Some(text), &wpml::Limits::default());
        wpml::Mission::from_waylines_xml(text, &wpml::Limits::default())
    };
    let Ok(mission) = read else { return };
    // What was read can be written, or says why not; what was written reads back.
    let Ok(xml) = mission.to_waylines_xml() else { return };
    let again = wpml::Mission::from_waylines_xml(&xml, &wpml::Limits::default());
    assert!(again.is_ok(), "{again:?}");
}
