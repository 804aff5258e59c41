//! From the docks' tasks to the follower of rights: which aircraft each dock has, as last said.
//!
//! It holds the newest word of each dock and nothing else, so it is never longer than the fleet. A
//! word that is replaced before it was taken is never missed: the newest says everything, and a dock
//! whose topology was not answered sends it again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fleet_types::DeviceSn;
use tokio::sync::Notify;

use super::safekeeping::Waits;

/// What a dock said of its aircraft since it was last looked at.
#[derive(Default)]
pub(super) struct Pairing {
    /// Its aircraft, named or heard through it: enough to route by, not to give rights by.
    pub(super) heard: Vec<DeviceSn>,
    /// The aircraft that it named, and what goes on when their rights are in force.
    pub(super) named: Option<(Vec<DeviceSn>, Waits)>,
}

/// The newest word of each dock.
#[derive(Default)]
pub struct Pairings {
    newest: Mutex<BTreeMap<DeviceSn, Pairing>>,
    told: Notify,
}

impl Pairings {
    /// Aircraft were heard through a dock.
    pub(super) fn hear(&self, dock: &DeviceSn, aircraft: Vec<DeviceSn>) {
        self.lock().entry(dock.clone()).or_default().heard = aircraft;
        self.told.notify_one();
    }

    /// A dock named its aircraft; `waits` goes on when their rights are in force.
    pub(super) fn name(&self, dock: &DeviceSn, aircraft: &[DeviceSn], waits: Waits) {
        let pairing =
            Pairing { heard: aircraft.to_owned(), named: Some((aircraft.to_owned(), waits)) };
        self.lock().insert(dock.clone(), pairing);
        self.told.notify_one();
    }

    /// Takes a word of some dock, waiting for one.
    pub(super) async fn next(&self) -> (DeviceSn, Pairing) {
        loop {
            if let Some(first) = self.lock().pop_first() {
                return first;
            }
            self.told.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DeviceSn, Pairing>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn sn(text: &str) -> DeviceSn {
        DeviceSn::new(text).unwrap()
    }

    #[test]
    fn the_newest_word_of_each_dock_is_kept_and_what_waits_is_not_lost_by_hearing() {
        let pairings = Pairings::default();
        assert!(pairings.next().now_or_never().is_none());
        let (dock, old, new) = (sn("DOCK1"), sn("OLD"), sn("NEW"));
        for _ in 0..3 {
            pairings.name(&dock, std::slice::from_ref(&old), Waits::new());
        }
        pairings.hear(&dock, vec![old.clone(), new.clone()]);
        pairings.hear(&sn("DOCK2"), vec![new.clone()]);
        let (from, pairing) = pairings.next().now_or_never().unwrap();
        assert_eq!((from, pairing.heard), (dock.clone(), vec![old.clone(), new.clone()]));
        // Rights are given for what was named, not for what was heard.
        assert_eq!(pairing.named.unwrap().0, [old]);
        let (from, pairing) = pairings.next().now_or_never().unwrap();
        assert_eq!((from, pairing.named.is_none()), (sn("DOCK2"), true));
        assert!(pairings.next().now_or_never().is_none());
    }
}
