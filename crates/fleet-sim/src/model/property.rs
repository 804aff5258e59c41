//! `property/set`: one leaf per message, answered at the same leaf. Source: `00.properties.md`.
//! Leaves this model does not have are answered with 1 (failed). Read next: `services`.

use serde_json::{Map, Value, json};

use super::DockModel;
use super::truth::Outcome;

impl DockModel {
    pub(super) fn on_property_set(&mut self, message: &Value, expiry_s: Option<u32>) {
        let Some(data) = message.get("data").and_then(Value::as_object) else { return };
        let mut answer = Map::new();
        let mut done = true;
        for (name, value) in data.iter().take(16) {
            let reply = match value.as_object() {
                Some(leaves) => {
                    let mut nested = Map::new();
                    for (leaf, value) in leaves.iter().take(16) {
                        let ok = self.set_property(name, leaf, value);
                        done &= ok;
                        nested.insert(leaf.clone(), json!({"result": i64::from(!ok)}));
                    }
                    Value::Object(nested)
                }
                None => {
                    let ok = self.set_property(name, "", value);
                    done &= ok;
                    json!({"result": i64::from(!ok)})
                }
            };
            answer.insert(name.clone(), reply);
        }
        let outcome = if done { Outcome::Executed } else { Outcome::Refused(1) };
        self.record(message, "property/set", expiry_s, outcome);
        self.answer("property/set_reply", message, Value::Object(answer), 0);
        if done && self.is_online() {
            self.push_dock_state();
            self.push_aircraft_state();
        }
    }

    fn set_property(&mut self, name: &str, leaf: &str, value: &Value) -> bool {
        let number = value.as_i64().or_else(|| value.as_bool().map(i64::from));
        let Some(number) = number else { return false };
        let aircraft = &mut self.aircraft;
        let (slot, range) = match (name, leaf) {
            ("air_transfer_enable", "") => {
                self.dock.air_transfer = number != 0;
                return (0..=1).contains(&number);
            }
            ("silent_mode", "") => (&mut self.dock.silent_mode, 0..=1),
            ("user_experience_improvement", "") => (&mut self.dock.user_experience, 0..=2),
            ("night_lights_state", "") => (&mut aircraft.night_lights, 0..=1),
            ("height_limit", "") => (&mut aircraft.height_limit_m, 20..=1_500),
            ("obstacle_avoidance", "horizon") => (&mut aircraft.obstacle_avoidance[0], 0..=1),
            ("obstacle_avoidance", "upside") => (&mut aircraft.obstacle_avoidance[1], 0..=1),
            ("obstacle_avoidance", "downside") => (&mut aircraft.obstacle_avoidance[2], 0..=1),
            _ => return false,
        };
        let valid = range.contains(&number);
        if valid {
            *slot = number;
        }
        valid
    }
}
