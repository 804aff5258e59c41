//! Result codes and health alarms against the documented lists.

use std::collections::BTreeSet;

use dji_cloud::error_code::{Origin, all};
use dji_cloud::hms_text::{HmsBook, describe};
use serde_json::Value;

use crate::fact_file;

#[test]
fn the_codes_are_the_documented_ones() {
    let Some(text) = fact_file("errors.json") else { return };
    let facts: Value = serde_json::from_str(&text).unwrap();
    let lists = [
        ("codes", Origin::ErrorPage),
        ("other_codes", Origin::OtherPage),
        ("java_sdk_codes_not_in_docs", Origin::SdkOnly),
    ];
    for (list, origin) in lists {
        let listed: BTreeSet<i64> = facts[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|code| code["code"].as_i64().unwrap())
            .collect();
        let ours: BTreeSet<i64> =
            all().iter().filter(|text| text.origin == origin).map(|text| text.code).collect();
        assert_eq!(ours, listed, "{list}");
    }
}

#[test]
fn the_real_table_of_alarm_texts_is_read_and_every_code_finds_its_text() {
    let Some(text) = fact_file("hms.json") else { return };
    let book = HmsBook::parse(text.as_bytes()).unwrap();
    assert!(book.len() > 2400, "{} {}", book.len(), book.skipped());
    let table: Value = serde_json::from_str(&text).unwrap();
    let mut found = 0;
    for (key, texts) in table.as_object().unwrap() {
        let Some((device_type, code, in_the_sky)) = parts(key) else { continue };
        let Some(en) = texts["en"].as_str().filter(|en| !en.trim().is_empty()) else { continue };
        let alarm = serde_json::json!({
            "code": code, "device_type": device_type, "in_the_sky": in_the_sky,
            "args": {"component_index": 0, "sensor_index": 0},
        });
        let alarm = serde_json::from_value(alarm).unwrap();
        let filled = describe(&alarm, Some(&book)).and_then(|text| text.en).unwrap();
        assert!(!filled.contains("_index") && !filled.contains("%alarmid"), "{key}: {filled}");
        assert!(!filled.contains("%1$") && !filled.contains("%s"), "{key}: {filled}");
        if !en.contains(['%', '\\', '\n']) {
            assert_eq!(filled, en.trim(), "{key}");
        }
        found += 1;
    }
    assert!(found > 2300, "{found}");
}

/// Device type, code and whether in the air, of a key of the table.
fn parts(key: &str) -> Option<(&'static str, &str, u8)> {
    let (device_type, rest) = match key.strip_prefix("dock_tip_") {
        Some(rest) => ("3-2-0", rest),
        None => ("0-91-1", key.strip_prefix("fpv_tip_")?),
    };
    let (code, in_the_sky) = match rest.strip_suffix("_in_the_sky") {
        Some(code) => (code, 1),
        None => (rest, 0),
    };
    code[2..].chars().all(|c| c.is_ascii_hexdigit()).then_some((device_type, code, in_the_sky))
}

#[test]
fn our_own_alarm_texts_are_of_codes_that_exist_and_are_not_copies() {
    let Some(text) = fact_file("hms.json") else { return };
    let table: Value = serde_json::from_str(&text).unwrap();
    let mut own = 0;
    for (key, texts) in table.as_object().unwrap() {
        let Some((device_type, code, in_the_sky)) = parts(key) else { continue };
        let alarm = serde_json::json!({
            "code": code, "device_type": device_type, "in_the_sky": in_the_sky,
        });
        let Some(text) = describe(&serde_json::from_value(alarm).unwrap(), None) else { continue };
        let bare = |text: &str| text.trim_end_matches('.').to_lowercase();
        let theirs = bare(texts["en"].as_str().unwrap_or_default());
        assert_ne!(bare(&text.en.unwrap()), theirs, "{key}");
        own += 1;
    }
    assert!(own >= dji_cloud::hms_text::own_codes(), "{own}");
}
