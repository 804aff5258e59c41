//! Bodies made from the facts: every field present, each with one of its documented values.

use serde_json::{Map, Value, json};

use super::{Field, Form};

/// How the facts write the key of a payload, which is `81-0-0` and the like on the wire.
pub const GIMBAL_KEY: &str = "type_subtype_gimbalindex";
const GIMBAL_KEY_ON_THE_WIRE: &str = "81-0-0";

/// A body with every field; field by field the `round`-th of its values (over and over).
#[must_use]
pub fn body(fields: &[Field], is_array: bool, round: usize) -> Value {
    build(fields, is_array, |field| {
        field.2.get(round % field.2.len().max(1)).cloned().unwrap_or_default()
    })
}

/// A body whose enums all hold a value outside their lists.
#[must_use]
pub fn foreign_body(fields: &[Field], is_array: bool) -> Value {
    build(fields, is_array, |field| {
        let first = field.2.first().cloned().unwrap_or_default();
        match (field.1, &first) {
            (Form::Enum, Value::Number(_)) => json!(424_242),
            // A number in a string stays one: the list is of numbers.
            (Form::Enum, Value::String(text)) if text.parse::<i64>().is_ok() => json!("424242"),
            (Form::Enum, Value::String(_)) => json!("no_such_word"),
            (_, _) => first,
        }
    })
}

fn build(fields: &[Field], is_array: bool, value: impl Fn(&Field) -> Value) -> Value {
    let mut body = Value::Object(Map::new());
    for field in fields {
        let leaf = match field.1 {
            Form::Object => json!({}),
            Form::List => json!([{}]),
            Form::Value | Form::Enum => value(field),
            Form::Values => json!([value(field)]),
        };
        put(&mut body, &field.0, leaf);
    }
    if is_array { json!([body]) } else { body }
}

fn keys(path: &str) -> impl Iterator<Item = &str> {
    path.split('.')
        .map(|key| key.strip_suffix("[]").unwrap_or(key))
        .map(|key| if key == GIMBAL_KEY { GIMBAL_KEY_ON_THE_WIRE } else { key })
}

/// Puts a value at a path such as `a.b[].c`. What is there already stays: objects come before
/// their fields.
pub fn put(body: &mut Value, path: &str, leaf: Value) {
    let mut at = body;
    let mut parts = path.split('.').zip(keys(path)).peekable();
    while let Some((part, key)) = parts.next() {
        let is_last = parts.peek().is_none();
        let Some(fields) = at.as_object_mut() else { return };
        if is_last {
            let is_there = fields.get(key).is_some_and(|there| !there.is_null());
            let is_empty_shape = leaf == json!({}) || leaf == json!([{}]);
            if !(is_there && is_empty_shape) {
                fields.insert(key.to_owned(), leaf);
            }
            return;
        }
        let empty = if part.ends_with("[]") { json!([{}]) } else { json!({}) };
        let next = fields.entry(key).or_insert(empty);
        if next.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        at = if next.is_array() { &mut next[0] } else { next };
    }
}

/// The value at a path, through the first element of every array on the way.
#[must_use]
pub fn value_at<'v>(body: &'v Value, path: &str) -> Option<&'v Value> {
    let mut at = body;
    for key in keys(path) {
        if let Some(items) = at.as_array() {
            at = items.first()?;
        }
        at = at.get(key)?;
    }
    Some(at)
}
