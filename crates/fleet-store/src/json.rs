//! JSON that PostgreSQL takes.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

/// What stands for a NUL character, which neither `text` nor `jsonb` can hold.
const STAND_IN: &str = "\u{fffd}";

/// A value as JSON for a `jsonb` column. What cannot be JSON (our own types always can) is null.
pub(crate) fn value(of: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(of).unwrap_or_default();
    mend(&mut value);
    value
}

/// A text without NUL characters.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', STAND_IN).into() } else { text.into() }
}

fn mend(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(held) => {
            if let Cow::Owned(mended) = text(held) {
                *held = mended;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mend),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains('\0')) {
                let entries = std::mem::take(map).into_iter();
                *map = entries.map(|(key, value)| (text(&key).into_owned(), value)).collect();
            }
            map.values_mut().for_each(mend);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_characters_are_replaced_everywhere() {
        let hostile = json!({"a\0": ["x\0y", {"b": "\0"}], "c": 1});
        let mended = json!({"a\u{fffd}": ["x\u{fffd}y", {"b": "\u{fffd}"}], "c": 1});
        assert_eq!(value(&hostile), mended);
        assert_eq!(text("plain"), "plain");
    }
}
