//! Where aircraft and robots were in the last half hour, in memory; bounded for a device and in
//! all. The record of flights is the recorder's; this is the line behind a moving symbol.

use std::collections::{BTreeMap, VecDeque};

use fleet_types::{DeviceSn, WallMs};

use crate::positions::{Angle, Record};

/// How far back a track goes.
pub(crate) const MAX_AGE_MS: i64 = 30 * 60 * 1000;
const MAX_POINTS: usize = 1800;
/// 24 bytes each: at most 10 MB.
const MAX_POINTS_IN_ALL: usize = 400_000;
/// About a metre; less is noise.
const MOVED: u32 = 90;
/// A device that stands still leaves a point this often, so that its line ends where it is.
const STANDING_MS: i64 = 10_000;

/// One place and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) at_ms: WallMs,
    pub(crate) latitude: Angle,
    pub(crate) longitude: Angle,
    pub(crate) height_m: Option<f32>,
}

#[derive(Default)]
pub(crate) struct Tracks {
    points: BTreeMap<DeviceSn, VecDeque<Point>>,
    total: usize,
}

impl Tracks {
    /// Notes where the device is, unless it is a dock, which does not move.
    pub(crate) fn note(&mut self, sn: &DeviceSn, record: &Record) {
        let Some(at_ms) = record.heard_ms() else { return };
        if record.is_dock() || !record.has_position() {
            return;
        }
        #[expect(clippy::cast_possible_truncation)]
        let height_m = record.height_m().map(|height| height as f32);
        let (latitude, longitude) = (record.latitude, record.longitude);
        let point = Point { at_ms, latitude, longitude, height_m };
        if !self.points.contains_key(sn) {
            if self.total >= MAX_POINTS_IN_ALL {
                return;
            }
            self.points.insert(sn.clone(), VecDeque::new());
        }
        let Some(track) = self.points.get_mut(sn) else { return };
        if let Some(last) = track.back() {
            let near = last.latitude.abs_diff(latitude) < MOVED
                && last.longitude.abs_diff(longitude) < MOVED;
            let rests = near && at_ms.since_ms(last.at_ms) < STANDING_MS;
            if at_ms <= last.at_ms || rests {
                return;
            }
        }
        let too_old = |point: &Point| at_ms.since_ms(point.at_ms) > MAX_AGE_MS;
        while track.len() >= MAX_POINTS || track.front().is_some_and(too_old) {
            track.pop_front();
            self.total -= 1;
        }
        if self.total >= MAX_POINTS_IN_ALL {
            // Full of other devices' points: its own oldest gives way.
            self.total -= usize::from(track.pop_front().is_some());
        }
        if self.total < MAX_POINTS_IN_ALL {
            track.push_back(point);
            self.total += 1;
        }
    }

    pub(crate) fn forget(&mut self, sn: &DeviceSn) {
        if let Some(track) = self.points.remove(sn) {
            self.total -= track.len();
        }
    }

    /// Points heard at `since` or later, oldest first.
    pub(crate) fn since(&self, sn: &DeviceSn, since: WallMs) -> Vec<Point> {
        let points = self.points.get(sn).into_iter().flatten();
        points.filter(|point| point.at_ms >= since).copied().collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::DeviceClass;

    use super::*;
    use crate::positions::Measured;

    fn at(class: DeviceClass, latitude_deg: f64, at: i64) -> Record {
        let measured = Measured {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(127.0),
            height_m: Some(50.0),
            heard_ms: Some(WallMs(at)),
            ..Measured::default()
        };
        Record::new(class, None, None, &measured)
    }

    fn sn(n: usize) -> DeviceSn {
        DeviceSn::new(&format!("SIM{n}")).unwrap()
    }

    #[test]
    fn a_track_is_where_it_moved_and_where_it_rests() {
        let mut tracks = Tracks::default();
        let mut note = |latitude, ms| tracks.note(&sn(1), &at(DeviceClass::Aircraft, latitude, ms));
        note(37.0, 1000);
        note(37.000_001, 2000); // 11 cm
        note(37.000_1, 3000);
        note(37.000_1, 3000); // the same report again
        note(37.000_1, 13_000);
        tracks.note(&sn(2), &at(DeviceClass::Dock, 37.0, 1000));
        let times = |tracks: &Tracks, since| -> Vec<i64> {
            tracks.since(&sn(1), WallMs(since)).iter().map(|point| point.at_ms.0).collect()
        };
        assert_eq!(times(&tracks, 0), [1000, 3000, 13_000]);
        assert_eq!(times(&tracks, 2000), [3000, 13_000]);
        assert_eq!(tracks.since(&sn(2), WallMs(0)), []);
        tracks.note(&sn(1), &at(DeviceClass::Aircraft, 38.0, 3000 + MAX_AGE_MS));
        assert_eq!(times(&tracks, 0), [3000, 13_000, 3000 + MAX_AGE_MS]);
        tracks.forget(&sn(1));
        assert_eq!((tracks.total(), times(&tracks, 0)), (0, vec![]));
    }

    #[test]
    fn tracks_are_bounded_each_and_in_all() {
        let mut tracks = Tracks::default();
        let step = |n: usize| 0.001 * (n % 60_000) as f64;
        for n in 0..MAX_POINTS + 100 {
            tracks.note(&sn(0), &at(DeviceClass::Aircraft, step(n), n as i64 * 100));
        }
        assert_eq!(tracks.total(), MAX_POINTS);
        let devices = MAX_POINTS_IN_ALL / MAX_POINTS + 2;
        for device in 1..=devices {
            for n in 0..MAX_POINTS {
                tracks.note(&sn(device), &at(DeviceClass::Robot, step(n), n as i64 * 100));
            }
        }
        assert_eq!(tracks.total(), MAX_POINTS_IN_ALL);
        // A full memory still follows the devices it knows.
        let newest = WallMs(MAX_POINTS as i64 * 1000);
        tracks.note(&sn(1), &at(DeviceClass::Robot, 5.0, newest.0));
        assert_eq!(tracks.since(&sn(1), newest).len(), 1);
        assert_eq!(tracks.total(), MAX_POINTS_IN_ALL);
    }
}
