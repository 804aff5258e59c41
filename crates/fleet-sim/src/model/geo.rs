//! Metres around a dock ↔ degrees, on a flat patch of a sphere: good to centimetres within a few
//! kilometres, and refuses nothing. Read next: `body`.

const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Position `east` and `north` metres away, as latitude and longitude in degrees.
#[must_use]
pub fn offset(lat: f64, lon: f64, east: f64, north: f64) -> (f64, f64) {
    let d_lat = (north / EARTH_RADIUS_M).to_degrees();
    let d_lon = (east / (EARTH_RADIUS_M * lat.to_radians().cos())).to_degrees();
    (lat + d_lat, lon + d_lon)
}

/// Metres east and north of an origin.
#[must_use]
pub fn metres(origin_lat: f64, origin_lon: f64, lat: f64, lon: f64) -> (f64, f64) {
    let east = (lon - origin_lon).to_radians() * EARTH_RADIUS_M * origin_lat.to_radians().cos();
    let north = (lat - origin_lat).to_radians() * EARTH_RADIUS_M;
    (east, north)
}
