//! What a client is told of itself: telemetry of the devices it subscribed, summaries of those it
//! lists, positions, and how far it lags.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::ws::{Message, Utf8Bytes},
};
use fleet_types::{Telemetry, telemetry::Told};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Client, End, Protocol};
use crate::{
    clock::now_ms,
    hub::{MAX_FRAMES, OSD_ITEMS, frame, osd_text},
    json::Object,
};

impl Client {
    /// A second has passed in the hub.
    pub(super) async fn on_tick(&mut self) -> Result<(), End> {
        match self.protocol {
            Protocol::One => self.send_osd().await,
            Protocol::Two => {
                self.sight.on_tick(&self.app.hub.view().table);
                self.send_summaries().await
            }
        }
    }

    /// One frame of what is due to be seen; the events that came meanwhile go before the next.
    pub(super) async fn send_positions(&mut self) -> Result<(), End> {
        let frame = self.sight.next_frame(&self.app.hub.view().table, now_ms());
        if let Some(frame) = frame {
            self.app.metrics.stream_position_bytes.inc_by(frame.len() as u64);
            self.write_all([Message::Binary(Bytes::from(frame))]).await?;
        }
        let missed = self.sight.take_missed();
        if missed == 0 {
            return Ok(());
        }
        self.app.metrics.stream_missed_ticks.inc_by(missed);
        let behind = self.membership.outbox.len();
        let lagged = Object::new().field("type", "lagged").field("missed_ticks", &missed);
        let lagged = lagged.field("behind", &behind).field("cut_at", &MAX_FRAMES);
        self.write(vec![lagged.finish().into()]).await
    }

    async fn send_summaries(&mut self) -> Result<(), End> {
        let items: Vec<_> = {
            let mut view = self.app.hub.view();
            let mut read = |(sn, known): (&_, &mut u64)| {
                let (item, seq) = view.osd_unless(sn, *known)?;
                *known = seq;
                Some(item)
            };
            self.summaries.iter_mut().filter_map(&mut read).collect()
        };
        if items.is_empty() {
            return Ok(());
        }
        self.write(vec![osd_text(&items)]).await
    }

    /// What changed of the subscribed devices since it was last sent.
    pub(super) fn telemetry(&mut self) -> Vec<Utf8Bytes> {
        let mut frames = Vec::new();
        for (sn, sent) in &mut self.subscribed {
            let Some(now) = self.app.hub.view().telemetry(sn) else { continue };
            if sent.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &now)) {
                continue;
            }
            let before = sent.as_ref().map(|sent| &sent.values);
            let values = Changed { now: &now.values, before };
            let text = Object::new().field("type", "telemetry").field("sn", sn);
            frames.push(text.field("values", &values).finish().into());
            *sent = Some(now);
        }
        frames
    }

    /// Sends this second's positions in the old way: the frames made for everybody, or, to a client
    /// that lagged, frames of its own with the newest value of each device.
    async fn send_osd(&mut self) -> Result<(), End> {
        let mut coalesced = 0;
        loop {
            let text = {
                let mut view = self.app.hub.view();
                let target = view.osd_published;
                if self.cursor >= target {
                    break;
                }
                let shared = view.osd_frame(self.cursor).filter(|_| self.scope.is_everything());
                if let Some(frame) = shared {
                    self.cursor = frame.to;
                    frame.text.clone()
                } else {
                    let (mut items, to) = view.osd_between(self.cursor, target, OSD_ITEMS);
                    items.retain(|item| self.scope.sees(&item.sn));
                    if self.scope.is_everything() {
                        coalesced += (to - self.cursor).saturating_sub(items.len() as u64);
                    }
                    self.cursor = to;
                    osd_text(&items)
                }
            };
            self.write(vec![text]).await?;
        }
        if coalesced > 0 {
            self.app.metrics.stream_coalesced.inc_by(coalesced);
            self.write(vec![frame("lagged", "dropped_coalesced", &coalesced)]).await?;
        }
        Ok(())
    }
}

/// Readings that differ from what was sent before; all of them, where nothing was.
struct Changed<'a> {
    now: &'a Telemetry,
    before: Option<&'a Telemetry>,
}

impl Serialize for Changed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let before = self.before.filter(|before| Arc::ptr_eq(&before.schema, &self.now.schema));
        let mut map = serializer.serialize_map(None)?;
        for (index, field) in self.now.schema.fields.iter().enumerate() {
            let Some(reading) = self.now.reading(index) else { continue };
            let sent = before.and_then(|before| before.reading(index));
            if sent != Some(reading) {
                map.serialize_entry(&field.key, &Told { unit: field.unit, reading })?;
            }
        }
        map.end()
    }
}
