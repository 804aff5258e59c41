//! Recent flows, step by step: 2,000 flows of at most 500 steps each.
//!
//! The oldest flow gives way to a new one. In a flow that is full the first 100 steps (how it
//! began) and the newest stay; what goes between them is counted.

use std::collections::{BTreeMap, VecDeque};

use fleet_types::{TraceId, TraceStep, topic::DeviceEvent};

const MAX_FLOWS: usize = 2000;
const MAX_STEPS: usize = 500;
const KEPT_FIRST: usize = 100;

#[derive(Default)]
struct Flow {
    steps: VecDeque<TraceStep>,
    dropped: u64,
}

#[derive(Default)]
pub(crate) struct Traces {
    flows: BTreeMap<TraceId, Flow>,
    order: VecDeque<TraceId>,
}

impl Traces {
    pub(crate) fn put(&mut self, step: TraceStep) {
        let flow = self.flow(step.trace_id);
        if flow.steps.len() >= MAX_STEPS {
            flow.steps.remove(KEPT_FIRST);
            flow.dropped += 1;
        }
        flow.steps.push_back(step);
    }

    /// Notes that a device spoke of this flow. Repeats of one method (progress) share a step.
    pub(crate) fn put_event(&mut self, event: &DeviceEvent) {
        let Some(trace_id) = event.trace_id else { return };
        let actor = format!("device.{}", event.sn);
        let flow = self.flow(trace_id);
        let repeats = |step: &TraceStep| {
            step.action == "event"
                && step.method.as_deref() == Some(event.method.as_str())
                && step.actor == actor
        };
        let duration = flow
            .steps
            .back()
            .map_or(0, |last| u64::try_from(event.received_ms.since_ms(last.at_ms)).unwrap_or(0));
        if flow.steps.iter().filter(|step| repeats(step)).count() > 1
            && let Some(index) = flow.steps.iter().rposition(repeats)
        {
            flow.steps.remove(index);
        }
        self.put(TraceStep {
            trace_id,
            at_ms: event.received_ms,
            actor,
            action: "event".to_owned(),
            action_duration_ms: duration,
            response_code: None,
            sn: Some(event.sn.clone()),
            command_id: None,
            mission_id: None,
            method: Some(event.method.clone()),
            detail: None,
        });
    }

    /// Steps in time order and how many were left out, or `None` for a flow not known (any more).
    pub(crate) fn get(&self, id: TraceId) -> Option<(Vec<TraceStep>, u64)> {
        let flow = self.flows.get(&id)?;
        let mut steps: Vec<_> = flow.steps.iter().cloned().collect();
        steps.sort_by_key(|step| step.at_ms);
        Some((steps, flow.dropped))
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    fn flow(&mut self, id: TraceId) -> &mut Flow {
        if !self.flows.contains_key(&id) {
            if self.flows.len() >= MAX_FLOWS
                && let Some(oldest) = self.order.pop_front()
            {
                self.flows.remove(&oldest);
            }
            self.order.push_back(id);
        }
        // Most flows are one step long.
        let one = || Flow { steps: VecDeque::with_capacity(1), dropped: 0 };
        self.flows.entry(id).or_insert_with(one)
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{DeviceSn, WallMs};
    use uuid::Uuid;

    use super::*;

    fn event(trace: u128, method: &str, at: i64) -> DeviceEvent {
        DeviceEvent {
            sn: DeviceSn::new("SIM1").unwrap(),
            method: method.to_owned(),
            data: serde_json::Value::Null,
            trace_id: Some(TraceId(Uuid::from_u128(trace))),
            source_ms: None,
            received_ms: WallMs(at),
        }
    }

    #[test]
    fn progress_does_not_push_the_beginning_out() {
        let mut traces = Traces::default();
        traces.put_event(&event(1, "first", 0));
        for at in 1..2000 {
            traces.put_event(&event(1, "flighttask_progress", at));
        }
        let (steps, dropped) = traces.get(TraceId(Uuid::from_u128(1))).unwrap();
        let times: Vec<_> = steps.iter().map(|step| step.at_ms.0).collect();
        assert_eq!((times, dropped), (vec![0, 1, 1999], 0));
    }

    #[test]
    fn flows_and_steps_are_bounded() {
        let mut traces = Traces::default();
        for n in 0..600 {
            traces.put_event(&event(1, &format!("m{n}"), n));
        }
        let (steps, dropped) = traces.get(TraceId(Uuid::from_u128(1))).unwrap();
        assert_eq!((steps.len(), dropped), (MAX_STEPS, 100));
        assert_eq!(steps[0].at_ms, WallMs(0));
        for id in 2..=MAX_FLOWS as u128 + 1 {
            traces.put_event(&event(id, "m", 0));
        }
        assert_eq!(traces.len(), MAX_FLOWS);
        assert!(traces.get(TraceId(Uuid::from_u128(1))).is_none());
    }
}
