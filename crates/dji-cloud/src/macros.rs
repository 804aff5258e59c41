//! The macros that define wire types: `wire!` for objects, `codes!` for enums by number and
//! `words!` for enums by word.
//!
//! One line a field gives key, type, unit, documentation, tolerant decoding, encoding and leaves.
//! No `#[serde(flatten)]` and no buffering: both would copy every message. What they generate is
//! described by the traits [`crate::lenient::WireValue`] and [`crate::leaf::Leaves`].

/// Defines an object on the wire. Every field is an `Option`: documents and devices both leave
/// fields out. A field reads `/// doc` `name: Type = "wire_key" ["unit"];`. After `@dynamic`, one
/// field may collect keys that follow a pattern.
macro_rules! wire {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[$fmeta:meta])*
                $field:ident : $ty:ty = $key:literal [$unit:literal];
            )*
            $(@dynamic
                $(#[$dmeta:meta])*
                $dyn:ident : $dty:ty = $dkey:literal;
            )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $vis struct $name {
            $(
                $(#[$fmeta])*
                #[doc = concat!("\n\nOn the wire: `", $key, "`, unit: `", $unit, "`.")]
                pub $field: Option<$ty>,
            )*
            $(
                $(#[$dmeta])*
                pub $dyn: Option<$dty>,
            )?
            /// What came beyond or against the documentation.
            pub drift: $crate::drift::Drift,
        }

        impl $crate::lenient::WireValue for $name {
            const EXPECTED: &'static str = "object";
            const LEAVES: usize = 0
                $(+ <$ty as $crate::lenient::WireValue>::LEAVES)*
                $(+ <$dty as $crate::lenient::WireValue>::LEAVES)?;

            fn map_into<'de, A: $crate::fields::Fields<'de>>(
                slot: &mut Option<Self>,
                mut map: A,
            ) -> Result<$crate::lenient::Take<()>, A::Error> {
                /// Numbers of the keys, for patterns.
                #[allow(non_camel_case_types, non_upper_case_globals)]
                mod number {
                    #[allow(dead_code)] // an object may have no fields
                    enum Number { $($field,)* }
                    $(pub(super) const $field: u8 = Number::$field as u8;)*
                }
                let table = $crate::keys::key_table!(&[$($key,)*]);
                let out = slot.insert(Self::default());
                let mut key = $crate::text::Text::default();
                while let Some(at) = map.next_number(table, &mut key)? {
                    match at {
                        $(number::$field => $crate::lenient::read_slot(
                            &mut map, $key, &mut out.$field, &mut out.drift,
                        )?,)*
                        _ => {
                            $(
                                if <$dty as $crate::macros::DynamicKeys>::accepts(&key) {
                                    let slot = out.$dyn.get_or_insert_default();
                                    if $crate::macros::DynamicKeys::take(slot, &key, &mut map)? {
                                        continue;
                                    }
                                    out.drift.fault($crate::drift::FieldFault {
                                        key: $dkey,
                                        expected: "object",
                                        found: $crate::drift::Found::Elements,
                                        kept: false,
                                    });
                                    continue;
                                }
                            )?
                            out.drift.take_unknown(core::mem::take(&mut key), &mut map)?;
                        }
                    }
                }
                Ok($crate::lenient::Take::Exact(()))
            }

            #[allow(unused_variables)] // an object may have no fields
            fn describe_leaves(
                path: &str,
                _unit: &'static str,
                out: &mut Vec<$crate::leaf::LeafSpec>,
            ) {
                $(<$ty as $crate::lenient::WireValue>::describe_leaves(
                    &$crate::leaf::join(path, $key), $unit, out,
                );)*
                $(<$dty as $crate::lenient::WireValue>::describe_leaves(
                    &$crate::leaf::join(path, $dkey), "", out,
                );)?
            }

            #[allow(unused_variables, unused_mut)] // an object may have no fields
            fn visit_leaves<F: FnMut(usize, $crate::leaf::LeafRef<'_>)>(
                &self,
                base: usize,
                f: &mut F,
            ) {
                let mut at = base;
                $(
                    if let Some(value) = &self.$field {
                        $crate::lenient::WireValue::visit_leaves(value, at, f);
                    }
                    at += <$ty as $crate::lenient::WireValue>::LEAVES;
                )*
                $(
                    if let Some(value) = &self.$dyn {
                        $crate::lenient::WireValue::visit_leaves(value, at, f);
                    }
                    at += <$dty as $crate::lenient::WireValue>::LEAVES;
                )?
                debug_assert_eq!(at, base + <Self as $crate::lenient::WireValue>::LEAVES);
            }

            fn has_drift(&self) -> bool {
                !self.drift.is_empty()
                    $(|| self.$field.as_ref().is_some_and($crate::lenient::WireValue::has_drift))*
                    $(|| self.$dyn.as_ref().is_some_and($crate::lenient::WireValue::has_drift))?
            }

            fn walk_drift(&self, path: &mut String, sink: &mut $crate::drift::DriftSink<'_>) {
                $crate::lenient::walk_own_drift(&self.drift, path, sink);
                $(
                    if let Some(value) = &self.$field
                        && $crate::lenient::WireValue::has_drift(value)
                    {
                        $crate::lenient::with_key(path, $key, |path| {
                            $crate::lenient::WireValue::walk_drift(value, path, sink);
                        });
                    }
                )*
                $(
                    if let Some(value) = &self.$dyn
                        && $crate::lenient::WireValue::has_drift(value)
                    {
                        $crate::lenient::with_key(path, $dkey, |path| {
                            $crate::lenient::WireValue::walk_drift(value, path, sink);
                        });
                    }
                )?
            }
        }

        impl $crate::envelope::WithDrift for $name {
            fn drift(&self) -> &$crate::drift::Drift {
                &self.drift
            }
            fn drift_mut(&mut self) -> &mut $crate::drift::Drift {
                &mut self.drift
            }
        }

        impl $crate::leaf::Leaves for $name {
            const COUNT: usize = <Self as $crate::lenient::WireValue>::LEAVES;

            fn describe(prefix: &str, out: &mut Vec<$crate::leaf::LeafSpec>) {
                <Self as $crate::lenient::WireValue>::describe_leaves(prefix, "", out);
            }

            fn visit<F: FnMut(usize, $crate::leaf::LeafRef<'_>)>(&self, base: usize, f: &mut F) {
                $crate::lenient::WireValue::visit_leaves(self, base, f);
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(unused_imports)]
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut)]
                let mut map = serializer.serialize_map(None)?;
                $(
                    if let Some(value) = &self.$field {
                        map.serialize_entry($key, value)?;
                    }
                )*
                $(
                    if let Some(value) = &self.$dyn {
                        $crate::macros::DynamicKeys::write(value, &mut map)?;
                    }
                )?
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match $crate::lenient::Lenient::<Self>::deserialize(deserializer)? {
                    $crate::lenient::Lenient::Exact(value)
                    | $crate::lenient::Lenient::Coerced(value, _) => Ok(value),
                    $crate::lenient::Lenient::Null => Ok(Self::default()),
                    $crate::lenient::Lenient::Wrong(found) => Err(serde::de::Error::custom(
                        format_args!("expected an object, found {found}"),
                    )),
                }
            }
        }
    };
}

/// Defines an enum that is a whole number on the wire. `Name = code "word",`; numbers that the
/// documentation does not list are kept as `Other`.
macro_rules! codes {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$vmeta:meta])* $variant:ident = $code:literal $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $(
                $(#[$vmeta])*
                #[doc = concat!("`", stringify!($code), "`: ", $word, ".")]
                $variant,
            )*
            /// A number the documentation does not list.
            Other(i64),
        }

        impl $name {
            /// Code and word of every documented value.
            pub const CODES: &'static [(i64, &'static str)] = &[$(($code, $word),)*];

            /// The value for a number on the wire.
            #[must_use]
            pub const fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> i64 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// The value in snake_case words; `unknown` for an undocumented number.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(_) => "unknown",
                }
            }

            /// Whether the documentation lists the value.
            #[must_use]
            pub const fn is_known(self) -> bool {
                !matches!(self, Self::Other(_))
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.code(), f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.code())
            }
        }

        impl $crate::lenient::WireValue for $name {
            const EXPECTED: &'static str = "int (enum)";

            fn from_i64(value: i64) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Exact(Self::from_code(value))
            }
            fn from_f64(value: f64) -> $crate::lenient::Take<Self> {
                $crate::lenient::whole(value).map_or($crate::lenient::Take::Refused, |code| {
                    $crate::lenient::Take::Coerced(Self::from_code(code))
                })
            }
            fn from_bool(value: bool) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Coerced(Self::from_code(i64::from(value)))
            }
            fn from_text(text: &str) -> $crate::lenient::Take<Self> {
                $crate::lenient::whole_text(text).map_or($crate::lenient::Take::Refused, |code| {
                    $crate::lenient::Take::Coerced(Self::from_code(code))
                })
            }
            fn describe_leaves(
                path: &str,
                unit: &'static str,
                out: &mut Vec<$crate::leaf::LeafSpec>,
            ) {
                out.push($crate::leaf::LeafSpec {
                    key: path.to_owned(),
                    unit,
                    codes: Self::CODES,
                    kind: $crate::leaf::LeafKind::Int,
                });
            }
            fn visit_leaves<F: FnMut(usize, $crate::leaf::LeafRef<'_>)>(
                &self,
                base: usize,
                f: &mut F,
            ) {
                f(base, $crate::leaf::LeafRef::Int(self.code()));
            }
            fn has_drift(&self) -> bool {
                !self.is_known()
            }
            fn walk_drift(&self, path: &mut String, sink: &mut $crate::drift::DriftSink<'_>) {
                if !self.is_known() {
                    let code = $crate::leaf::LeafRef::Int(self.code());
                    sink(path, $crate::drift::DriftItem::UnknownCode(code));
                }
            }
        }
    };
}

/// Defines an enum that is a word on the wire. A word that the documentation does not list, and
/// anything that is no word (a number, a boolean), is kept as `Other`: it never becomes a
/// documented value, so a number can never read as success.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$vmeta:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $(
                $(#[$vmeta])*
                #[doc = concat!("`", $word, "` on the wire.")]
                $variant,
            )*
            /// Something the documentation does not list, as text.
            Other($crate::text::Text),
        }

        impl $name {
            /// Every documented word.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The value for a word on the wire.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other($crate::drift::cut(other, 64).into()),
                }
            }

            /// The word on the wire.
            #[must_use]
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }

            /// Whether the documentation lists the value.
            #[must_use]
            pub const fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl $crate::lenient::WireValue for $name {
            const EXPECTED: &'static str = "string (enum)";

            fn from_i64(value: i64) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Coerced(Self::Other(
                    $crate::drift::cut(&value.to_string(), 64).into(),
                ))
            }
            fn from_f64(value: f64) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Coerced(Self::Other(
                    $crate::drift::cut(&value.to_string(), 64).into(),
                ))
            }
            fn from_bool(value: bool) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Coerced(Self::Other(
                    $crate::drift::cut(&value.to_string(), 64).into(),
                ))
            }
            fn from_text(text: &str) -> $crate::lenient::Take<Self> {
                $crate::lenient::Take::Exact(Self::from_word(text))
            }
            fn describe_leaves(
                path: &str,
                unit: &'static str,
                out: &mut Vec<$crate::leaf::LeafSpec>,
            ) {
                out.push($crate::leaf::LeafSpec {
                    key: path.to_owned(),
                    unit,
                    codes: &[],
                    kind: $crate::leaf::LeafKind::Text,
                });
            }
            fn visit_leaves<F: FnMut(usize, $crate::leaf::LeafRef<'_>)>(
                &self,
                base: usize,
                f: &mut F,
            ) {
                f(base, $crate::leaf::LeafRef::Text(self.word()));
            }
            fn has_drift(&self) -> bool {
                !self.is_known()
            }
            fn walk_drift(&self, path: &mut String, sink: &mut $crate::drift::DriftSink<'_>) {
                if !self.is_known() {
                    let word = $crate::leaf::LeafRef::Text(self.word());
                    sink(path, $crate::drift::DriftItem::UnknownCode(word));
                }
            }
        }
    };
}

pub(crate) use {codes, wire, words};

/// A field of a wire struct that collects keys by their form (`81-0-0`).
pub(crate) trait DynamicKeys: Default {
    /// Whether the key is of the form.
    fn accepts(key: &str) -> bool;
    /// Reads the value of such a key; false when it was of a wrong type.
    fn take<'de, A: crate::fields::Fields<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
    ) -> Result<bool, A::Error>;
    /// Writes every collected key into the object again.
    fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}
