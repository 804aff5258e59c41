//! FlySafe: unlocking licences of aircraft and dock.
//!
//! A licence is one of seven kinds and carries the object of its kind beside the common fields.
//! Times are seconds since 1970. Source: `dock2/flysafe` page.

use crate::check::bounds;
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire};
use crate::text::Text;
use crate::wayline::WaylineFile;

const PAGE: &str = "dock2/flysafe";

codes! {
    /// Where a licence lives.
    pub enum LicenseDomain {
        /// Imported on the aircraft.
        Aircraft = 0 "aircraft",
        /// Approved on the FlySafe site for the dock.
        Dock = 3 "dock",
    }
}

wire! {
    /// `unlock_license_list`.
    pub struct LicenseListRequest {
        /// Whose licences.
        device_model_domain: LicenseDomain = "device_model_domain" [""];
    }
}

bounds!(LicenseListRequest, PAGE, "", { device_model_domain: some; });

wire! {
    /// `unlock_license_switch`.
    pub struct LicenseSwitch {
        /// The licence.
        license_id: Int = "license_id" [""];
        /// On.
        enable: bool = "enable" [""];
    }
}

bounds!(LicenseSwitch, PAGE, "", { license_id: some; enable: some; });

wire! {
    /// `unlock_license_update`: fetch licences from FlySafe, or import a file.
    pub struct LicenseUpdate {
        /// The file with its MD5; without one the device asks the FlySafe server.
        file: WaylineFile = "file" [""];
    }
}

impl crate::check::Check for LicenseUpdate {
    fn check(&self) -> Result<(), crate::check::CallError> {
        use crate::check::required_text;
        let Some(file) = &self.file else { return Ok(()) };
        required_text(file.url.as_ref(), "file.url", PAGE)?;
        required_text(file.fingerprint.as_ref(), "file.fingerprint", PAGE).map(drop)
    }
}

codes! {
    /// Kind of licence.
    pub enum LicenseKind {
        Area = 0 "area",
        Circle = 1 "circle",
        Country = 2 "country",
        Height = 3 "height",
        Polygon = 4 "polygon",
        Power = 5 "power",
        RemoteId = 6 "remote_id",
    }
}

wire! {
    /// A licence.
    pub struct License {
        /// What all licences have.
        common_fields: LicenseCommon = "common_fields" [""];
        /// Authorisation zones.
        area_unlock: AreaUnlock = "area_unlock" [""];
        /// A circle.
        circle_unlock: CircleUnlock = "circle_unlock" [""];
        /// A country or region.
        country_unlock: CountryUnlock = "country_unlock" [""];
        /// A height.
        height_unlock: HeightUnlock = "height_unlock" [""];
        /// A polygon.
        polygon_unlock: PolygonUnlock = "polygon_unlock" [""];
        /// Transmission power; it has no fields.
        power_unlock: PowerUnlock = "power_unlock" [""];
        /// Remote identification.
        rid_unlock: RidUnlock = "rid_unlock" [""];
    }
}

wire! {
    /// What all licences have.
    pub struct LicenseCommon {
        /// The licence.
        license_id: Int = "license_id" [""];
        /// Name.
        name: Text = "name" [""];
        /// Kind.
        kind: LicenseKind = "type" [""];
        /// Its group: one per account and device.
        group_id: Int = "group_id" [""];
        /// Account.
        user_id: Text = "user_id" [""];
        /// Device it is bound to.
        device_sn: Text = "device_sn" [""];
        /// Valid from, since 1970.
        begin_time: Int = "begin_time" ["s"];
        /// Valid until, since 1970.
        end_time: Int = "end_time" ["s"];
        /// The account is verified.
        user_only: bool = "user_only" [""];
        /// Switched on.
        enabled: bool = "enabled" [""];
    }
}

wire! {
    /// Authorisation zones.
    pub struct AreaUnlock {
        /// The zones.
        area_ids: Vec<Int> = "area_ids" [""];
    }
}

wire! {
    /// A circle.
    pub struct CircleUnlock {
        /// Radius.
        radius: Int = "radius" ["m"];
        /// Latitude of the centre.
        latitude: Num = "latitude" ["°"];
        /// Longitude of the centre.
        longitude: Num = "longitude" ["°"];
        /// Height, 0 to 65535.
        height: Int = "height" ["m"];
    }
}

wire! {
    /// A country or region.
    pub struct CountryUnlock {
        /// ISO 3166-1 numeric code.
        country_number: Int = "country_number" [""];
        /// Height, 0 to 65535.
        height: Int = "height" ["m"];
    }
}

wire! {
    /// A height.
    pub struct HeightUnlock {
        /// Height, 0 to 65535.
        height: Int = "height" ["m"];
    }
}

wire! {
    /// A polygon.
    pub struct PolygonUnlock {
        /// Its corners.
        points: Vec<LicensePoint> = "points" [""];
    }
}

wire! {
    /// A corner of a polygon.
    pub struct LicensePoint {
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
    }
}

wire! {
    /// Transmission power; it has no fields.
    pub struct PowerUnlock {}
}

codes! {
    /// Rules of remote identification.
    pub enum RidLevel {
        Europe = 1 "europe",
        China = 2 "china",
    }
}

wire! {
    /// Remote identification.
    pub struct RidUnlock {
        /// The rules.
        level: RidLevel = "level" [""];
    }
}
