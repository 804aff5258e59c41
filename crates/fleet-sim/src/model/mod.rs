//! One dock with its aircraft as a machine: inputs and time go in, outputs come out.
//!
//! It knows no clock, socket, file or global randomness: `now` and a seed come in, so that the same
//! inputs always give the same outputs. Physical time (flight, covers, charging) runs `speed` times
//! as fast as protocol time; the cadence of telemetry and retries does not change.
//!
//! Read next: `link` (bring-up), `services` (commands), `task` and `flight` (missions), `dock_osd`.

mod aircraft_osd;
mod body;
pub mod codes;
mod dock_osd;
mod flight;
pub mod geo;
mod jobs;
mod lean;
mod link;
mod media;
mod progress;
mod property;
mod rehearsal;
mod route;
mod services;
mod stage;
mod states;
mod task;
mod truth;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;

pub use body::{AircraftMode, CoverState};
pub use media::{Photo, UploadTo};
pub use truth::{CommandRecord, Flight, FlightEnd, GroundTruth, Outcome};

use crate::faults::DockFaults;
use crate::identity::{DockIdentity, mix};
use body::{Aircraft, Dock, Weather};
use jobs::Job;
use link::{Link, Request};
use media::Media;
use task::{ActiveTask, Prepared};
use wire::{Held, Topics};

/// The moment an input happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; all deadlines are on it.
    pub mono_ms: u64,
    /// True wall time, milliseconds since 1970; the dock adds its own skew.
    pub wall_ms: i64,
}

/// What happens to a dock.
#[derive(Debug, Clone)]
pub enum Input {
    /// The MQTT link is up and subscribed to [`DockModel::subscriptions`].
    Connected,
    /// The MQTT link is gone.
    Disconnected,
    /// A message arrived.
    Message {
        /// Topic.
        topic: String,
        /// Payload as received.
        payload: Bytes,
        /// Remaining message expiry the broker stated (MQTT 5), seconds.
        expiry_s: Option<u32>,
    },
    /// A file asked for by [`Output::Fetch`] arrived, or did not.
    Fetched {
        /// Id of the request.
        id: u64,
        /// The file, or why there is none.
        result: Result<Bytes, String>,
    },
    /// An upload asked for by [`Output::Upload`] is over.
    Uploaded {
        /// Id of the upload.
        id: u64,
        /// Why not, in words.
        result: Result<(), String>,
    },
    /// Time has passed; [`DockModel::poll_timeout`] says when this is due.
    Tick,
}

/// What a dock wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Publish a message.
    Publish {
        /// Topic.
        topic: Arc<str>,
        /// JSON.
        payload: Bytes,
        /// MQTT quality of service.
        qos: Qos,
    },
    /// Download a file and report it as [`Input::Fetched`].
    Fetch {
        /// Names this download.
        id: u64,
        /// Where from. Secret: it may carry a token.
        url: String,
    },
    /// Upload a photo and report it as [`Input::Uploaded`].
    Upload {
        /// Names this upload.
        id: u64,
        /// Where to, and by which credentials.
        to: UploadTo,
        /// What was taken.
        photo: Box<Photo>,
    },
    /// Drop the MQTT link.
    Disconnect {
        /// Why, in words.
        reason: &'static str,
        /// Say goodbye (MQTT DISCONNECT), or vanish.
        polite: bool,
        /// How long to stay away.
        retry_after_ms: u64,
    },
    /// Something a person watching the simulator may want to know.
    Log(String),
}

/// MQTT quality of service of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// 0: telemetry.
    AtMostOnce,
    /// 1: everything else.
    AtLeastOnce,
}

/// How a dock behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Physical seconds per second of protocol time, 0.1 to 1000.
    pub speed: f64,
    /// Its misfortunes.
    pub faults: DockFaults,
    /// Organisation id typed into Pilot on site.
    pub organization_id: String,
    /// Binding code typed into Pilot on site.
    pub binding_code: String,
    /// How much telemetry it sends, and how often.
    pub telemetry: TelemetryRate,
    /// A wayline file that was read before: where its very bytes come, they are not read again.
    pub known_file: Option<Arc<KnownFile>>,
    /// Whether its photos are uploaded; in worlds without a store they only count.
    pub uploads: bool,
}

/// A wayline file with what is in it. Thousands of simulated fleets fly the same one.
#[derive(Debug, PartialEq)]
pub struct KnownFile {
    bytes: Bytes,
    mission: wpml::Mission,
}

impl KnownFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it holds no wayline mission.
    pub fn read(bytes: Bytes) -> Result<Self, wpml::WpmlError> {
        let mission = wpml::Mission::from_kmz(&bytes)?;
        Ok(Self { bytes, mission })
    }
}

/// How much telemetry a dock sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TelemetryRate {
    /// Every documented property at the documented 0.5 Hz.
    #[default]
    Documented,
    /// The same, all properties of a device in one message: some firmware merges the parts.
    Merged,
    /// What decisions are made by, in changing parts, every so many milliseconds: for thousands of
    /// simulated fleets a minute.
    Lean {
        /// Between two reports, milliseconds.
        every_ms: u64,
    },
}

impl TelemetryRate {
    fn every_ms(self) -> u64 {
        match self {
            Self::Documented | Self::Merged => OSD_MS,
            Self::Lean { every_ms } => every_ms.max(100),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            speed: 1.0,
            faults: DockFaults::default(),
            organization_id: "gwanje".to_owned(),
            binding_code: "simulated".to_owned(),
            telemetry: TelemetryRate::Documented,
            known_file: None,
            uploads: false,
        }
    }
}

/// How often movement is computed while something moves.
const TICK_MS: u64 = 250;
/// The documented 0.5 Hz of `osd`.
const OSD_MS: u64 = 2_000;

/// One simulated dock with its aircraft.
#[derive(Debug)]
pub struct DockModel {
    id: DockIdentity,
    topics: Topics,
    cfg: ModelConfig,
    rng: Rng,
    now: Now,
    out: VecDeque<Output>,
    link: Link,
    next_tick_ms: u64,
    requests: BTreeMap<String, Request>,
    unacknowledged: BTreeMap<String, wire::Unacknowledged>,
    held: Vec<Held>,
    hold_replies: bool,
    dock: Dock,
    aircraft: Aircraft,
    weather: Weather,
    job: Option<Job>,
    prepared: BTreeMap<String, Prepared>,
    task: Option<ActiveTask>,
    media: Media,
    /// Flights that were ordered to begin, the latest ones; they outlive a restart of the dock.
    begun: VecDeque<String>,
    last_finished: Option<String>,
    next_fetch: u64,
    truth: GroundTruth,
}

impl DockModel {
    /// A dock with its cover closed, its aircraft inside, and no link.
    #[must_use]
    pub fn new(id: DockIdentity, mut cfg: ModelConfig, seed: u64) -> Self {
        cfg.speed = if cfg.speed.is_finite() { cfg.speed.clamp(0.1, 1_000.0) } else { 1.0 };
        let mut rng = Rng::with_seed(mix(seed, id.index));
        let dock = Dock::new(&mut rng);
        let aircraft = Aircraft::new(cfg.faults.battery_percent, &mut rng);
        let weather = Weather::new(&mut rng);
        Self {
            topics: Topics::new(&id),
            id,
            cfg,
            rng,
            now: Now::default(),
            out: VecDeque::new(),
            link: Link::Offline,
            next_tick_ms: 0,
            requests: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            held: Vec::new(),
            hold_replies: false,
            dock,
            aircraft,
            weather,
            job: None,
            prepared: BTreeMap::new(),
            task: None,
            media: Media::default(),
            begun: VecDeque::new(),
            last_finished: None,
            next_fetch: 0,
            truth: GroundTruth::default(),
        }
    }

    /// Feeds one input at `now`; outputs are then taken with [`DockModel::poll_output`].
    pub fn handle(&mut self, now: Now, input: Input) {
        self.advance(now);
        match input {
            Input::Connected => self.on_connected(),
            Input::Disconnected => self.on_disconnected(),
            Input::Message { topic, payload, expiry_s } => {
                self.on_message(&topic, &payload, expiry_s);
            }
            Input::Fetched { id, result } => self.on_fetched(id, result),
            Input::Uploaded { id, result } => self.on_uploaded(id, result),
            Input::Tick => {}
        }
        self.run_timers();
    }

    /// The next thing the dock wants done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Tick`] is due, on the clock of [`Now::mono_ms`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let moving = self.is_moving().then_some(self.next_tick_ms);
        let held = (!self.hold_replies).then(|| self.held.iter().map(|held| held.due_ms).min());
        let requests = self.requests.values().map(|request| request.retry_ms).min();
        let events = self.unacknowledged.values().map(|event| event.retry_ms).min();
        let connected = self.link.is_connected();
        [
            moving,
            held.flatten(),
            self.link.deadline(),
            requests.filter(|_| connected),
            events.filter(|_| self.is_online()),
            self.media.deadline().filter(|_| self.is_online()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Topics this dock listens on.
    #[must_use]
    pub fn subscriptions(&self) -> [String; 5] {
        let sn = &self.id.dock_sn;
        [
            format!("thing/product/{sn}/services"),
            format!("thing/product/{sn}/requests_reply"),
            format!("thing/product/{sn}/events_reply"),
            format!("thing/product/{sn}/property/set"),
            format!("sys/product/{sn}/status_reply"),
        ]
    }

    /// Who this dock is.
    #[must_use]
    pub fn identity(&self) -> &DockIdentity {
        &self.id
    }

    /// What the dock was told and truly did.
    #[must_use]
    pub fn ground_truth(&self) -> &GroundTruth {
        &self.truth
    }

    /// Whether bring-up is complete.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.link, Link::Online { .. })
    }

    /// Whether the aircraft is out of the dock.
    #[must_use]
    pub fn is_airborne(&self) -> bool {
        !self.aircraft.in_dock
    }

    /// Whether a flight task is under way, from the order to fly until its end.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.task.is_some()
    }

    /// Whether the aircraft has left the ground in the flight task under way.
    #[must_use]
    pub fn has_flown(&self) -> bool {
        let flight = self.task.as_ref().and_then(|task| self.truth.flight(&task.flight_id));
        flight.is_some_and(|flight| flight.take_offs > 0)
    }

    /// State of the cover.
    #[must_use]
    pub fn cover(&self) -> CoverState {
        self.dock.cover
    }

    /// What the aircraft is doing.
    #[must_use]
    pub fn aircraft_mode(&self) -> AircraftMode {
        self.aircraft.mode
    }

    /// Latitude, longitude (degrees) and height above the dock (m) of the aircraft.
    #[must_use]
    pub fn aircraft_position(&self) -> (f64, f64, f64) {
        let at = self.aircraft.at;
        let (lat, lon) = geo::offset(self.id.lat, self.id.lon, at.east, at.north);
        (lat, lon, at.up)
    }

    /// Charge of the aircraft's batteries.
    #[must_use]
    pub fn battery_percent(&self) -> f64 {
        self.aircraft.battery_percent
    }

    /// Presses or releases the dock's emergency stop button.
    pub fn press_emergency_stop(&mut self, pressed: bool) {
        self.dock.emergency_stop = pressed;
    }

    /// Whether the emergency stop button is pressed.
    #[must_use]
    pub fn is_emergency_stop(&self) -> bool {
        self.dock.emergency_stop
    }

    /// Changes the weather: documented `rainfall` (0 none … 3 heavy) and the mean wind.
    pub fn set_weather(&mut self, rainfall: i64, wind_mps: f64) {
        self.weather.rainfall = rainfall.clamp(0, 3);
        self.weather.set_wind(wind_mps);
    }

    /// Documented `rainfall` and the wind near the ground now, m/s.
    #[must_use]
    pub fn weather(&self) -> (i64, f64) {
        (self.weather.rainfall, self.weather.wind_mps())
    }

    /// Drains the aircraft's batteries to this charge, if they hold more.
    pub fn drain_battery(&mut self, percent: f64) {
        self.aircraft.battery_percent = self.aircraft.battery_percent.min(percent.max(0.0));
    }

    /// While held, answers to commands wait inside the dock; released, they go out at once.
    pub fn hold_replies(&mut self, hold: bool) {
        self.hold_replies = hold;
    }

    /// Physical state first, so that inputs meet the world as it is now.
    fn advance(&mut self, now: Now) {
        let elapsed_ms = now.mono_ms.saturating_sub(self.now.mono_ms);
        let first = self.now == Now::default();
        self.now = now;
        if first {
            self.next_tick_ms = now.mono_ms;
            return;
        }
        let world_s = elapsed_ms as f64 / 1_000.0 * self.cfg.speed;
        self.weather.advance(world_s);
        self.dock.advance(world_s);
        self.advance_job(world_s);
        self.advance_flight(world_s);
        self.aircraft.charge(world_s, self.dock.charging);
        if self.aircraft.battery_percent >= self.dock.charge_target() {
            self.dock.charging = false;
        }
    }

    fn run_timers(&mut self) {
        if self.now.mono_ms >= self.next_tick_ms {
            self.next_tick_ms = self.now.mono_ms + TICK_MS;
        }
        self.release_held();
        self.run_link();
        self.resend_events();
        self.go_on_uploading();
        self.report_progress();
    }

    fn is_moving(&self) -> bool {
        self.job.is_some() || self.task.is_some()
    }

    fn device_wall_ms(&self) -> i64 {
        self.now.wall_ms + self.cfg.faults.skew_ms
    }

    fn log(&mut self, text: impl Into<String>) {
        self.out.push_back(Output::Log(text.into()));
    }

    fn on_message(&mut self, topic: &str, payload: &[u8], expiry_s: Option<u32>) {
        let kind = self.kind_of(topic);
        if kind == "/events_reply" {
            return self.on_event_reply(payload);
        }
        let Ok(message) = serde_json::from_slice::<Value>(payload) else {
            self.log(format!("ignored {} bytes that are no JSON on {topic}", payload.len()));
            return;
        };
        match kind {
            "/services" => self.on_service(&message, expiry_s),
            "/requests_reply" | "/status_reply" => self.on_reply(&message),
            "/property/set" => self.on_property_set(&message, expiry_s),
            _ => {}
        }
    }

    /// What follows the serial number in a topic of this dock; empty for every other.
    fn kind_of<'a>(&self, topic: &'a str) -> &'a str {
        let of_kind = |kind: &str| topic.strip_prefix(kind)?.strip_prefix(&*self.id.dock_sn);
        let status = of_kind("sys/product/").filter(|rest| *rest == "/status_reply");
        let others = of_kind("thing/product/").filter(|rest| *rest != "/status_reply");
        status.or(others).unwrap_or_default()
    }
}
