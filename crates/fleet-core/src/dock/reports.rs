//! Telemetry and properties of the dock and its aircraft: reports, most of what comes.
//!
//! The topic tells whose a report is and thereby what its body is, so that it is read in one pass.
//! It decides nothing: values go into the twins and out as samples. Next: [`super::messages`].

use dji_cloud::{
    Leaves,
    device::{AircraftOsd, AircraftState, DockOsd, DockState},
    envelope::WithDrift,
    lenient::WireValue,
    report::{Report, decode_report},
    topic::{Topic, TopicKind},
};
use fleet_types::{Now, WallMs, device::DeviceClass, topic::DeviceOsd};

use super::DockMachine;
use crate::{io::Sample, twin::Twin};

/// How a report goes into a twin.
type Merge<Twin, Body> = fn(&mut Twin, Now, Option<WallMs>, &Body);
type DockTwin = Twin<DockOsd, DockState>;
type AircraftTwin = Twin<AircraftOsd, AircraftState>;

impl DockMachine {
    /// Takes a report in; [`TopicKind::Osd`] or else [`TopicKind::State`].
    pub(super) fn on_report(&mut self, now: Now, topic: Topic<'_>, payload: &[u8]) {
        let is_osd = topic.kind == TopicKind::Osd;
        let is_own = topic.sn == self.config.sn.as_str();
        match (is_own, is_osd) {
            (true, true) => self.on_dock_report(now, topic, payload, DockTwin::merge_osd),
            (true, false) => self.on_dock_report(now, topic, payload, DockTwin::merge_state),
            (false, true) => self.on_aircraft_report(now, topic, payload, AircraftTwin::merge_osd),
            (false, false) => {
                self.on_aircraft_report(now, topic, payload, AircraftTwin::merge_state);
            }
        }
    }

    /// Reads a report; `None` when it is no message, or has no body.
    fn read_report<'a, T: WireValue + Default + WithDrift>(
        &mut self,
        now: Now,
        topic: Topic<'_>,
        payload: &'a [u8],
    ) -> Option<Report<'a, T>> {
        match decode_report::<T>(payload) {
            Ok(report) => {
                self.on_envelope(now, topic, &report.envelope);
                report.envelope.data.is_some().then_some(report)
            }
            Err(error) => {
                self.on_malformed(now, topic, &error);
                None
            }
        }
    }

    fn on_dock_report<T: WireValue + Default + WithDrift + Leaves>(
        &mut self,
        now: Now,
        topic: Topic<'_>,
        payload: &[u8],
        merge: Merge<DockTwin, T>,
    ) {
        let Some(report) = self.read_report::<T>(now, topic, payload) else { return };
        // A dock's own topic carrying an aircraft's fields has been seen from simulators.
        if report.looks_like_aircraft() {
            let firmware = self.firmware();
            self.drift.count(&firmware, "topic", "aircraft fields on the dock's topic");
            return;
        }
        let Report { envelope, body } = report;
        let Some(body) = self.take(&envelope, body) else { return };
        merge(&mut self.twin, now, envelope.timestamp_ms.map(WallMs), &body);
        self.session.on_telemetry(now);
        let sn = self.config.sn.clone();
        let sample = DeviceOsd {
            gateway_sn: sn.clone(),
            sn,
            class: DeviceClass::Dock,
            report_count: self.twin.report_count(),
            received_ms: now.wall,
            values: self.twin.telemetry().clone(),
        };
        self.tell(Sample::Osd(sample));
    }

    fn on_aircraft_report<T: WireValue + Default + WithDrift + Leaves>(
        &mut self,
        now: Now,
        topic: Topic<'_>,
        payload: &[u8],
        merge: Merge<AircraftTwin, T>,
    ) {
        let Some(report) = self.read_report::<T>(now, topic, payload) else { return };
        if self.aircraft_mut(topic.sn).is_none() && !self.adopt(now, topic.sn, false) {
            return;
        }
        let Report { envelope, body } = report;
        let body = self.take(&envelope, body);
        self.session.on_telemetry(now);
        let gateway_sn = self.config.sn.clone();
        let Some(aircraft) = self.aircraft_mut(topic.sn) else { return };
        aircraft.heard = Some(now);
        if let Some(body) = body {
            merge(&mut aircraft.twin, now, envelope.timestamp_ms.map(WallMs), &body);
        }
        let sample = DeviceOsd {
            sn: aircraft.sn.clone(),
            gateway_sn,
            class: DeviceClass::Aircraft,
            report_count: aircraft.twin.report_count(),
            received_ms: now.wall,
            values: aircraft.twin.telemetry().clone(),
        };
        self.tell(Sample::Osd(sample));
    }
}
