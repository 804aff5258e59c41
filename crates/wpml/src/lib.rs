//! DJI wayline missions (WPML): KMZ packages and the waylines inside.
//!
//! A KMZ is a ZIP with `wpmz/template.kml` (what a person edits) and `wpmz/waylines.wpml` (what the
//! dock flies). [`Mission::from_kmz`] reads what is flown; [`Mission::to_kmz`] writes a package with
//! both files; [`Mission::check_kmz`] says what a readable mission still has wrong. The crate is pure: it opens no file, asks no clock and has no opinion on whether a
//! mission is wise to fly.
//!
//! It refuses packages that are too big, too compressed or that point outside themselves, XML with a
//! DTD, more waypoints than a dock takes, and any number or coordinate that is not one. Every refusal
//! names the entry, the line and the element.
//!
//! Read next: [`mission`] for the model, `kmz` for the package limits, `read` and `write` for the
//! XML. Source: DJI Cloud API, "WPML" (`60.api-reference/00.dji-wpml`), namespace 1.0.2.

pub mod check;
mod error;
mod estimate;
mod kmz;
pub mod mission;
mod read;
mod write;
mod xml;

pub use check::{Checked, Finding, Fit, Severity, Words};
pub use error::{Place, WpmlError};
pub use estimate::{Summary, distance_m};
pub use kmz::{Limits, TEMPLATE_ENTRY, WAYLINES_ENTRY};
pub use mission::{
    Action, ActionGroup, ActionKind, DroneInfo, FinishAction, FlyToMode, HeightMode,
    LostLinkAction, Mission, PayloadInfo, RcLost, Trigger, Wayline, Waypoint,
};

/// The namespace this crate writes; readers accept any WPML namespace, because the elements kept
/// their meaning from version to version.
pub const NAMESPACE: &str = "http://www.dji.com/wpmz/1.0.2";
