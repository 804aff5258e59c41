//! The tower's own metrics: link, fleet, process. Read at each scrape, counted nowhere twice.

use std::{fmt, sync::Arc, sync::atomic::Ordering};

use fleet_links::mqtt::LinkHandle;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use super::{denials::Refused, fleet::Fleet, system::System};
use crate::stall;

/// Looks at link, fleet and process.
pub struct TowerLooks {
    /// The link.
    pub link: LinkHandle,
    /// The fleet.
    pub fleet: Arc<Fleet>,
    /// What devices say beyond the documents.
    pub system: Arc<System>,
    /// What the broker refused.
    pub refused: Arc<Refused>,
}

impl fmt::Debug for TowerLooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerLooks").finish_non_exhaustive()
    }
}

impl Collector for TowerLooks {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let encoder = &mut encoder;
        self.encode_messages(encoder)?;
        let link = self.link.stats();
        for (name, help, value) in [
            ("gwanje_link_connects", "Connections to the broker that came up", link.connects),
            ("gwanje_link_disconnects", "Connections lost or not made", link.disconnects),
            ("gwanje_link_acks_stale", "Acknowledgements too late to count", link.acks_stale),
            ("gwanje_link_replies_dropped", "Replies not taken for sending", link.replies_dropped),
            ("gwanje_link_replies_lost", "Replies under way at a break", link.replies_lost),
        ] {
            counter(encoder, name, help, value)?;
        }
        let (inbox_depth, dropped) = self.fleet.inbox_figures();
        let stats = &self.fleet.stats;
        for (name, help, value) in [
            ("gwanje_inbox_telemetry_dropped", "Telemetry a busy dock task did not see", dropped),
            (
                "gwanje_excess_telemetry_dropped",
                "Telemetry of devices that send more than they may",
                self.fleet.excess_dropped(),
            ),
            (
                "gwanje_orphan_messages",
                "Messages of devices that nobody knows",
                stats.orphans.load(Ordering::Relaxed),
            ),
            (
                "gwanje_foreign_topics",
                "Messages on topics that are not documented",
                stats.foreign_topics.load(Ordering::Relaxed),
            ),
            (
                "gwanje_broker_refused_publishes",
                "Publishes the private broker refused, at least",
                self.refused.total(),
            ),
            ("gwanje_task_panics", "Tasks that failed", stats.panics.load(Ordering::Relaxed)),
            (
                "gwanje_log_lines_dropped",
                "Log lines nobody took",
                crate::logging::stats().dropped_lines,
            ),
        ] {
            counter(encoder, name, help, value)?;
        }
        let store = self.system.store_counts().unwrap_or_default();
        for (name, help, value) in [
            ("gwanje_store_rows_written", "Rows of telemetry in the database", store.rows_written),
            ("gwanje_store_rows_dropped", "Rows of telemetry without room", store.rows_dropped),
            ("gwanje_store_rows_refused", "Rows the database refused", store.rows_refused),
            ("gwanje_store_kept_written", "Events and states in the database", store.kept_written),
            (
                "gwanje_store_events_refused",
                "Events not taken, so unacknowledged",
                store.events_refused,
            ),
            ("gwanje_store_batches_spooled", "Batches written to the spool", store.batches_spooled),
            ("gwanje_store_batches_replayed", "Batches out of the spool", store.batches_replayed),
            (
                "gwanje_store_spool_refusals",
                "Batches the spool had no room for",
                store.spool_refusals,
            ),
        ] {
            counter(encoder, name, help, value)?;
        }
        self.encode_unknowns(encoder)?;
        self.encode_broker(encoder)?;
        for (name, help, value) in [
            ("gwanje_link_outbox_depth", "Messages waiting to be written", link.outbox_waiting),
            ("gwanje_link_in_flight", "Publishes without PUBACK", link.outbox_in_flight),
            ("gwanje_link_events_depth", "Events waiting to be routed", link.events_waiting),
            ("gwanje_link_telemetry_depth", "Telemetry waiting", link.telemetry_waiting),
            ("gwanje_inbox_depth", "Inputs in the longest dock inbox", inbox_depth),
            ("gwanje_docks", "Docks of this tower", self.fleet.docks().len()),
            ("gwanje_threads", "OS threads", stall::threads() as usize),
        ] {
            gauge(encoder, name, help, value as u64)?;
        }
        gauge(encoder, "gwanje_rss_kb", "Resident memory", stall::rss_kb())
    }
}

impl TowerLooks {
    fn encode_messages(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let link = self.link.stats();
        let metric = ConstCounter::new(0_u64);
        let kind = metric.metric_type();
        let mut received =
            encoder.encode_descriptor("gwanje_messages_received", "By class", None, kind)?;
        for (class, value) in
            [("telemetry", link.telemetry_received), ("events", link.events_received)]
        {
            ConstCounter::new(value).encode(received.encode_family(&[("class", class)])?)?;
        }
        let mut dropped =
            encoder.encode_descriptor("gwanje_messages_dropped", "By class", None, kind)?;
        for (class, value) in [
            ("telemetry", link.telemetry_dropped),
            ("events_qos0", link.events_qos0_dropped),
            ("notices", link.notices_dropped),
            ("control", link.control_dropped),
        ] {
            ConstCounter::new(value).encode(dropped.encode_family(&[("class", class)])?)?;
        }
        Ok(())
    }

    /// What the broker says of itself, by the name of its `$SYS` topic.
    fn encode_broker(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        use fleet_api::SystemSource as _;
        let kind = ConstGauge::new(0_f64).metric_type();
        let help = "The broker's own statistics, by $SYS topic";
        let mut family = encoder.encode_descriptor("gwanje_broker", help, None, kind)?;
        for (name, value) in self.system.broker().stats {
            ConstGauge::new(value).encode(family.encode_family(&[("name", name.as_str())])?)?;
        }
        Ok(())
    }

    /// `malformed` among the kinds counts parse errors.
    fn encode_unknowns(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        use fleet_api::SystemSource as _;
        let mut by_kind = std::collections::BTreeMap::<String, u64>::new();
        for unknown in self.system.unknowns(None) {
            *by_kind.entry(unknown.kind).or_default() += unknown.count;
        }
        by_kind.entry("malformed".to_owned()).or_default();
        let kind = ConstCounter::new(0_u64).metric_type();
        let help = "What devices say beyond the documents, by kind";
        let mut family = encoder.encode_descriptor("gwanje_unknowns", help, None, kind)?;
        for (kind, count) in by_kind {
            ConstCounter::new(count).encode(family.encode_family(&[("kind", kind.as_str())])?)?;
        }
        Ok(())
    }
}

fn counter(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let metric = ConstGauge::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
