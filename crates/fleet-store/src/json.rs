//! JSON that PostgreSQL takes.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, value::RawValue};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// What stands for a NUL character, which neither `text` nor `jsonb` can hold.
const STAND_IN: &str = "\u{fffd}";

/// A value as JSON for a `jsonb` column. What cannot be JSON (our own types always can) is null.
pub(crate) fn value(of: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(of).unwrap_or_default();
    mend(&mut value);
    value
}

/// How JSON writes a NUL character; where a backslash stands before it, it is none.
const ESCAPED_NUL: &str = "\\u0000";

/// JSON for a `jsonb` column as text, without a tree of it in between: what is large and many.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text(Box<str>);

impl Text {
    /// As [`value`], written out.
    pub(crate) fn of(of: &impl Serialize) -> Self {
        let text = serde_json::to_string(of).unwrap_or_else(|_| "null".to_owned());
        let text = if text.contains(ESCAPED_NUL) { value(of).to_string() } else { text };
        Self(text.into())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(raw.into()))
    }
}

/// Several of them as one `jsonb` array.
#[derive(Debug)]
pub(crate) struct Texts<'a>(pub(crate) &'a [Text]);

impl ToSql for Texts<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.reserve(3 + self.0.iter().map(|text| text.0.len() + 1).sum::<usize>());
        // The version of jsonb on the wire.
        out.put_u8(1);
        let mut before = b'[';
        for Text(text) in self.0 {
            out.put_u8(before);
            out.put_slice(text.as_bytes());
            before = b',';
        }
        out.put_slice(if self.0.is_empty() { b"[]" } else { b"]" });
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }

    to_sql_checked!();
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
        let told: Value = serde_json::from_str(&Text::of(&hostile).0).unwrap();
        assert_eq!(told, mended);
        let harmless = json!({"a": "\\u0000", "b": [1.5, null]});
        assert_eq!(&*Text::of(&harmless).0, harmless.to_string());
    }

    #[test]
    fn texts_go_to_the_database_and_through_the_spool() {
        let wire = |texts: &[Text]| {
            let mut out = BytesMut::new();
            Texts(texts).to_sql(&Type::JSONB, &mut out).unwrap();
            String::from_utf8(out.to_vec()).unwrap()
        };
        let texts = [json!({"a": 1}), json!([])].map(|value| Text::of(&value));
        assert_eq!(wire(&[]), "\u{1}[]");
        assert_eq!(wire(&texts[..1]), "\u{1}[{\"a\":1}]");
        assert_eq!(wire(&texts), "\u{1}[{\"a\":1},[]]");
        let spooled = serde_json::to_vec(&texts).unwrap();
        assert_eq!(serde_json::from_slice::<[Text; 2]>(&spooled).unwrap(), texts);
    }
}
