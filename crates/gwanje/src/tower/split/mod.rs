//! A tower in several processes: one owns the docks (`--roles link`), others show and ask (`--roles api`).
//!
//! What is so crosses as samples of the bus, what is to be done as orders. One link and any number of
//! apis find each other over DDS; everything between them is sealed. The link never waits for an api, and
//! an api that has lost its link shows everything as stale and refuses what acts, at once. It refuses:
//! what nobody with the key sealed, orders that are late, for another link, or said again. Read next:
//! [`link`], [`api`], ADR 0023.

pub mod api;
mod gate;
mod link;
mod osd;
mod peers;
pub mod roles;
mod says;
pub mod seal;
mod topics;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fleet_api::{BrokerState, Check, StoreState};
use fleet_bus::wire::FrameLine;
use fleet_types::{DeviceSn, DeviceStatus, topic::DeviceOsd};

pub use link::{Around, LinkSide, alone};
pub use peers::LEASE_MS;

/// Between two looks at what is to be told: samples wait no longer, and go together.
const TICK: Duration = Duration::from_millis(10);
/// Between two signs of life.
const BEAT_MS: u64 = 500;
/// Bytes of a frame: below what a datagram holds. A larger sample goes alone, in fragments.
const FRAME_BYTES: usize = 40 << 10;
/// A sample larger than this does not cross.
const PART_BYTES: usize = 1 << 20;

/// What was known of devices before the link began, for processes that begin later.
#[derive(Clone, Default)]
pub struct Recalled(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    devices: BTreeMap<DeviceSn, (DeviceStatus, Option<DeviceOsd>)>,
    is_news: bool,
}

impl Recalled {
    /// Takes it over.
    pub fn put(&self, statuses: &[DeviceStatus], samples: &[DeviceOsd]) {
        let known = statuses.iter().map(|status| (status.sn.clone(), (status.clone(), None)));
        let mut devices: BTreeMap<_, (_, Option<DeviceOsd>)> = known.collect();
        for sample in samples {
            if let Some((_, of_it)) = devices.get_mut(&sample.sn) {
                *of_it = Some(sample.clone());
            }
        }
        *self.known() = Known { devices, is_news: true };
    }

    fn devices(&self) -> Vec<DeviceSn> {
        self.known().devices.keys().cloned().collect()
    }

    fn with<T>(
        &self,
        sn: &DeviceSn,
        of: impl FnOnce(&DeviceStatus, Option<&DeviceOsd>) -> Option<T>,
    ) -> Option<T> {
        let known = self.known();
        let (status, sample) = known.devices.get(sn)?;
        of(status, sample.as_ref())
    }

    /// Whether it came since the last look.
    fn is_news(&self) -> bool {
        std::mem::take(&mut self.known().is_news)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, sn: &str) {
        self.known().devices.retain(|known, _| known.as_str() != sn);
    }
}

/// How the link's own process stands, asked now and then.
pub type Looks = Arc<dyn Fn() -> (BrokerState, StoreState, Vec<Check>) + Send + Sync>;

/// Frames of parts that go together.
struct Frames {
    done: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Frames {
    fn new() -> Self {
        Self { done: Vec::new(), open: Vec::new() }
    }

    /// False when it is too large to cross.
    fn put(&mut self, part: &says::Part) -> bool {
        let Ok(text) = serde_json::to_vec(part) else { return false };
        if text.len() > PART_BYTES {
            return false;
        }
        if !self.open.is_empty() && self.open.len() + text.len() > FRAME_BYTES {
            self.close();
        }
        self.open.push(if self.open.is_empty() { b'[' } else { b',' });
        self.open.extend(text);
        true
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.open.push(b']');
            self.done.push(std::mem::take(&mut self.open));
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.close();
        self.done
    }
}

/// Seals parts and hands them to the wire.
fn say(line: &FrameLine, sealer: &mut seal::Sealer, parts: &[says::Part]) {
    let mut frames = Frames::new();
    for part in parts {
        if !frames.put(part) {
            tracing::error!("something is too large to be told to the tower's other processes");
        }
    }
    for body in frames.finish() {
        if let Some(frame) = sealer.seal(body) {
            line.send(frame);
        }
    }
}

fn random_name() -> anyhow::Result<String> {
    Ok(crate::secret::random(16)?.expose().to_owned())
}

#[cfg(test)]
mod tests;
