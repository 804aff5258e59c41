//! Photos on their way into the store: asked for where to, uploaded one by one, reported one by one.
//!
//! `storage_config_get` → upload (the runner's) → `file_upload_callback`, flight after flight. What
//! cannot be uploaded stays on the dock and is tried again with fresh credentials; a dock that is
//! refused a store keeps its photos. Source: `40.file.md`. Read next: `crate::runner::upload`.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::services::{Done, Refusal, Verdict};
use super::{DockModel, Output, codes};

/// Flights that wait for their upload; older ones lose theirs.
const FLIGHTS_MAX: usize = 16;
/// Photos of one flight that are kept.
const PHOTOS_MAX: usize = 2_000;
const TRIES: u32 = 6;
const AGAIN_MS: u64 = 5_000;

/// A photo as it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// File name.
    pub name: String,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Height over sea, m.
    pub altitude_m: f64,
    /// Height over the take-off point, m.
    pub height_m: f64,
    /// Where the camera looked, degrees from north.
    pub yaw_deg: f64,
    /// The dock's wall clock, ms since 1970.
    pub taken_ms: i64,
    /// Counts the aircraft's photos.
    pub number: i64,
}

/// Where to upload to, as the tower said.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadTo {
    /// Address of the store.
    pub endpoint: String,
    /// Bucket.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Key of the object.
    pub object_key: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret key.
    pub access_key_secret: String,
    /// Session token.
    pub security_token: String,
}

impl std::fmt::Debug for UploadTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadTo").field("object_key", &self.object_key).finish_non_exhaustive()
    }
}

/// What a dock has to upload.
#[derive(Debug, Default)]
pub(super) struct Media {
    flights: VecDeque<FlightMedia>,
    step: Step,
    next_id: u64,
}

#[derive(Debug)]
struct FlightMedia {
    flight_id: String,
    photos: VecDeque<Photo>,
    uploaded: i64,
    expected: i64,
    tries: u32,
}

#[derive(Debug, Default)]
enum Step {
    /// Nothing is under way.
    #[default]
    Idle,
    /// The tower was asked where to.
    Asking,
    /// An upload runs; its key when it is done.
    Uploading { id: u64, to: UploadTo },
    /// After a failure.
    Waiting { until_ms: u64 },
}

impl Media {
    pub(super) fn deadline(&self) -> Option<u64> {
        match self.step {
            Step::Waiting { until_ms } => Some(until_ms),
            Step::Idle | Step::Asking | Step::Uploading { .. } => None,
        }
    }
}

impl DockModel {
    /// Takes so many photos of what is below.
    pub(super) fn take_photos(&mut self, count: i64) {
        if !self.cfg.uploads {
            return;
        }
        let (lat, lon, height_m) = self.aircraft_position();
        let taken_ms = self.device_wall_ms();
        let first = self.aircraft.photos - count;
        let (altitude_m, yaw_deg) = (self.id.height_m + height_m, self.aircraft.heading_deg);
        let Some(task) = &mut self.task else { return };
        for number in first + 1..=first + count {
            if task.photos.len() < PHOTOS_MAX {
                let name = format!("DJI_{number:04}_W.JPG");
                let photo =
                    Photo { name, lat, lon, altitude_m, height_m, yaw_deg, taken_ms, number };
                task.photos.push(photo);
            }
        }
    }

    /// The flight is over: its photos are on the dock.
    pub(super) fn collect_media(&mut self, flight_id: &str, photos: Vec<Photo>) {
        let expected = i64::try_from(photos.len()).unwrap_or(i64::MAX);
        let missing = self.cfg.faults.missing_photo;
        let mut kept = VecDeque::new();
        for photo in photos {
            if missing > 0.0 && self.rng.f64() < missing {
                self.dock.media_waiting -= 1;
                self.log(format!("{} is lost between aircraft and dock", photo.name));
            } else {
                kept.push_back(photo);
            }
        }
        if kept.is_empty() {
            return;
        }
        if self.media.flights.len() >= FLIGHTS_MAX {
            self.media.flights.pop_front();
        }
        let flight_id = flight_id.to_owned();
        let flight = FlightMedia { flight_id, photos: kept, uploaded: 0, expected, tries: 0 };
        self.media.flights.push_back(flight);
        self.go_on_uploading();
    }

    /// Asks where to, if there is something and nothing is under way.
    pub(super) fn go_on_uploading(&mut self) {
        let is_due = match self.media.step {
            Step::Idle => true,
            Step::Waiting { until_ms } => until_ms <= self.now.mono_ms,
            Step::Asking | Step::Uploading { .. } => false,
        };
        if is_due && self.is_online() && !self.media.flights.is_empty() {
            self.media.step = Step::Asking;
            self.ask("storage_config_get", json!({"module": 0}), None);
        }
    }

    /// The link is gone, and with it the question.
    pub(super) fn forget_storage_question(&mut self) {
        if matches!(self.media.step, Step::Asking) {
            self.media.step = Step::Idle;
        }
    }

    pub(super) fn on_storage(&mut self, result: Option<i64>, output: &Value) {
        if !matches!(self.media.step, Step::Asking) {
            return;
        }
        let text = |at: &str| output.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let Some(flight) = self.media.flights.front() else { return };
        let Some(photo) = flight.photos.front() else { return };
        let to = || {
            let prefix = text("/object_key_prefix")?;
            Some(UploadTo {
                endpoint: text("/endpoint")?,
                bucket: text("/bucket")?,
                region: text("/region")?,
                object_key: format!("{prefix}/{}/{}", flight.flight_id, photo.name),
                access_key_id: text("/credentials/access_key_id")?,
                access_key_secret: text("/credentials/access_key_secret")?,
                security_token: text("/credentials/security_token")?,
            })
        };
        let Some(to) = to().filter(|_| result == Some(0)) else {
            self.log("there is no store for photos");
            self.media.step = Step::Idle;
            self.media.flights.clear();
            return;
        };
        self.upload(to);
    }

    /// One photo; the credentials serve the next ones too.
    fn upload(&mut self, to: UploadTo) {
        let Some(photo) = self.media.flights.front().and_then(|flight| flight.photos.front())
        else {
            self.media.step = Step::Idle;
            return;
        };
        self.media.next_id += 1;
        let id = self.media.next_id;
        let photo = Box::new(photo.clone());
        self.out.push_back(Output::Upload { id, to: to.clone(), photo });
        self.media.step = Step::Uploading { id, to };
    }

    pub(super) fn on_uploaded(&mut self, id: u64, result: Result<(), String>) {
        let to = match &self.media.step {
            Step::Uploading { id: running, to } if *running == id => to.clone(),
            Step::Uploading { .. } | Step::Idle | Step::Asking | Step::Waiting { .. } => return,
        };
        let at = self.media.flights.iter().position(|flight| {
            // Somebody may have put another flight before it meanwhile.
            to.object_key.contains(&flight.flight_id)
        });
        let Some(flight) = at.and_then(|at| self.media.flights.get_mut(at)) else {
            self.media.step = Step::Idle;
            return self.go_on_uploading();
        };
        if let Err(reason) = result {
            flight.tries += 1;
            if flight.tries >= TRIES {
                flight.photos.pop_front();
                flight.tries = 0;
            }
            self.log(format!("upload failed: {reason}"));
            self.media.step = Step::Waiting { until_ms: self.now.mono_ms + AGAIN_MS };
            self.drop_empty_flights();
            return;
        }
        let Some(photo) = flight.photos.pop_front() else { return };
        flight.uploaded += 1;
        let (uploaded, expected) = (flight.uploaded, flight.expected);
        let (flight_id, prefix) = (flight.flight_id.clone(), prefix_of(&to.object_key));
        self.dock.media_waiting = (self.dock.media_waiting - 1).max(0);
        let data = json!({
            "file": {
                "cloud_to_cloud_id": "DEFAULT",
                "ext": {
                    "drone_model_key": "0-91-1", "flight_id": flight_id, "is_original": true,
                    "payload_model_key": "1-81-0",
                },
                "metadata": {
                    "absolute_altitude": photo.altitude_m,
                    "create_time": clock_text(photo.taken_ms),
                    // As DJI's example has it.
                    "gimbal_yaw_degree": format!("{:.2}", photo.yaw_deg),
                    "relative_altitude": photo.height_m,
                    "shoot_position": {"lat": photo.lat, "lng": photo.lon},
                },
                "name": photo.name, "object_key": to.object_key, "path": "",
            },
            "flight_task": {
                "expected_file_count": expected, "flight_type": 0, "uploaded_file_count": uploaded,
            },
        });
        let bid = self.uuid();
        self.send_event("file_upload_callback", &bid, data.clone(), true);
        if self.cfg.faults.told_twice {
            let again = self.uuid();
            self.send_event("file_upload_callback", &again, data, true);
        }
        self.drop_empty_flights();
        match self.media.flights.front() {
            Some(next) => {
                let name = next.photos.front().map_or("", |photo| photo.name.as_str());
                let object_key = format!("{prefix}/{}/{name}", next.flight_id);
                self.upload(UploadTo { object_key, ..to });
            }
            None => self.media.step = Step::Idle,
        }
    }

    /// `upload_flighttask_media_prioritize`: this flight's photos next.
    pub(super) fn prioritize(&mut self, data: &Value) -> Verdict {
        let flight_id = data.get("flight_id").and_then(Value::as_str);
        let flight_id = flight_id.ok_or(Refusal(codes::BAD_PARAMETER))?;
        let at = self.media.flights.iter().position(|flight| flight.flight_id == flight_id);
        let at = at.ok_or(Refusal(codes::COMMAND_FAILED))?;
        if let Some(flight) = self.media.flights.remove(at) {
            self.media.flights.push_front(flight);
        }
        let bid = self.uuid();
        let data = json!({"flight_id": flight_id});
        self.send_event("highest_priority_upload_flighttask_media", &bid, data, true);
        Ok(Done::Plain)
    }

    fn drop_empty_flights(&mut self) {
        self.media.flights.retain(|flight| !flight.photos.is_empty());
    }
}

fn prefix_of(key: &str) -> String {
    key.split('/').next().unwrap_or_default().to_owned()
}

/// As cameras write it: the time of day without its zone; here it is that of Korea.
fn clock_text(wall_ms: i64) -> String {
    let seconds = wall_ms.div_euclid(1_000) + 9 * 3_600;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1 March 2000, in years that begin in March: the leap day is the last of them.
    let days = days - 11_017;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = 2_000 + era * 400 + year + i64::from(month >= 10);
    let month = if month < 10 { month + 3 } else { month - 9 };
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::clock_text;

    #[test]
    fn the_clock_knows_leap_days_and_years() {
        for (wall_ms, expect) in [
            (0, "1970-01-01 09:00:00"),
            (951_750_000_000, "2000-02-29 00:00:00"),
            (1_709_132_399_000, "2024-02-28 23:59:59"),
            (1_709_218_800_000, "2024-03-01 00:00:00"),
            (1_796_050_800_000, "2026-12-01 00:00:00"),
            (1_798_729_199_000, "2026-12-31 23:59:59"),
        ] {
            assert_eq!(clock_text(wall_ms), expect);
        }
    }
}
