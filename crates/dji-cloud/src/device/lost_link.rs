//! What the aircraft does when its link is lost: one type, two opposite encodings.
//!
//! `out_of_control_action` (flighttask_prepare) counts 0 return, 1 hover, 2 land; `rc_lost_action`
//! (takeoff_to_point, property) counts 0 hover, 1 land, 2 return. As plain integers they would be
//! mixed up one day and an aircraft would land instead of coming home, so no integer leaves this
//! module except inside its own encoding. Sources: `dock2/wayline`, `dock2/drc` pages.

use serde::{Serialize, Serializer};

use crate::drift::{DriftItem, DriftSink};
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{Take, WireValue, whole, whole_text};

/// What the aircraft does when its link is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LostLinkAction {
    /// Comes back to its home point.
    ReturnHome,
    /// Stays where it is.
    Hover,
    /// Lands where it is.
    Land,
}

impl LostLinkAction {
    /// The action in snake_case words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReturnHome => "return_home",
            Self::Hover => "hover",
            Self::Land => "land",
        }
    }
}

macro_rules! encoding {
    ($(#[$meta:meta])* $name:ident { $($code:literal = $action:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            /// A documented action.
            Known(LostLinkAction),
            /// A number the documentation does not list.
            Other(i64),
        }

        impl $name {
            /// Code and word of every documented value, in this encoding.
            pub const CODES: &'static [(i64, &'static str)] = &[$(($code, $word),)*];

            /// The value for a number in this encoding.
            #[must_use]
            pub const fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::Known(LostLinkAction::$action),)*
                    other => Self::Other(other),
                }
            }

            /// The number in this encoding.
            #[must_use]
            pub const fn code(self) -> i64 {
                match self {
                    $(Self::Known(LostLinkAction::$action) => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// The action, if it is a documented one.
            #[must_use]
            pub const fn action(self) -> Option<LostLinkAction> {
                match self {
                    Self::Known(action) => Some(action),
                    Self::Other(_) => None,
                }
            }
        }

        impl From<LostLinkAction> for $name {
            fn from(action: LostLinkAction) -> Self {
                Self::Known(action)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.code())
            }
        }

        impl WireValue for $name {
            const EXPECTED: &'static str = "int (enum)";

            fn from_i64(value: i64) -> Take<Self> {
                Take::Exact(Self::from_code(value))
            }
            fn from_f64(value: f64) -> Take<Self> {
                whole(value).map_or(Take::Refused, |code| Take::Coerced(Self::from_code(code)))
            }
            fn from_text(text: &str) -> Take<Self> {
                whole_text(text).map_or(Take::Refused, |code| Take::Coerced(Self::from_code(code)))
            }
            fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
                out.push(LeafSpec {
                    key: path.to_owned(),
                    unit,
                    codes: Self::CODES,
                    kind: LeafKind::Int,
                });
            }
            fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
                f(base, LeafRef::Int(self.code()));
            }
            fn has_drift(&self) -> bool {
                self.action().is_none()
            }
            fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
                if self.action().is_none() {
                    sink(path, DriftItem::UnknownCode(LeafRef::Int(self.code())));
                }
            }
        }
    };
}

encoding! {
    /// The encoding of `out_of_control_action`: 0 return, 1 hover, 2 land.
    OutOfControlAction {
        0 = ReturnHome "return_home",
        1 = Hover "hover",
        2 = Land "land",
    }
}

encoding! {
    /// The encoding of `rc_lost_action`: 0 hover, 1 land, 2 return.
    RcLostAction {
        0 = Hover "hover",
        1 = Land "land",
        2 = ReturnHome "return_home",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_encodings_are_not_mixed_up() {
        for (action, out_of_control, rc_lost) in [
            (LostLinkAction::ReturnHome, 0, 2),
            (LostLinkAction::Hover, 1, 0),
            (LostLinkAction::Land, 2, 1),
        ] {
            assert_eq!(OutOfControlAction::from(action).code(), out_of_control);
            assert_eq!(OutOfControlAction::from_code(out_of_control).action(), Some(action));
            assert_eq!(RcLostAction::from(action).code(), rc_lost);
            assert_eq!(RcLostAction::from_code(rc_lost).action(), Some(action));
        }
        assert_eq!(RcLostAction::from_code(3).action(), None);
        assert_eq!(OutOfControlAction::from_code(-1).code(), -1);
    }
}
