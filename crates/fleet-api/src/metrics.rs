//! The API's own metrics, all named `gwanje_…`: requests, streams, the hub and the bus.

use std::sync::{Arc, Mutex};

use fleet_bus::{Bus, TopicStats};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use crate::{basemaps::Basemaps, hub::HubHandle, waylines::WaylineStore};

/// The registry shared with the rest of the process. It has no prefix of its own.
pub type SharedRegistry = Arc<Mutex<Registry>>;

/// Name, help, whether it only counts up, and the value of a topic.
type BusRow = (&'static str, &'static str, bool, fn(&TopicStats) -> u64);
type RequestLabels = [(&'static str, String); 3];
type RouteLabels = [(&'static str, String); 1];

fn latency() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 15.0])
}

#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(crate) connections: Gauge,
    pub(crate) refused_credentials: Counter,
    pub(crate) panics: Counter,
    pub(crate) trace_steps_lost: Counter,
    pub(crate) audit_lost: Counter,
    pub(crate) stream_too_slow: Counter,
    pub(crate) stream_coalesced: Counter,
    pub(crate) stream_missed_ticks: Counter,
    pub(crate) stream_missed: Counter,
    pub(crate) stream_position_bytes: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(latency),
            connections: Gauge::default(),
            refused_credentials: Counter::default(),
            panics: Counter::default(),
            trace_steps_lost: Counter::default(),
            audit_lost: Counter::default(),
            stream_too_slow: Counter::default(),
            stream_coalesced: Counter::default(),
            stream_missed_ticks: Counter::default(),
            stream_missed: Counter::default(),
            stream_position_bytes: Counter::default(),
        };
        let m = metrics.clone();
        registry.register("gwanje_http_requests", "Answered requests", m.requests);
        registry.register("gwanje_http_request_seconds", "Time to answer", m.seconds);
        registry.register("gwanje_http_connections", "Open connections", m.connections);
        registry.register(
            "gwanje_http_refused_credentials",
            "Requests without a valid credential",
            m.refused_credentials,
        );
        registry.register(
            "gwanje_audit_lost",
            "Entries of the audit that could not be made safe",
            m.audit_lost,
        );
        registry.register("gwanje_http_panics", "Handlers that panicked", m.panics);
        registry.register(
            "gwanje_http_trace_steps_lost",
            "Trace steps of the API that found the bus full",
            m.trace_steps_lost,
        );
        registry.register(
            "gwanje_stream_too_slow",
            "WebSocket clients cut because they did not keep up",
            m.stream_too_slow,
        );
        registry.register(
            "gwanje_stream_coalesced",
            "OSD samples a lagging client did not see",
            m.stream_coalesced,
        );
        registry.register(
            "gwanje_stream_missed_ticks",
            "Ticks of positions merged for clients that were not ready",
            m.stream_missed_ticks,
        );
        registry.register(
            "gwanje_stream_missed",
            "Clients that came back too late to resume",
            m.stream_missed,
        );
        registry.register(
            "gwanje_stream_position_bytes",
            "Bytes of binary position frames",
            m.stream_position_bytes,
        );
        metrics
    }
}

/// Reads hub, bus and file store at each scrape.
pub(crate) struct Looks {
    pub(crate) hub: HubHandle,
    pub(crate) bus: Bus,
    pub(crate) waylines: Arc<WaylineStore>,
    pub(crate) basemaps: Arc<Basemaps>,
}

impl std::fmt::Debug for Looks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looks").finish_non_exhaustive()
    }
}

impl Collector for Looks {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let (active_alarms, cleared_alarms, gauges, refused) = {
            let view = self.hub.view();
            let (active, cleared) = view.alarm_counts();
            let gauges = [
                ("gwanje_hub_devices", "Devices shown", view.devices.len()),
                ("gwanje_hub_commands", "Commands kept", view.commands.len()),
                ("gwanje_hub_commands_active", "Commands open", view.commands.active_len()),
                ("gwanje_hub_missions", "Missions kept", view.missions.len()),
                ("gwanje_hub_missions_active", "Missions under way", view.missions.active_len()),
                ("gwanje_hub_traces", "Flows kept", view.traces.len()),
                ("gwanje_hub_track_points", "Points of tracks kept", view.track_points()),
                ("gwanje_stream_clients", "WebSocket clients", view.clients()),
            ];
            (active, cleared, gauges, view.refused)
        };
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, value)?;
        }
        gauge(&mut encoder, "gwanje_hub_alarms_active", "Alarms up", active_alarms)?;
        gauge(
            &mut encoder,
            "gwanje_hub_alarms_cleared",
            "Alarms kept after clearing",
            cleared_alarms,
        )?;
        let bytes = self.waylines.total_bytes();
        gauge(&mut encoder, "gwanje_wayline_bytes", "Bytes of wayline files kept", bytes)?;
        let bytes = self.basemaps.cached_bytes();
        gauge(&mut encoder, "gwanje_basemap_bytes", "Bytes of basemaps kept", bytes)?;
        counter(&mut encoder, "gwanje_hub_refused", "Samples beyond the hub's bounds", refused)?;
        self.encode_bus(&mut encoder)
    }
}

impl Looks {
    fn encode_bus(&self, encoder: &mut DescriptorEncoder) -> Result<(), std::fmt::Error> {
        use prometheus_client::metrics::MetricType::{Counter, Gauge};
        let stats = self.bus.stats();
        let rows: [BusRow; 5] = [
            ("gwanje_bus_written", "Samples written", true, |s| s.written),
            ("gwanje_bus_coalesced", "Samples replaced before a reader took them", true, |s| {
                s.coalesced
            }),
            ("gwanje_bus_full", "Writes refused by a full reader", true, |s| s.full),
            ("gwanje_bus_readers", "Readers", false, |s| s.readers as u64),
            ("gwanje_bus_depth", "Samples in the longest reader queue", false, |s| s.depth as u64),
        ];
        for (name, help, counts, value) in rows {
            let kind = if counts { Counter } else { Gauge };
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (topic, stats) in &stats {
                let labels = [("topic", *topic)];
                let metric = family.encode_family(&labels)?;
                if counts {
                    ConstCounter::new(value(stats)).encode(metric)?;
                } else {
                    ConstGauge::new(value(stats)).encode(metric)?;
                }
            }
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: usize,
) -> Result<(), std::fmt::Error> {
    let metric = ConstGauge::new(value as u64);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn counter(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), std::fmt::Error> {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
