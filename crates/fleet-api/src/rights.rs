//! What each route asks for: one table, which the guard, the description and the tests read.
//!
//! A route that is not in it is closed to people with accounts. Read next:
//! [`fleet_types::rights`] (who has a permission), [`crate::guard`] (where it is asked).

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use fleet_types::{DeviceSn, Role, people::Membership, rights::Permission};

use crate::{
    app::Shared,
    auth::Principal,
    method::MethodInfo,
    people::{Place, scope::Scope},
    problem::Problem,
};

/// The roles of a caller, at their sites.
pub(crate) type Given = BTreeSet<Membership>;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A credential, and nothing more.
    Credential,
    /// A permission, at the site of what it is about; what lists is filtered instead.
    Right(Permission),
    /// A permission that the order's method decides; the handler asks.
    ByMethod,
}

use Needs::{ByMethod, Credential, Right};
use Permission::{
    Alarms, Authority, Configure, Debug as Debugging, Docks, Fly, Override, People, Settle, System,
    View,
};

/// Every route that takes a bearer token.
pub(crate) const ROUTES: &[(&str, &str, Needs)] = &[
    ("GET", "/api/v1/alarms", Right(View)),
    ("GET", "/api/v1/alarms/summary", Right(View)),
    ("POST", "/api/v1/alarms/{id}/acknowledge", Right(Alarms)),
    ("POST", "/api/v1/alarms/{id}/shelve", Right(Alarms)),
    ("POST", "/api/v1/alarms/{id}/unshelve", Right(Alarms)),
    ("GET", "/api/v1/basemaps", Right(View)),
    ("GET", "/api/v1/basemaps/{id}/file", Right(View)),
    ("GET", "/api/v1/basemaps/{id}/linked/{link}/{part}", Right(View)),
    ("GET", "/api/v1/basemaps/{id}/style.json", Right(View)),
    ("GET", "/api/v1/basemaps/{id}/tiles/{z}/{x}/{y}", Right(View)),
    ("GET", "/api/v1/commands/{id}", Right(View)),
    ("POST", "/api/v1/commands/{id}/resolve", Right(Settle)),
    ("GET", "/api/v1/devices", Right(View)),
    ("GET", "/api/v1/devices/{sn}", Right(View)),
    ("POST", "/api/v1/devices/{sn}/authority", Right(Authority)),
    ("POST", "/api/v1/devices/{sn}/commands", ByMethod),
    ("PUT", "/api/v1/devices/{sn}/maintenance", Right(Debugging)),
    ("POST", "/api/v1/devices/{sn}/preflight", Right(View)),
    ("POST", "/api/v1/devices/{sn}/preflight/overrides", Right(Override)),
    ("DELETE", "/api/v1/devices/{sn}/preflight/overrides/{item}", Right(Override)),
    ("GET", "/api/v1/devices/{sn}/track", Right(View)),
    ("GET", "/api/v1/dispatch", Right(View)),
    ("POST", "/api/v1/docks", Right(Docks)),
    ("DELETE", "/api/v1/docks/{sn}", Right(Docks)),
    ("GET", "/api/v1/me", Credential),
    ("GET", "/api/v1/methods", Right(View)),
    ("GET", "/api/v1/missions", Right(View)),
    ("POST", "/api/v1/missions", Right(Fly)),
    ("GET", "/api/v1/missions/{id}", Right(View)),
    ("POST", "/api/v1/missions/{id}/cancel", Right(Permission::Stop)),
    ("POST", "/api/v1/missions/{id}/resolve", Right(Settle)),
    ("POST", "/api/v1/missions/{id}/resume", Right(Fly)),
    ("GET", "/api/v1/openapi.json", Credential),
    ("GET", "/api/v1/people", Right(People)),
    ("PUT", "/api/v1/people/{id}/roles", Right(People)),
    ("GET", "/api/v1/people/{id}/sessions", Right(People)),
    ("DELETE", "/api/v1/people/{id}/sessions/{session}", Right(People)),
    ("DELETE", "/api/v1/session", Credential),
    ("GET", "/api/v1/sessions", Credential),
    ("DELETE", "/api/v1/sessions/{session}", Credential),
    ("GET", "/api/v1/stream", Right(View)),
    ("GET", "/api/v1/system", Right(View)),
    ("GET", "/api/v1/system/log", Right(View)),
    ("PUT", "/api/v1/system/log", Right(Configure)),
    ("GET", "/api/v1/traces/{id}", Right(View)),
    ("GET", "/api/v1/waylines", Right(View)),
    ("POST", "/api/v1/waylines", Right(Fly)),
    ("POST", "/api/v1/waylines/from-url", Right(Fly)),
    ("GET", "/api/v1/waylines/{id}/findings", Right(View)),
    ("GET", "/api/v1/waylines/{id}/route", Right(View)),
    ("GET", "/auth/v1/admin/users", Right(People)),
    ("POST", "/auth/v1/admin/users", Right(People)),
    ("GET", "/auth/v1/admin/users/{id}", Right(People)),
    ("PUT", "/auth/v1/admin/users/{id}", Right(People)),
    ("POST", "/auth/v1/logout", Credential),
    ("GET", "/auth/v1/user", Credential),
    ("PUT", "/auth/v1/user", Credential),
    ("GET", "/metrics", Right(System)),
    ("GET", "/readyz", Right(System)),
];

/// What a route asks for; nothing for one that nobody declared.
pub(crate) fn needs(method: &Method, path: &str) -> Option<Needs> {
    // Whoever may get may ask for the head.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let found = ROUTES.iter().find(|(verb, route, _)| *verb == method && *route == path);
    found.map(|(_, _, needs)| *needs)
}

/// What ordering a method asks for. What is not known is refused later, by whoever knows why.
pub(crate) fn of_method(method: Option<&MethodInfo>) -> Permission {
    match method {
        Some(info) if info.counter_action => Permission::Stop,
        // Sticks, flying to a point, and taking control of aircraft and payload.
        Some(info)
            if info.topic != "services"
                || ["drc", "remote_control", "rc_pro"].contains(&info.domain) =>
        {
            Permission::Manual
        }
        Some(info) if info.domain == "firmware" => Permission::Firmware,
        Some(info) if info.needs_debug_mode || info.domain == "cmd" => Debugging,
        Some(_) | None => Fly,
    }
}

impl Shared {
    /// Whether a caller may do this there. The API token and whoever signed in by the machine's own
    /// link may do everything, everywhere.
    pub(crate) fn may(&self, caller: &Principal, permission: Permission, place: Place) -> bool {
        match caller {
            Principal::ApiToken | Principal::Session(_) => true,
            Principal::Person(person) => self.people.may(person, permission, place),
        }
    }

    /// What a caller sees of the fleet.
    pub(crate) fn scope(&self, caller: &Principal) -> Scope {
        match caller {
            Principal::ApiToken | Principal::Session(_) => Scope::default(),
            Principal::Person(person) => Scope::of(&self.people, person),
        }
    }

    /// What a caller was given; nothing of those who may everything.
    pub(crate) fn given(&self, caller: &Principal) -> Given {
        match caller {
            Principal::ApiToken | Principal::Session(_) => Given::new(),
            Principal::Person(person) => self.people.memberships(person),
        }
    }

    /// Whether a caller sees this device, and what belongs to it.
    pub(crate) fn sees(&self, caller: &Principal, sn: &DeviceSn) -> bool {
        self.scope(caller).sees(sn)
    }

    /// Refuses a caller who may not do this to this device; one who does not see it is told, as
    /// everybody would be, that there is none.
    ///
    /// # Errors
    /// 404 `unknown_device`, or 403 `right_missing`.
    pub(crate) fn require_of(
        &self,
        caller: &Principal,
        permission: Permission,
        sn: &DeviceSn,
    ) -> Result<(), Problem> {
        if !self.sees(caller, sn) {
            return Err(unknown_device(sn));
        }
        self.require(caller, permission, Place::Site(self.people.site_of(sn)))
    }

    /// What a caller counts for where a check of this dock is overridden: whoever signs in by the
    /// machine's link answers for the site, whoever holds the API token for the tower.
    pub(crate) fn override_role(&self, caller: &Principal, sn: &DeviceSn) -> Role {
        match caller {
            Principal::ApiToken => Role::Admin,
            Principal::Session(_) => Role::Supervisor,
            Principal::Person(person) => {
                self.people.override_role(person, Place::Site(self.people.site_of(sn)))
            }
        }
    }

    /// Refuses a caller who may not.
    ///
    /// # Errors
    /// 403 `right_missing`, which names the right.
    pub(crate) fn require(
        &self,
        caller: &Principal,
        permission: Permission,
        place: Place,
    ) -> Result<(), Problem> {
        if self.may(caller, permission, place) { Ok(()) } else { Err(missing(permission)) }
    }
}

/// The problem of a device that is not there, or not for this caller.
pub(crate) fn unknown_device(sn: &DeviceSn) -> Problem {
    let detail = format!("no device {sn} is known; enrol it with POST /api/v1/docks");
    Problem::not_found("unknown_device", detail)
}

/// The problem of a caller who may not.
pub(crate) fn missing(permission: Permission) -> Problem {
    let what = fleet_types::rights::TABLE.iter().find(|right| right.permission == permission);
    let what = what.map_or("this", |right| right.what);
    let detail = format!("you lack the right for it here: {what}. An administrator can give it");
    Problem::new(StatusCode::FORBIDDEN, "right_missing", detail).with("right", &permission)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::method::{MethodDanger, MethodInterlock};

    #[test]
    fn every_described_route_is_in_the_table_and_the_other_way_round() {
        let document: Value = serde_json::from_str(&crate::openapi_json()).unwrap();
        let mut described = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (verb, operation) in item.as_object().unwrap() {
                // An operation with a security of its own says who is let in without a token.
                if operation.get("security").is_none() {
                    described.push((verb.to_uppercase(), path.clone()));
                }
            }
        }
        described.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        let mut listed: Vec<_> =
            ROUTES.iter().map(|(verb, path, _)| ((*verb).to_owned(), (*path).to_owned())).collect();
        listed.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        assert_eq!(listed, described);
    }

    #[test]
    fn what_changes_something_asks_for_more_than_looking() {
        // Asking how a flight stands is looking, though it is a POST.
        let looks = ["/api/v1/devices/{sn}/preflight"];
        for (verb, path, needs) in ROUTES {
            if *verb != "GET" && !looks.contains(path) {
                assert_ne!(*needs, Right(View), "{verb} {path}");
            }
        }
    }

    #[test]
    fn stopping_asks_for_nothing_but_stop() {
        let info = |counter_action, domain, topic| MethodInfo {
            method: "x",
            domain,
            topic,
            offered: true,
            danger: MethodDanger::None,
            interlock: MethodInterlock::None,
            counter_action,
            needs_debug_mode: false,
            repeatable: false,
            progress_event: None,
            reply_timeout_ms: 0,
            job_timeout_ms: 0,
            deprecated: false,
            newer: false,
        };
        for (domain, topic) in [("wayline", "services"), ("cmd", "services"), ("drc", "drc/down")] {
            assert_eq!(of_method(Some(&info(true, domain, topic))), Permission::Stop, "{domain}");
        }
        assert_eq!(of_method(Some(&info(false, "cmd", "services"))), Debugging);
        assert_eq!(of_method(Some(&info(false, "firmware", "services"))), Permission::Firmware);
        assert_eq!(of_method(Some(&info(false, "drc", "drc/down"))), Permission::Manual);
        let taking = info(false, "remote_control", "services");
        assert_eq!(of_method(Some(&taking)), Permission::Manual);
        assert_eq!(of_method(Some(&info(false, "wayline", "services"))), Fly);
        assert_eq!(of_method(None), Fly);
    }
}
