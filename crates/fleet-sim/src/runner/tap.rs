//! A look at messages on their way out, for whoever measures: to count them, mark them, hold them.

use std::{fmt, rc::Rc};

use bytes::Bytes;

use crate::model::Qos;

type Look = dyn Fn(&str, Bytes, Qos) -> Option<(Bytes, Qos)>;

/// Is given topic, payload and quality of service of each message, and says what is published in
/// its place; `None` withholds it, as a dock that has nothing to say.
#[derive(Clone)]
pub struct Tap(Rc<Look>);

impl Tap {
    /// A tap that looks with this.
    pub fn new(look: impl Fn(&str, Bytes, Qos) -> Option<(Bytes, Qos)> + 'static) -> Self {
        Self(Rc::new(look))
    }

    pub(super) fn see(&self, topic: &str, payload: Bytes, qos: Qos) -> Option<(Bytes, Qos)> {
        (self.0)(topic, payload, qos)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}
