//! Why something is as it is, in a form that people and programs can both use.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stable code (`snake_case`, translated by the console) and a sentence in English: what
/// happened, why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Stable, for programs and translations: `dock_offline`, `aircraft_out`, ….
    pub code: Cow<'static, str>,
    /// For people, in English.
    pub message: Cow<'static, str>,
    /// Result code of the device, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_code: Option<i64>,
    /// The same in Korean, where known; beside a device's code: what that code means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_ko: Option<Cow<'static, str>>,
}

impl Reason {
    /// A reason without a device code.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), device_code: None, message_ko: None }
    }

    /// The same reason with the device's own result code.
    #[must_use]
    pub fn with_device_code(mut self, code: i64) -> Self {
        self.device_code = Some(code);
        self
    }
}
