//! The macros that turn a list of methods into an enum of typed messages.
//!
//! One line a method gives decoding by name, the name back, drift, writing, and (for what the cloud
//! sends) strict reading and bounds. A method that is not listed decodes to nothing here and is
//! kept raw by [`crate::message`]. Next: [`crate::call`], [`crate::event`], [`crate::drc_link`].

/// Defines an enum of messages: `Variant(Body) = "method",`. After `@newer`, one variant may hold
/// the methods of a newer documentation; after `@jobs`, one the progress of remote-debug jobs.
macro_rules! methods {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$vmeta:meta])* $variant:ident($body:ty) = $method:literal,)*
            $(@newer $newer:ident($newer_body:ty),)?
            $(@jobs $job:ident = $jobs:expr,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $(
                $(#[$vmeta])*
                #[doc = concat!("`", $method, "`.")]
                $variant($body),
            )*
            $(
                /// A method newer than the documentation; unproven.
                $newer($newer_body),
            )?
            $(
                /// Progress of a remote-debug job.
                $job {
                    /// The method of the call, `None` when the event gave none: match it by `bid`
                    /// then.
                    method: Option<&'static str>,
                    /// How far it is.
                    progress: Box<$crate::reply::JobProgress>,
                },
            )?
        }

        impl $name {
            /// Every method of the enum's own, in the order of its variants.
            pub const METHODS: &'static [&'static str] = &[$($method,)*];

            /// The method's name.
            #[must_use]
            pub fn method(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $method,)*
                    $(Self::$newer(body) => body.method(),)?
                    $(Self::$job { method, .. } => method.unwrap_or_default(),)?
                }
            }

            /// Reads the body of a method; `None` for a method that is not listed.
            ///
            /// # Errors
            /// [`crate::DecodeError::Syntax`] for what only a full reading finds; never for a field.
            pub fn decode(
                method: &str,
                data: Option<&serde_json::value::RawValue>,
            ) -> Result<Option<Self>, $crate::envelope::DecodeError> {
                Ok(Some(match method {
                    $($method => Self::$variant($crate::envelope::decode_data(data)?),)*
                    _ => {
                        $(
                            if let Some(body) = <$newer_body>::decode(method, data)? {
                                return Ok(Some(Self::$newer(body)));
                            }
                        )?
                        $(
                            // A job that does not say whose it is has no method.
                            let job = $jobs.iter().find(|&&job| job == method);
                            if method.is_empty() || job.is_some() {
                                return Ok(Some(Self::$job {
                                    method: job.copied(),
                                    progress: $crate::envelope::decode_data(data)?,
                                }));
                            }
                        )?
                        return Ok(None);
                    }
                }))
            }

            /// Reports unknown fields, wrong types and unknown values with their paths.
            pub fn walk_drift(
                &self,
                path: &mut String,
                sink: &mut $crate::drift::DriftSink<'_>,
            ) {
                match self {
                    $(Self::$variant(body) => {
                        $crate::lenient::WireValue::walk_drift(body, path, sink);
                    })*
                    $(Self::$newer(body) => body.walk_drift(path, sink),)?
                    $(Self::$job { progress, .. } => {
                        <$crate::reply::JobProgress as $crate::lenient::WireValue>::walk_drift(
                            progress, path, sink,
                        );
                    })?
                }
            }
        }

        /// Writes the body, without envelope and method.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(body) => serde::Serialize::serialize(body, serializer),)*
                    $(Self::$newer(body) => serde::Serialize::serialize(body, serializer),)?
                    $(Self::$job { progress, .. } => serde::Serialize::serialize(progress, serializer),)?
                }
            }
        }
    };
}

/// As `methods!`, for what the cloud sends: every body knows its bounds, and can be read strictly.
macro_rules! commands {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$vmeta:meta])* $variant:ident($body:ty) = $method:literal,)*
            $(@newer $newer:ident($newer_body:ty),)?
        }
    ) => {
        $crate::method_enum::methods! {
            $(#[$meta])*
            $vis enum $name {
                $($(#[$vmeta])* $variant($body) = $method,)*
                $(@newer $newer($newer_body),)?
            }
        }

        impl $name {
            /// Reads a body for sending: nothing unknown, nothing of a wrong type, all in range.
            /// `None` for a method that is not listed.
            ///
            /// # Errors
            /// [`crate::CallError`] naming what is wrong.
            pub fn strict(
                method: &str,
                data: Option<&serde_json::value::RawValue>,
            ) -> Result<Option<Self>, $crate::check::CallError> {
                Ok(Some(match method {
                    $($method => Self::$variant($crate::check::strict($method, data)?),)*
                    _ => {
                        $(
                            if let Some(body) = <$newer_body>::strict(method, data)? {
                                return Ok(Some(Self::$newer(body)));
                            }
                        )?
                        return Ok(None);
                    }
                }))
            }
        }

        impl $crate::check::Check for $name {
            fn check(&self) -> Result<(), $crate::check::CallError> {
                match self {
                    $(Self::$variant(body) => $crate::check::Check::check(body),)*
                    $(Self::$newer(body) => $crate::check::Check::check(body),)?
                }
            }
        }
    };
}

pub(crate) use {commands, methods};
