//! Long lists as JSON, a portion at a time: a fleet of thousands must not hold the loop.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Items serialised before other tasks get their turn.
const PORTION: usize = 200;

/// A JSON object under construction.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member. Our own types serialise; a failure would show as `null`.
    pub(crate) fn field(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.name(name);
        self.push(value);
        self
    }

    /// Adds a list, yielding between portions.
    pub(crate) async fn list<T: Serialize>(mut self, name: &str, items: &[Arc<T>]) -> Self {
        self.name(name);
        self.0.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            if index % PORTION == PORTION - 1 {
                tokio::task::yield_now().await;
            }
            self.push(&**item);
        }
        self.0.push(']');
        self
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn push(&mut self, value: &(impl Serialize + ?Sized)) {
        match serde_json::to_string(value) {
            Ok(text) => self.0.push_str(&text),
            Err(_) => self.0.push_str("null"),
        }
    }
}

impl IntoResponse for Object {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], self.finish()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn objects_are_json() {
        let items: Vec<_> = (0..450).map(Arc::new).collect();
        let object =
            Object::new().field("a", "x\"y").list("n", &items).await.field("z", &None::<u8>);
        let value: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
        assert_eq!(value["a"], "x\"y");
        assert_eq!(value["n"].as_array().unwrap().len(), 450);
        assert_eq!(value["n"][449], 449);
        assert!(value["z"].is_null());
    }
}
