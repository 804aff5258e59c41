//! Which text an alarm finds, and what stands in its blanks.

use serde_json::{Value, json};

use super::*;

fn item(value: &Value) -> HmsItem {
    serde_json::from_value(value.clone()).unwrap()
}

fn book(value: &Value) -> HmsBook {
    HmsBook::parse(value.to_string().as_bytes()).unwrap()
}

#[track_caller]
fn check(alarm: &Value, book: Option<&HmsBook>, en: Option<&str>) {
    let text = describe(&item(alarm), book).and_then(|text| text.en);
    assert_eq!(text.as_deref(), en, "{alarm}");
}

#[test]
fn own_texts_are_sorted_short_and_in_both_languages() {
    let tables = [own_dock::DOCK, own_aircraft::AIRCRAFT, own_aircraft::IN_THE_SKY];
    for table in tables {
        assert!(table.is_sorted_by(|a, b| a.code < b.code));
        for text in table {
            assert!(text.en.is_ascii() && text.en.ends_with('.'), "{text:?}");
            assert!(text.en.len() <= 120, "{text:?}");
            let has_hangul = text.ko.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
            assert!(has_hangul && text.ko.ends_with('.'), "{text:?}");
        }
    }
    assert!(own_codes() >= 120, "{}", own_codes());
    for text in own_aircraft::IN_THE_SKY {
        assert!(!text.en.contains("take-off."), "{text:?}");
        assert!(own_aircraft::AIRCRAFT.iter().any(|ground| ground.code == text.code), "{text:?}");
    }
}

#[test]
fn the_side_follows_the_device_type() {
    let dock = "The emergency stop is pressed. Release it on site when it is safe.";
    check(&json!({"code": "0x19111800", "device_type": "3-2-0"}), None, Some(dock));
    check(&json!({"code": "0x19111800", "device_type": "dock"}), None, Some(dock));
    check(&json!({"code": "0x19111800"}), None, Some(dock));
    check(&json!({"code": "0x19111800", "device_type": "0-91-1"}), None, None);
    let compass = "The compass has a fault. No take-off.";
    check(&json!({"code": "0x16100001", "device_type": "0-91-1"}), None, Some(compass));
    check(&json!({"code": "0x16100001", "device_type": "aircraft"}), None, Some(compass));
    for nothing in
        [json!({}), json!({"code": ""}), json!({"code": "0x"}), json!({"code": "x".repeat(99)})]
    {
        check(&nothing, None, None);
    }
}

#[test]
fn in_the_sky_another_text_goes_first() {
    let alarm = json!({"code": "0x16100001", "device_type": "0-91-1", "in_the_sky": 1});
    let own = describe(&item(&alarm), None).unwrap();
    assert!(!own.en.unwrap().contains("take-off"), "{alarm}");
    let both = book(&json!({
        "fpv_tip_0x16100001": {"en": "ground"},
        "fpv_tip_0x16100001_in_the_sky": {"en": "sky"},
        "fpv_tip_0x1A": {"en": "anywhere"},
    }));
    check(&alarm, Some(&both), Some("sky"));
    let alarm = json!({"code": "0x16100001", "device_type": "0-91-1", "in_the_sky": 0});
    check(&alarm, Some(&both), Some("ground"));
    let alarm = json!({"code": "0x1a", "device_type": "0-91-1", "in_the_sky": 1});
    check(&alarm, Some(&both), Some("anywhere"));
}

#[test]
fn the_exact_case_goes_first_then_any_case() {
    let book = book(&json!({
        "dock_tip_0x1911ABCD": {"en": "upper"},
        "dock_tip_0x1911abcd": {"en": "lower"},
        "dock_tip_0x19118ffe": {"en": "only lower"},
    }));
    let alarm = |code: &str| json!({"code": code, "device_type": "3-2-0"});
    check(&alarm("0x1911ABCD"), Some(&book), Some("upper"));
    check(&alarm("0x1911abcd"), Some(&book), Some("lower"));
    check(&alarm("0x1911AbCd"), Some(&book), Some("upper"));
    check(&alarm("0x19118FFE"), Some(&book), Some("only lower"));
    check(&alarm("0x1911FFFF"), Some(&book), None);
}

#[test]
fn blanks_are_filled() {
    let cases = [
        ("0x12", "alarm %alarmid", Some("alarm 0x12")),
        ("0x12", "%index of %component_index", Some("4 of 2")),
        ("0x12", "%battery_index and %dock_cover_index", Some("right and right")),
        ("0x12", "%charging_rod_index rod", Some("right rod")),
        ("0x12", "height %1$s of %2$s, channel %d, %1$.1f", Some("height … of …, channel …, …")),
        ("0x19110000", "Dock %1$s cover, %s cover", Some("Dock right cover, right cover")),
        ("0x19110400", "the %1$s rod", Some("the right rod")),
        ("0x12", "100 % full, %unknown, 5%", Some("100 % full, %unknown, 5%")),
        ("0x12", "%9999999999999999999$s %1$ %", Some("… %1$ %")),
    ];
    for (code, text, filled) in cases {
        let key = format!("dock_tip_{code}");
        let book = book(&json!({ key: {"en": text} }));
        let args = json!({"component_index": 1, "sensor_index": 3});
        check(&json!({"code": code, "device_type": "3-2-0", "args": args}), Some(&book), filled);
    }
    let left = json!({"code": "0x19110000", "device_type": "3-2-0", "args": {"sensor_index": 0}});
    let text = describe(&item(&left), None).unwrap();
    assert!(text.en.unwrap().starts_with("The left cover's motor"));
    assert!(text.ko.unwrap().starts_with("왼쪽 커버"));
    let none = json!({"code": "0x1D050001", "device_type": "0-91-1"});
    check(&none, None, Some("Gimbal … is at the end of its roll."));
}

#[test]
fn a_book_is_bounded_and_cleaned_and_languages_complete_each_other() {
    assert_eq!(HmsBook::parse(b"{}"), Err(HmsBookError::NoTexts));
    assert_eq!(HmsBook::parse(br#"{"a": {"en": "b"}}"#), Err(HmsBookError::NoTexts));
    assert!(matches!(HmsBook::parse(b"[1]"), Err(HmsBookError::Syntax { .. })));
    assert!(matches!(HmsBook::parse(b"{\"dock_tip_0x1"), Err(HmsBookError::Syntax { .. })));
    let large = vec![b' '; BOOK_MAX_BYTES + 1];
    assert_eq!(HmsBook::parse(&large), Err(HmsBookError::TooLarge { len: large.len() }));

    let long = "x".repeat(5000);
    let book = book(&json!({
        "dock_tip_0x19111800": {"en": "Stop\u{1b}[2J\n it", "fr": "Arrêt"},
        "dock_tip_0x1": {"en": long, "ko": 3},
        "dock_tip_0x2": "no object",
        "dock_tip_0x3": {"en": ""},
        "dock_tip_0x4": [1],
        "other": {"en": "x"},
    }));
    assert_eq!((book.len(), book.skipped()), (2, 4));
    let stop = json!({"code": "0x19111800", "device_type": "3-2-0"});
    let text = describe(&item(&stop), Some(&book)).unwrap();
    assert_eq!(text.en.as_deref(), Some("Stop [2J  it"));
    assert!(text.ko.unwrap().contains("비상 정지"));
    let one = describe(&item(&json!({"code": "0x1", "device_type": "3-2-0"})), Some(&book));
    let one = one.unwrap();
    assert_eq!((one.en.map(|text| text.len()), one.ko.as_deref()), (Some(1024), Some("3")));
}
