//! Who the simulated docks are and where they stand: serial numbers and sites from a seed. It
//! invents no people and no real installation. Read next: [`crate::demo`].

use std::str::FromStr;

use fastrand::Rng;

/// One simulated dock with its aircraft and site.
#[derive(Debug, Clone, PartialEq)]
pub struct DockIdentity {
    /// Position in the fleet, from 0.
    pub index: u32,
    /// Dock serial number, 14 characters, `SIMDK2` first.
    pub dock_sn: String,
    /// Aircraft serial number, 14 characters, `SIMM3T` first.
    pub aircraft_sn: String,
    /// Site name in Korean.
    pub name_ko: String,
    /// Site name in English.
    pub name_en: String,
    /// Latitude of the dock, degrees, WGS84.
    pub lat: f64,
    /// Longitude of the dock, degrees, WGS84.
    pub lon: f64,
    /// Height of the dock above the WGS84 ellipsoid.
    pub height_m: f64,
}

/// Where docks are scattered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Region {
    /// Inland towns of South Korea.
    #[default]
    Korea,
}

/// A region name that is not known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown region {0:?}; known: korea")]
pub struct RegionError(String);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        match text {
            "korea" => Ok(Self::Korea),
            other => Err(RegionError(other.chars().take(40).collect())),
        }
    }
}

/// The fleet that `seed` names, in Korea: the same arguments always give the same docks.
#[must_use]
pub fn identities(docks: u32, seed: u64) -> Vec<DockIdentity> {
    identities_in(Region::Korea, docks, seed)
}

/// The fleet that `seed` names, in a region.
#[must_use]
pub fn identities_in(region: Region, docks: u32, seed: u64) -> Vec<DockIdentity> {
    let Region::Korea = region;
    (0..docks).map(|index| identity(index, seed)).collect()
}

fn identity(index: u32, seed: u64) -> DockIdentity {
    let mut rng = Rng::with_seed(mix(seed, index));
    let start = usize::try_from(seed % PLACES.len() as u64).unwrap_or(0);
    let nth = index as usize;
    let place = &PLACES[(start + nth) % PLACES.len()];
    let round = nth / PLACES.len();
    let suffix = if round == 0 { String::new() } else { format!(" {}", round + 1) };
    let digits = (seed % 1_000) * 100_000 + u64::from(index % 100_000);
    DockIdentity {
        index,
        dock_sn: format!("SIMDK2{digits:08}"),
        aircraft_sn: format!("SIMM3T{digits:08}"),
        name_ko: format!("{}{suffix}", place.ko),
        name_en: format!("{}{suffix}", place.en),
        lat: round7(place.lat + (rng.f64() - 0.5) * 2.0 * JITTER_DEG),
        lon: round7(place.lon + (rng.f64() - 0.5) * 2.0 * JITTER_DEG),
        height_m: 40.0 + (rng.f64() * 1_200.0).round() / 10.0,
    }
}

/// One generator per dock, so that a dock does not change when the fleet grows.
pub(crate) fn mix(seed: u64, index: u32) -> u64 {
    let mut x = seed ^ u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// About 2 km: far enough to look like sites, near enough to stay on land.
const JITTER_DEG: f64 = 0.02;

struct Place {
    ko: &'static str,
    en: &'static str,
    lat: f64,
    lon: f64,
}

const fn place(ko: &'static str, en: &'static str, lat: f64, lon: f64) -> Place {
    Place { ko, en, lat, lon }
}

const PLACES: [Place; 28] = [
    place("춘천", "Chuncheon", 37.8813, 127.7298),
    place("원주", "Wonju", 37.3422, 127.9202),
    place("이천", "Icheon", 37.2720, 127.4350),
    place("수원", "Suwon", 37.2636, 127.0286),
    place("천안", "Cheonan", 36.8151, 127.1539),
    place("청주", "Cheongju", 36.6424, 127.4890),
    place("충주", "Chungju", 36.9910, 127.9259),
    place("제천", "Jecheon", 37.1326, 128.1910),
    place("세종", "Sejong", 36.4800, 127.2890),
    place("대전", "Daejeon", 36.3504, 127.3845),
    place("공주", "Gongju", 36.4465, 127.1190),
    place("논산", "Nonsan", 36.1870, 127.0987),
    place("전주", "Jeonju", 35.8242, 127.1480),
    place("익산", "Iksan", 35.9483, 126.9576),
    place("남원", "Namwon", 35.4164, 127.3905),
    place("광주", "Gwangju", 35.1595, 126.8526),
    place("나주", "Naju", 35.0158, 126.7108),
    place("순천", "Suncheon", 35.0006, 127.4872),
    place("대구", "Daegu", 35.8714, 128.6014),
    place("구미", "Gumi", 36.1195, 128.3446),
    place("안동", "Andong", 36.5684, 128.7294),
    place("영주", "Yeongju", 36.8057, 128.6240),
    place("경주", "Gyeongju", 35.8562, 129.2247),
    place("밀양", "Miryang", 35.5038, 128.7466),
    place("진주", "Jinju", 35.1800, 128.1076),
    place("거창", "Geochang", 35.6867, 127.9095),
    place("평창", "Pyeongchang", 37.3705, 128.3900),
    place("제주 오라", "Jeju Ora", 33.4400, 126.5100),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_are_stable_distinct_and_on_korean_land() {
        let fleet = identities(200, 7);
        assert_eq!(fleet, identities(200, 7));
        assert_eq!(fleet[..20], identities(20, 7)[..], "growing a fleet must not move its docks");
        let mut sns: Vec<_> = fleet.iter().map(|dock| dock.dock_sn.clone()).collect();
        sns.sort();
        sns.dedup();
        assert_eq!(sns.len(), 200);
        for dock in &fleet {
            assert_eq!((dock.dock_sn.len(), dock.aircraft_sn.len()), (14, 14));
            assert!((33.3..38.0).contains(&dock.lat) && (126.4..129.4).contains(&dock.lon));
        }
        assert_ne!(fleet[0].dock_sn, identities(1, 8)[0].dock_sn);
        assert_eq!("korea".parse(), Ok(Region::Korea));
        assert!("mars".parse::<Region>().is_err());
    }
}
