//! Manned aircraft nearby (ADS-B).
//!
//! The one event whose `data` is an array; the page's table shows its elements only. From level 3
//! on the aircraft should give way. Source: `dock2/airsense` page.

use serde::{Serialize, Serializer};

use crate::drift::{Drift, DriftSink};
use crate::envelope::WithDrift;
use crate::fields::{Elements, Fields};
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{Int, Num, Take, WireValue};
use crate::macros::{codes, wire};
use crate::text::Text;

codes! {
    /// How close it is.
    pub enum AirsenseLevel {
        None = 0 "no_danger",
        One = 1 "level_1",
        Two = 2 "level_2",
        Three = 3 "level_3",
        Four = 4 "level_4",
    }
}

codes! {
    /// What an altitude counts from.
    pub enum AltitudeKind {
        Ellipsoid = 0 "ellipsoid",
        SeaLevel = 1 "sea_level",
    }
}

codes! {
    /// How the height between the two changes.
    pub enum VerticalTrend {
        Level = 0 "level",
        Rising = 1 "rising",
        Sinking = 2 "sinking",
    }
}

wire! {
    /// An aircraft nearby.
    pub struct AirsenseWarning {
        /// ICAO address.
        icao: Text = "icao" [""];
        /// How close it is.
        warning_level: AirsenseLevel = "warning_level" [""];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Altitude.
        altitude: Int = "altitude" ["m"];
        /// What the altitude counts from.
        altitude_type: AltitudeKind = "altitude_type" [""];
        /// Heading.
        heading: Num = "heading" ["°"];
        /// Height over our aircraft.
        relative_altitude: Int = "relative_altitude" ["m"];
        /// How that height changes.
        vert_trend: VerticalTrend = "vert_trend" [""];
        /// Horizontal distance.
        distance: Int = "distance" ["m"];
    }
}

/// `airsense_warning`: all aircraft nearby.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AirsenseWarnings {
    /// One entry per aircraft.
    pub warnings: Vec<AirsenseWarning>,
    /// What came beyond or against the documentation.
    pub drift: Drift,
}

impl Serialize for AirsenseWarnings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.warnings.serialize(serializer)
    }
}

impl WithDrift for AirsenseWarnings {
    fn drift(&self) -> &Drift {
        &self.drift
    }
    fn drift_mut(&mut self) -> &mut Drift {
        &mut self.drift
    }
}

impl AirsenseWarnings {
    fn of(warnings: Vec<AirsenseWarning>) -> Self {
        Self { warnings, drift: Drift::default() }
    }
}

impl WireValue for AirsenseWarnings {
    const EXPECTED: &'static str = "array";

    fn seq_into<'de, A: Elements<'de>>(
        slot: &mut Option<Self>,
        seq: A,
    ) -> Result<Take<()>, A::Error> {
        let mut warnings = None;
        let take = Vec::seq_into(&mut warnings, seq)?;
        if let Some(warnings) = warnings {
            *slot = Some(Self::of(warnings));
        }
        Ok(take)
    }
    /// One warning without its array, as the page's table could be read.
    fn map_into<'de, A: Fields<'de>>(
        slot: &mut Option<Self>,
        map: A,
    ) -> Result<Take<()>, A::Error> {
        let mut warning = None;
        AirsenseWarning::map_into(&mut warning, map)?;
        Ok(match warning {
            Some(warning) => {
                *slot = Some(Self::of(vec![warning]));
                Take::Coerced(())
            }
            None => Take::Refused,
        })
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        out.push(LeafSpec { key: path.to_owned(), unit, codes: &[], kind: LeafKind::Json });
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Json(self));
    }
    fn has_drift(&self) -> bool {
        !self.drift.is_empty() || self.warnings.has_drift()
    }
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        crate::lenient::walk_own_drift(&self.drift, path, sink);
        self.warnings.walk_drift(path, sink);
    }
}
