//! Commands: what arrives on `services` and what the dock answers.
//!
//! Real docks are not documented to de-duplicate by `tid`, so this one does not: a second
//! `cover_open` runs again, and only the state of the machine refuses a second flight. Every command
//! goes into the ground truth with what became of it. Read next: `jobs`, `task`.

use serde_json::{Value, json};

use super::truth::{CommandRecord, Outcome};
use super::{DockModel, codes};
use crate::faults::Fate;

/// Why a command is not done: a documented result code.
pub(super) struct Refusal(pub(super) i64);

/// What a command that is done answers beside `result: 0`.
pub(super) enum Done {
    /// `result` alone.
    Plain,
    /// `output.status`.
    Status(&'static str),
}

pub(super) type Verdict = Result<Done, Refusal>;

const CRASH_RETRY_MS: u64 = 10_000;

impl DockModel {
    pub(super) fn on_service(&mut self, message: &Value, expiry_s: Option<u32>) {
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            self.log("ignored a command without method");
            return;
        };
        let data = message.get("data").unwrap_or(&Value::Null);
        let fate = self.cfg.faults.draw(method, &mut self.rng);
        let verdict = match fate {
            Fate::Refuse => Err(Refusal(refusal_code(method))),
            Fate::Silent => {
                self.record(message, method, expiry_s, Outcome::NotDone);
                return;
            }
            Fate::NoEffect => {
                self.record(message, method, expiry_s, Outcome::NotDone);
                self.answer("services_reply", message, json!({"result": 0}), 0);
                return;
            }
            Fate::Normal | Fate::LostReply | Fate::LateReply | Fate::Crash => {
                self.execute(method, data, message)
            }
        };
        let (answer, outcome) = match verdict {
            Ok(Done::Plain) => (json!({"result": 0}), Outcome::Executed),
            Ok(Done::Status(status)) => {
                (json!({"result": 0, "output": {"status": status}}), Outcome::Executed)
            }
            Err(Refusal(code)) => (json!({"result": code}), Outcome::Refused(code)),
        };
        self.record(message, method, expiry_s, outcome);
        match fate {
            Fate::LostReply => {}
            Fate::LateReply => {
                let late_ms = self.cfg.faults.late_ms;
                self.answer("services_reply", message, answer, late_ms);
            }
            Fate::Crash => self.drop_link("crash fault", CRASH_RETRY_MS),
            Fate::Normal | Fate::Refuse | Fate::Silent | Fate::NoEffect => {
                self.answer("services_reply", message, answer, 0);
            }
        }
        self.after_answer();
    }

    pub(super) fn record(
        &mut self,
        message: &Value,
        method: &str,
        expiry_s: Option<u32>,
        outcome: Outcome,
    ) {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let flight_id = text(message.pointer("/data/flight_id"));
        let tid = text(message.get("tid")).unwrap_or_default();
        let method = method.chars().take(80).collect();
        let record = CommandRecord { method, tid, at: self.now, expiry_s, flight_id, outcome };
        self.truth.record(record);
    }

    fn execute(&mut self, method: &str, data: &Value, message: &Value) -> Verdict {
        let bid = message.get("bid").and_then(Value::as_str).unwrap_or("");
        match method {
            "debug_mode_open" => self.debug_mode_open(),
            "debug_mode_close" => self.debug_mode_close(),
            "supplement_light_open" => self.switch(|model| model.dock.light = true),
            "supplement_light_close" => self.switch(|model| model.dock.light = false),
            "alarm_state_switch" => {
                let on = action(data, 0, 1)? == 1;
                self.switch(|model| model.dock.alarm = on)
            }
            "battery_maintenance_switch" => {
                let on = action(data, 0, 1)? == 1;
                self.switch(|model| model.dock.maintenance = on)
            }
            "battery_store_mode_switch" => {
                let mode = action(data, 1, 2)?;
                self.switch(|model| model.dock.battery_store_mode = mode)
            }
            "air_conditioner_mode_switch" => {
                let mode = action(data, 0, 3)?;
                self.switch(|model| model.dock.air_conditioner = mode)
            }
            "sdr_workmode_switch" => match data.get("link_workmode").and_then(Value::as_i64) {
                Some(0) => self.switch(|_| {}).map(|_| Done::Plain),
                Some(1) => Err(Refusal(codes::NO_DONGLE)),
                _ => Err(Refusal(codes::BAD_DEBUG_PARAMETER)),
            },
            "esim_activate" | "esim_operator_switch" | "sim_slot_switch" => {
                Err(Refusal(codes::NO_DONGLE))
            }
            "flighttask_prepare" => self.prepare(data),
            "flighttask_execute" => self.execute_task(data, bid),
            "flighttask_undo" => self.undo(data),
            "flighttask_pause" => self.pause(),
            "flighttask_recovery" => self.recover(),
            "upload_flighttask_media_prioritize" => self.prioritize(data),
            "return_home" => self.return_home(),
            "return_home_cancel" => self.cancel_return(),
            _ => match super::jobs::JobKind::from_method(method) {
                Some(kind) => self.start_job(kind, bid),
                None => {
                    self.log(format!("refused {:.80}: not simulated", method));
                    Err(Refusal(codes::COMMAND_FAILED))
                }
            },
        }
    }

    fn debug_mode_open(&mut self) -> Verdict {
        if self.task.is_some() {
            return Err(Refusal(codes::TASK_RUNNING));
        }
        self.dock.debug = true;
        Ok(Done::Status("ok"))
    }

    fn debug_mode_close(&mut self) -> Verdict {
        self.require_debug()?;
        if self.job.is_some() {
            return Err(Refusal(codes::BUSY));
        }
        self.dock.debug = false;
        Ok(Done::Status("ok"))
    }

    pub(super) fn require_debug(&self) -> Result<(), Refusal> {
        if self.task.is_some() {
            Err(Refusal(codes::TASK_RUNNING))
        } else if self.dock.debug {
            Ok(())
        } else {
            Err(Refusal(codes::NOT_IN_DEBUG))
        }
    }

    fn switch(&mut self, effect: impl FnOnce(&mut Self)) -> Verdict {
        self.require_debug()?;
        effect(self);
        Ok(Done::Status("ok"))
    }
}

fn action(data: &Value, min: i64, max: i64) -> Result<i64, Refusal> {
    data.get("action")
        .and_then(Value::as_i64)
        .filter(|action| (min..=max).contains(action))
        .ok_or(Refusal(codes::BAD_DEBUG_PARAMETER))
}

/// A code that the error page documents for this kind of command.
fn refusal_code(method: &str) -> i64 {
    match method {
        "flighttask_prepare" | "flighttask_execute" => codes::OTHER_TASK,
        "flighttask_undo" => codes::CANNOT_CANCEL,
        "flighttask_pause" => codes::CANNOT_PAUSE,
        "flighttask_recovery" => codes::CANNOT_RESUME,
        "return_home" => codes::NOT_AIRBORNE,
        "return_home_cancel" => codes::RETURN_CANCEL,
        "cover_open" | "cover_close" | "drone_open" | "drone_close" | "charge_open"
        | "charge_close" | "device_reboot" => codes::BUSY,
        _ => codes::CANNOT_RESPOND,
    }
}
