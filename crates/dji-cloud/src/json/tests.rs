//! The quick reader against `serde_json`: it may refuse, but what it reads is what that reads.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

const DOCK: &str = include_str!("../../tests/data/dock-osd.json");
const AIRCRAFT: &str = include_str!("../../tests/data/aircraft-osd.json");

/// Both readers on one text, in each of the ways it is read here. Equal to the last bit: `-0.0` and
/// `0.0` are told apart by their text.
fn check(text: &str) {
    let theirs = serde_json::from_str::<Value>(text);
    if let Some(ours) = read::<Value>(text, NESTING_MAX) {
        let theirs = theirs.as_ref().map(Value::to_string).map_err(ToString::to_string);
        assert_eq!(Ok(ours.to_string()), theirs, "{text:?}");
    }
    let skipped = serde_json::from_str::<IgnoredAny>(text);
    if read::<IgnoredAny>(text, NESTING_MAX).is_some() {
        assert!(skipped.is_ok(), "{text:?}");
    }
    if let Some(raw) = read::<&RawValue>(text, NESTING_MAX) {
        let theirs = serde_json::from_str::<&RawValue>(text).map(RawValue::get);
        assert_eq!(raw.get(), theirs.unwrap(), "{text:?}");
    }
    // What is asked in the end answers exactly as before, errors too.
    let (ours, theirs) = (from_str::<Value>(text), serde_json::from_str::<Value>(text));
    assert_eq!(ours.map_err(|e| e.to_string()), theirs.map_err(|e| e.to_string()), "{text:?}");
}

#[test]
fn telemetry_is_read_here_and_not_by_the_other_reader() {
    for text in [DOCK, AIRCRAFT] {
        check(text);
        assert!(read::<Value>(text, NESTING_MAX).is_some());
        assert!(read::<&RawValue>(text, NESTING_MAX).is_some());
        assert!(read::<Value>(text, 2).is_none());
        for end in 0..text.len() {
            check(&text[..end]);
        }
    }
}

#[test]
fn oddities_read_as_the_other_reader_reads_them() {
    const ODD: &[&str] = &[
        "",
        " ",
        "\u{feff}{}",
        "nul",
        "null",
        " true ",
        "falsey",
        "01",
        "-",
        "-0",
        "-0.0",
        "0.",
        ".5",
        "1e400",
        "-1e400",
        "1e-400",
        "1E+2",
        "1e",
        "1e+",
        "00",
        "-01",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345",
        "1234567890123456",
        "0.1234567890123456789",
        "126.988204412",
        "123456789.0123456",
        "999999999999999.9",
        "0.000000000000001",
        "100000000000000000000000.5",
        "1.0e5x",
        "1 2",
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\u0000""#,
        r#""\q""#,
        r#""a\"#,
        r#""a\"b""#,
        r#""\\""#,
        "\"\u{1}\"",
        "\"a\nb\"",
        "\"\u{7f}\u{80}\u{ac00}\"",
        "\"",
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"a":null}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a" : 1 }"#,
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{a:1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"\u0061":1}"#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{]",
        "[]]",
        "{}}",
        "[ ]",
        "{ }",
        "[[],{}]",
        "\t[\r\n1 ,\n2 ]\n",
        r#"{"a":[{"b":[]},{}],"c":{"d":"e"}}"#,
        "{\"a\":\"\u{0}\"}",
        "\u{0}",
        "1\u{0}",
        "[1\u{0}]",
        "\u{a0}1",
        "\u{b}1",
        "\"a\u{0}",
        "[\"\\",
        "[\"\\\u{ac00}\"]",
        "trueish",
        "[true,false,null]",
    ];
    ODD.iter().for_each(|text| check(text));
    for depth in [1, 31, 32, 126, 127, 128, 129, 200] {
        check(&("[".repeat(depth) + &"]".repeat(depth)));
        check(&(r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)));
        check(&"[{\"a\":".repeat(depth));
    }
    let wide = format!("[{}1]", "[[]],".repeat(3000));
    assert!(read::<Value>(&wide, 3).is_some() && read::<Value>(&wide, 2).is_none());
}

/// Texts made of pieces that JSON is made of, mostly broken.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n"][..])
            .prop_map(str::to_owned),
        2 => prop::sample::select(&["true", "null", "\"a\":", "-", "e", ".", "0", "\\ud800", "\\u"][..])
            .prop_map(str::to_owned),
        2 => "-?[0-9]{1,24}(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?",
        1 => "\"[ -~]{0,20}\"",
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_text_is_read_alike(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn any_pieces_are_read_alike(text in pieces()) {
        check(&text);
        check(&format!("[{text}]"));
        check(&format!("{{\"key\":{text}}}"));
        check(&format!("\"{text}\""));
    }

    #[test]
    fn any_number_is_read_alike(text in "-?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        check(&text);
        check(&format!("[{text},1,2,3,4,5]"));
    }

    #[test]
    fn any_double_is_read_alike(number in any::<f64>()) {
        check(&number.to_string());
        check(&format!("{number:e}"));
    }

    #[test]
    fn mutated_telemetry_is_read_alike(
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(&["", "{", "}", "[", "]", "\"", "\\", ",", ":", "0", "-", ".", "e", "\n"][..]),
        is_dock in any::<bool>(),
    ) {
        let text = if is_dock { DOCK } else { AIRCRAFT };
        let at = at.index(text.len());
        check(&format!("{}{with}{}", &text[..at], &text[at..]));
        check(&format!("{}{with}{}", &text[..at], text.get(at + 1..).unwrap_or_default()));
    }
}
