//! Bounds on what is sent: a wrong value is an error before anything leaves.
//!
//! Decoding is tolerant, encoding is not. An error names the field, the value, the range and the
//! page of the documentation that gives it.

use core::fmt::Display;

use serde_json::value::RawValue;

use crate::drift::DriftItem;
use crate::envelope::{DecodeError, WithDrift, decode_data};
use crate::lenient::WireValue;

/// Why a call must not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A value outside what DJI documents.
    #[error("{field} is {value}, allowed is {range} (DJI page {page})")]
    OutOfRange {
        /// Path of the field.
        field: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        range: &'static str,
        /// Page of the Cloud API documentation.
        page: &'static str,
    },
    /// A field that DJI requires.
    #[error("{field} is missing (DJI page {page})")]
    Missing {
        /// Path of the field.
        field: &'static str,
        /// Page of the Cloud API documentation.
        page: &'static str,
    },
    /// A field that the method does not have, or a value of the wrong type.
    #[error("{field} is not what {method} takes: {reason}")]
    Unexpected {
        /// The method.
        method: &'static str,
        /// Path of the field.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The method is not one this crate can check.
    #[error("the method {method} is not known")]
    UnknownMethod {
        /// The method, cut to 64 characters.
        method: String,
    },
    /// The body is not JSON.
    #[error("the body of the call cannot be read")]
    Body(#[source] DecodeError),
}

/// A body that knows its bounds.
pub trait Check {
    /// Whether DJI would take it.
    ///
    /// # Errors
    /// The first field that is missing or out of its range.
    fn check(&self) -> Result<(), CallError>;
}

impl<T: Check> Check for Box<T> {
    fn check(&self) -> Result<(), CallError> {
        T::check(self)
    }
}

impl<T: Check> Check for Vec<T> {
    fn check(&self) -> Result<(), CallError> {
        self.iter().try_for_each(Check::check)
    }
}

/// Writes a [`Check`] as a list of bounds: `field: needs…;`. `some` requires the field, `text` a
/// text that is not empty, `each` checks an object or every element of an array by its own bounds,
/// `=> in RANGE, "words"` bounds a number, `=> len RANGE, "words"` the length of a text (bytes) or array.
/// The text after the page is put before the names of the fields in errors.
macro_rules! bounds {
    ($name:ty, $page:expr, $prefix:literal, {
        $($field:ident : $($need:ident)* $(=> in $range:expr, $words:literal)?
            $(=> len $len:expr, $len_words:literal)?;)*
    }) => {
        impl $crate::check::Check for $name {
            fn check(&self) -> Result<(), $crate::check::CallError> {
                $(
                    $($crate::check::bounds!(
                        @need $need self, $field, concat!($prefix, stringify!($field)), $page
                    );)*
                    $($crate::check::bounded(
                        self.$field,
                        |value| ($range).contains(value),
                        concat!($prefix, stringify!($field)),
                        $words,
                        $page,
                    )?;)?
                    $($crate::check::bounded(
                        self.$field.as_ref().map(|value| value.len()),
                        |value| ($len).contains(value),
                        concat!($prefix, stringify!($field)),
                        $len_words,
                        $page,
                    )?;)?
                )*
                Ok(())
            }
        }
    };
    (@need some $self:expr, $field:ident, $label:expr, $page:expr) => {
        $crate::check::required($self.$field.as_ref(), $label, $page)?;
    };
    (@need text $self:expr, $field:ident, $label:expr, $page:expr) => {
        $crate::check::required_text($self.$field.as_ref(), $label, $page)?;
    };
    (@need each $self:expr, $field:ident, $label:expr, $page:expr) => {
        if let Some(value) = &$self.$field {
            $crate::check::Check::check(value)?;
        }
    };
}

pub(crate) use bounds;

/// Requires a field.
pub(crate) fn required<'a, T>(
    value: Option<&'a T>,
    field: &'static str,
    page: &'static str,
) -> Result<&'a T, CallError> {
    value.ok_or(CallError::Missing { field, page })
}

/// Requires a text that is not empty.
pub(crate) fn required_text<'a>(
    value: Option<&'a crate::text::Text>,
    field: &'static str,
    page: &'static str,
) -> Result<&'a str, CallError> {
    match value {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) | None => Err(CallError::Missing { field, page }),
    }
}

/// Requires a condition on a value that may be absent.
pub(crate) fn bounded<T: Display>(
    value: Option<T>,
    is_allowed: impl FnOnce(&T) -> bool,
    field: &'static str,
    range: &'static str,
    page: &'static str,
) -> Result<(), CallError> {
    match value {
        Some(value) if !is_allowed(&value) => {
            Err(CallError::OutOfRange { field, value: value.to_string(), range, page })
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads a body strictly, for sending: nothing unknown, nothing of a wrong type, all in range.
pub(crate) fn strict<T: WireValue + Default + WithDrift + Check>(
    method: &'static str,
    data: Option<&RawValue>,
) -> Result<T, CallError> {
    let body: T = decode_data(data).map_err(CallError::Body)?;
    let mut finding = None;
    body.walk_drift(&mut String::new(), &mut |path, item| {
        let reason = match item {
            DriftItem::UnknownField { .. } => "there is no such field".to_owned(),
            DriftItem::WrongType(fault) if fault.kept => return,
            DriftItem::WrongType(fault) => {
                format!("expected {}, found {}", fault.expected, fault.found)
            }
            DriftItem::UnknownCode(code) => format!("{code:?} is not a documented value"),
            DriftItem::Dropped(count) => format!("{count} findings more"),
        };
        finding.get_or_insert_with(|| CallError::Unexpected {
            method,
            field: if path.is_empty() { "data".into() } else { path.into() },
            reason,
        });
    });
    finding.map_or_else(|| body.check().map(|()| body), Err)
}
