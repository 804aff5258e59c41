//! What one caller sees of the fleet: everything, or the devices of some sites.
//!
//! Made when a call or a live view begins. A live view whose scope has changed is closed, so that
//! what was told is never out of step with what may be seen.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use fleet_types::{
    DeviceSn,
    people::{DEFAULT_SITE, Directory},
    rights::Permission,
};
use uuid::Uuid;

use super::{People, Person, Place, machine::Machine};
use crate::hub::{About, Told};

/// Sites whose devices are seen; none: everything is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Option<Sites>);

#[derive(Clone, Debug)]
struct Sites {
    sites: BTreeSet<Uuid>,
    directory: Arc<Directory>,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => {
                ours.sites == theirs.sites
                    && (Arc::ptr_eq(&ours.directory, &theirs.directory)
                        || ours.directory.devices == theirs.directory.devices)
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl Scope {
    /// Of somebody with an account, now.
    pub(crate) fn of(people: &People, person: &Person) -> Self {
        Self::by(people, |place| people.may(person, Permission::View, place))
    }

    /// Of a program, now.
    pub(crate) fn of_machine(people: &People, machine: &Machine) -> Self {
        Self::by(people, |place| people.machine_may(machine, Permission::View, place))
    }

    fn by(people: &People, may_view: impl Fn(Place) -> bool) -> Self {
        if may_view(Place::Everywhere) {
            return Self(None);
        }
        let Some(directory) = people.directory() else { return Self(Some(Sites::none())) };
        let sees = |site: &&Uuid| may_view(Place::Site(**site));
        let sites = directory.sites.keys().filter(sees).copied().collect();
        Self(Some(Sites { sites, directory }))
    }

    /// Whether nothing is kept back.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this device is seen.
    pub(crate) fn sees(&self, sn: &DeviceSn) -> bool {
        self.0.as_ref().is_none_or(|seen| {
            let site = seen.directory.devices.get(sn).unwrap_or(&DEFAULT_SITE);
            seen.sites.contains(site)
        })
    }

    /// Whether what belongs to no device is seen: it is the tower's, and the tower stands at the
    /// default site.
    pub(crate) fn sees_tower(&self) -> bool {
        self.0.as_ref().is_none_or(|seen| seen.sites.contains(&DEFAULT_SITE))
    }

    /// Whether this site is seen.
    pub(crate) fn sees_site(&self, site: Uuid) -> bool {
        self.0.as_ref().is_none_or(|seen| seen.sites.contains(&site))
    }

    /// The same of an alarm, which may belong to no device.
    pub(crate) fn sees_of(&self, sn: Option<&DeviceSn>) -> bool {
        sn.map_or_else(|| self.sees_tower(), |sn| self.sees(sn))
    }

    /// An event in the words for this caller; nothing when it is not for them.
    pub(crate) fn told(&self, told: &Told) -> Option<Utf8Bytes> {
        if self.is_everything() {
            return Some(told.text.clone());
        }
        let whole = |sees: bool| sees.then(|| told.text.clone());
        match &told.about {
            About::Everybody => whole(true),
            About::Tower => whole(self.sees_tower()),
            About::Device(sn) => whole(self.sees(sn)),
            About::Slots(slots) => {
                let seen: Vec<_> = slots.iter().filter(|(_, sn)| self.sees(sn)).collect();
                let text = || {
                    let object = crate::json::Object::new().field("type", "slots");
                    object.field("seq", &told.seq).field("slots", &seen).finish().into()
                };
                (!seen.is_empty()).then(text)
            }
        }
    }
}

impl Sites {
    fn none() -> Self {
        Self { sites: BTreeSet::new(), directory: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_keeps_back_what_is_of_another_site() {
        let sn = |text: &str| DeviceSn::new(text).unwrap();
        let north = Uuid::from_u128(7);
        let mut directory = Directory::default();
        directory.devices.insert(sn("NORTH"), north);
        let directory = Arc::new(directory);
        let scope = |sites: &[Uuid]| {
            let sites = sites.iter().copied().collect();
            Scope(Some(Sites { sites, directory: Arc::clone(&directory) }))
        };
        let (of_north, of_default) = (scope(&[north]), scope(&[DEFAULT_SITE]));
        assert!(of_north.sees(&sn("NORTH")) && !of_north.sees(&sn("SOUTH")));
        assert!(of_default.sees(&sn("SOUTH")) && !of_default.sees(&sn("NORTH")));
        assert!(!of_north.sees_of(None) && of_default.sees_of(None));
        assert!(Scope::default().sees(&sn("NORTH")) && Scope::default().sees_tower());
        assert!(of_north == scope(&[north]) && of_north != of_default);
        assert!(of_north != Scope::default());
        let slots: Arc<[_]> = [(0, sn("SOUTH")), (1, sn("NORTH"))].into();
        let text = Utf8Bytes::from_static("whole");
        let told = Told { seq: 3, about: About::Slots(slots), text };
        let expect = r#"{"type":"slots","seq":3,"slots":[[1,"NORTH"]]}"#;
        assert_eq!(of_north.told(&told).unwrap(), expect);
        assert_eq!(Scope::default().told(&told).unwrap(), "whole");
        assert_eq!(scope(&[]).told(&told), None);
    }
}
