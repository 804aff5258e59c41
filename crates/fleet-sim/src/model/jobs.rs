//! Remote-debug jobs: commands that answer at once and report progress as events of the same name.
//! Source: `70.cmd.md`. One job at a time; all need debug mode. Read next: `services`.

use serde_json::json;

use super::body::CoverState;
use super::services::{Done, Refusal, Verdict};
use super::{AircraftMode, DockModel, codes};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobKind {
    CoverOpen,
    CoverClose,
    CoverForceClose,
    DroneOpen,
    DroneClose,
    ChargeOpen,
    ChargeClose,
    DeviceReboot,
    DroneFormat,
    DeviceFormat,
}

impl JobKind {
    pub(super) fn from_method(method: &str) -> Option<Self> {
        Some(match method {
            "cover_open" => Self::CoverOpen,
            "cover_close" => Self::CoverClose,
            "cover_force_close" => Self::CoverForceClose,
            "drone_open" => Self::DroneOpen,
            "drone_close" => Self::DroneClose,
            "charge_open" => Self::ChargeOpen,
            "charge_close" => Self::ChargeClose,
            "device_reboot" => Self::DeviceReboot,
            "drone_format" => Self::DroneFormat,
            "device_format" => Self::DeviceFormat,
            _ => return None,
        })
    }

    /// Method, physical seconds, and the `step_key` where one is documented.
    fn plan(self) -> (&'static str, f64, Option<&'static str>) {
        match self {
            Self::CoverOpen => ("cover_open", 10.0, Some("open_cover")),
            Self::CoverClose => ("cover_close", 12.0, Some("drone_paddle_reverse")),
            Self::CoverForceClose => ("cover_force_close", 12.0, None),
            Self::DroneOpen => ("drone_open", 15.0, None),
            Self::DroneClose => ("drone_close", 10.0, Some("check_work_mode")),
            Self::ChargeOpen => ("charge_open", 8.0, Some("close_putter")),
            Self::ChargeClose => ("charge_close", 5.0, Some("stop_charge")),
            Self::DeviceReboot => ("device_reboot", 6.0, Some("write_reboot_param_file")),
            Self::DroneFormat => ("drone_format", 8.0, Some("format_drone")),
            Self::DeviceFormat => ("device_format", 8.0, Some("format_dock")),
        }
    }
}

/// A job under way.
#[derive(Debug)]
pub(super) struct Job {
    kind: JobKind,
    bid: String,
    elapsed_s: f64,
    reported: u8,
}

/// A real dock is away for about two minutes; physical time, so speed shortens it.
const REBOOT_S: f64 = 90.0;

impl DockModel {
    pub(super) fn start_job(&mut self, kind: JobKind, bid: &str) -> Verdict {
        self.require_debug()?;
        if self.job.is_some() {
            return Err(Refusal(codes::BUSY));
        }
        match kind {
            JobKind::CoverClose if !self.aircraft.in_dock => {
                return Err(Refusal(codes::OUTSIDE_DOCK));
            }
            JobKind::ChargeOpen if !self.aircraft.in_dock => {
                return Err(Refusal(codes::OUTSIDE_DOCK));
            }
            JobKind::ChargeOpen if self.dock.cover != CoverState::Closed => {
                return Err(Refusal(codes::COVER_OPEN));
            }
            JobKind::ChargeOpen if self.aircraft.battery_percent > 95.0 => {
                return Err(Refusal(codes::BATTERY_FULL));
            }
            JobKind::CoverOpen
            | JobKind::CoverClose
            | JobKind::CoverForceClose
            | JobKind::DroneOpen
            | JobKind::DroneClose
            | JobKind::ChargeOpen
            | JobKind::ChargeClose
            | JobKind::DeviceReboot
            | JobKind::DroneFormat
            | JobKind::DeviceFormat => {}
        }
        self.job = Some(Job { kind, bid: bid.to_owned(), elapsed_s: 0.0, reported: 0 });
        self.next_tick_ms = self.now.mono_ms + super::TICK_MS;
        Ok(Done::Status("in_progress"))
    }

    /// Moves the job and reports at each quarter.
    pub(super) fn advance_job(&mut self, world_s: f64) {
        let Some(job) = &mut self.job else { return };
        job.elapsed_s += world_s;
        let (_, total_s, _) = job.kind.plan();
        let share = job.elapsed_s / total_s;
        let quarter = if share >= 1.0 {
            4
        } else if share >= 0.75 {
            3
        } else if share >= 0.5 {
            2
        } else if share >= 0.25 {
            1
        } else {
            return self.move_cover(false);
        };
        let (first, kind, bid) = (job.reported + 1, job.kind, job.bid.clone());
        job.reported = quarter;
        for step in first..=quarter {
            self.report_job(kind, &bid, step);
        }
        self.move_cover(quarter == 4);
        if quarter == 4 {
            self.job = None;
            self.finish_job(kind);
        }
    }

    fn move_cover(&mut self, done: bool) {
        let end = match self.job.as_ref().map(|job| job.kind) {
            Some(JobKind::CoverOpen) => CoverState::Open,
            Some(JobKind::CoverClose | JobKind::CoverForceClose) => CoverState::Closed,
            Some(
                JobKind::DroneOpen
                | JobKind::DroneClose
                | JobKind::ChargeOpen
                | JobKind::ChargeClose
                | JobKind::DeviceReboot
                | JobKind::DroneFormat
                | JobKind::DeviceFormat,
            )
            | None => return,
        };
        if done {
            self.dock.cover = end;
        } else if self.dock.cover != end {
            self.dock.cover = CoverState::HalfOpen;
        }
    }

    fn report_job(&mut self, kind: JobKind, bid: &str, quarter: u8) {
        let (method, _, step_key) = kind.plan();
        let last = quarter >= 4;
        let status = if last { "ok" } else { "in_progress" };
        let mut output = json!({"status": status});
        // `drone_open` has a status and no progress, `cover_force_close` no step.
        if kind != JobKind::DroneOpen {
            output["progress"] = json!({"percent": i64::from(quarter) * 25});
        }
        if let Some(step_key) = step_key {
            output["progress"]["step_key"] = json!(step_key);
        }
        let data = json!({"result": 0, "output": output});
        self.send_event(method, bid, data, last);
    }

    fn finish_job(&mut self, kind: JobKind) {
        match kind {
            JobKind::CoverOpen => self.dock.charging = false,
            JobKind::CoverClose | JobKind::CoverForceClose => {}
            JobKind::DroneOpen => self.power_aircraft(true),
            JobKind::DroneClose => self.power_aircraft(false),
            JobKind::ChargeOpen => self.dock.charging = true,
            JobKind::ChargeClose => self.dock.charging = false,
            JobKind::DroneFormat => self.aircraft.photos = 0,
            JobKind::DeviceFormat => self.dock.media_waiting = 0,
            JobKind::DeviceReboot => {
                self.dock.debug = false;
                self.dock.powered_s = 0.0;
                let away_ms = (REBOOT_S * 1_000.0 / self.cfg.speed) as u64;
                self.drop_link("reboot", away_ms.max(500));
            }
        }
    }

    pub(super) fn power_aircraft(&mut self, on: bool) {
        if self.aircraft.powered == on {
            return;
        }
        self.aircraft.powered = on;
        self.aircraft.mode = AircraftMode::Standby;
        if self.is_online() {
            self.ask_topology();
            // The video sources are different now.
            self.push_dock_state();
            self.push_aircraft_state();
        }
    }
}
