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
    people::{Place, machine::Machine, scope::Scope},
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
    Alarms, Audit, Authority, Configure, Debug as Debugging, Docks, Fly, Override, People, Settle,
    System, View,
};

/// A route, what it asks for, and what the audit calls it; nothing where it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) verb: &'static str,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    pub(crate) action: &'static str,
}

impl Route {
    /// Whether it is about aircraft and docks at work: what never waits for the audit.
    pub(crate) fn is_of_aircraft(&self) -> bool {
        match self.needs {
            Credential => false,
            ByMethod => true,
            Right(right) => match right {
                View
                | Permission::Stop
                | Authority
                | Fly
                | Alarms
                | Settle
                | Override
                | Permission::Manual
                | Debugging
                | Permission::Firmware => true,
                Docks | People | System | Configure | Audit => false,
            },
        }
    }
}

/// Looks.
const fn look(verb: &'static str, path: &'static str, needs: Needs) -> Route {
    Route { verb, path, needs, action: "" }
}

/// Changes something, or gives out what is not given out unseen.
const fn act(verb: &'static str, path: &'static str, needs: Needs, action: &'static str) -> Route {
    Route { verb, path, needs, action }
}

/// Every route that takes a bearer token.
pub(crate) const ROUTES: &[Route] = &[
    look("GET", "/api/v1/alarms", Right(View)),
    look("GET", "/api/v1/alarms/summary", Right(View)),
    act("POST", "/api/v1/alarms/{id}/acknowledge", Right(Alarms), "alarm.acknowledge"),
    act("POST", "/api/v1/alarms/{id}/shelve", Right(Alarms), "alarm.shelve"),
    act("POST", "/api/v1/alarms/{id}/unshelve", Right(Alarms), "alarm.unshelve"),
    look("GET", "/api/v1/audit", Right(Audit)),
    act("GET", "/api/v1/audit/export", Right(Audit), "audit.export"),
    look("GET", "/api/v1/audit/verify", Right(Audit)),
    look("GET", "/api/v1/basemaps", Right(View)),
    look("GET", "/api/v1/basemaps/{id}/file", Right(View)),
    look("GET", "/api/v1/basemaps/{id}/linked/{link}/{part}", Right(View)),
    look("GET", "/api/v1/basemaps/{id}/style.json", Right(View)),
    look("GET", "/api/v1/basemaps/{id}/tiles/{z}/{x}/{y}", Right(View)),
    look("GET", "/api/v1/commands/{id}", Right(View)),
    act("POST", "/api/v1/commands/{id}/resolve", Right(Settle), "command.resolve"),
    look("GET", "/api/v1/devices", Right(View)),
    look("GET", "/api/v1/devices/{sn}", Right(View)),
    act("POST", "/api/v1/devices/{sn}/authority", Right(Authority), "authority.change"),
    act("POST", "/api/v1/devices/{sn}/commands", ByMethod, "command.create"),
    act("PUT", "/api/v1/devices/{sn}/maintenance", Right(Debugging), "dock.maintenance"),
    look("POST", "/api/v1/devices/{sn}/preflight", Right(View)),
    act("POST", "/api/v1/devices/{sn}/preflight/overrides", Right(Override), "override.give"),
    act(
        "DELETE",
        "/api/v1/devices/{sn}/preflight/overrides/{item}",
        Right(Override),
        "override.withdraw",
    ),
    act("PUT", "/api/v1/devices/{sn}/site", Right(Docks), "device.move"),
    look("GET", "/api/v1/devices/{sn}/track", Right(View)),
    look("GET", "/api/v1/dispatch", Right(View)),
    act("POST", "/api/v1/docks", Right(Docks), "dock.enrol"),
    act("DELETE", "/api/v1/docks/{sn}", Right(Docks), "dock.remove"),
    look("GET", "/api/v1/flights", Right(View)),
    look("GET", "/api/v1/flights/{id}", Right(View)),
    act("GET", "/api/v1/flights/{id}/export", Right(View), "flight.export"),
    look("GET", "/api/v1/flights/{id}/series", Right(View)),
    look("GET", "/api/v1/me", Credential),
    look("GET", "/api/v1/media", Right(View)),
    look("GET", "/api/v1/media/{id}/file", Right(View)),
    look("GET", "/api/v1/media/{id}/thumbnail", Right(View)),
    look("GET", "/api/v1/methods", Right(View)),
    look("GET", "/api/v1/missions", Right(View)),
    act("POST", "/api/v1/missions", Right(Fly), "mission.create"),
    look("GET", "/api/v1/missions/{id}", Right(View)),
    act("POST", "/api/v1/missions/{id}/cancel", Right(Permission::Stop), "mission.cancel"),
    act("POST", "/api/v1/missions/{id}/resolve", Right(Settle), "mission.resolve"),
    act("POST", "/api/v1/missions/{id}/resume", Right(Fly), "mission.resume"),
    look("GET", "/api/v1/openapi.json", Credential),
    look("GET", "/api/v1/people", Right(People)),
    act("PUT", "/api/v1/people/{id}/roles", Right(People), "roles.set"),
    look("GET", "/api/v1/people/{id}/sessions", Right(People)),
    act("DELETE", "/api/v1/people/{id}/sessions/{session}", Right(People), "session.end"),
    look("GET", "/api/v1/schedules", Right(View)),
    act("POST", "/api/v1/schedules", Right(Fly), "schedule.create"),
    look("POST", "/api/v1/schedules/preview", Right(View)),
    look("GET", "/api/v1/schedules/times", Right(View)),
    act("DELETE", "/api/v1/schedules/{id}", Right(Fly), "schedule.remove"),
    look("GET", "/api/v1/schedules/{id}", Right(View)),
    act("PUT", "/api/v1/schedules/{id}", Right(Fly), "schedule.change"),
    act("POST", "/api/v1/schedules/{id}/pause", Right(Permission::Stop), "schedule.pause"),
    act("POST", "/api/v1/schedules/{id}/resume", Right(Fly), "schedule.resume"),
    act("DELETE", "/api/v1/session", Credential, "sign_out"),
    look("GET", "/api/v1/sessions", Credential),
    act("DELETE", "/api/v1/sessions/{session}", Credential, "session.end"),
    look("GET", "/api/v1/sites", Right(View)),
    act("POST", "/api/v1/sites", Right(Docks), "site.create"),
    act("PUT", "/api/v1/sites/{site}", Right(Docks), "site.rename"),
    look("GET", "/api/v1/stream", Right(View)),
    look("GET", "/api/v1/system", Right(View)),
    look("GET", "/api/v1/system/log", Right(View)),
    act("PUT", "/api/v1/system/log", Right(Configure), "log.set"),
    look("GET", "/api/v1/tokens", Credential),
    act("POST", "/api/v1/tokens", Credential, "token.create"),
    act("DELETE", "/api/v1/tokens/{id}", Credential, "token.revoke"),
    look("GET", "/api/v1/traces/{id}", Right(View)),
    look("GET", "/api/v1/waylines", Right(View)),
    act("POST", "/api/v1/waylines", Right(Fly), "wayline.upload"),
    act("POST", "/api/v1/waylines/from-url", Right(Fly), "wayline.fetch"),
    look("GET", "/api/v1/waylines/{id}/findings", Right(View)),
    look("GET", "/api/v1/waylines/{id}/route", Right(View)),
    look("GET", "/auth/v1/admin/users", Right(People)),
    act("POST", "/auth/v1/admin/users", Right(People), "account.create"),
    look("GET", "/auth/v1/admin/users/{id}", Right(People)),
    act("PUT", "/auth/v1/admin/users/{id}", Right(People), "account.change"),
    act("POST", "/auth/v1/logout", Credential, "sign_out"),
    look("GET", "/auth/v1/user", Credential),
    act("PUT", "/auth/v1/user", Credential, "account.change_own"),
    look("GET", "/metrics", Right(System)),
    look("GET", "/readyz", Right(System)),
];

/// The row of a route; nothing for one that nobody declared.
pub(crate) fn route(method: &Method, path: &str) -> Option<&'static Route> {
    // Whoever may get may ask for the head.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    ROUTES.iter().find(|route| route.verb == method && route.path == path)
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
            Principal::Machine(machine) => self.people.machine_may(machine, permission, place),
        }
    }

    /// What a caller sees of the fleet.
    pub(crate) fn scope(&self, caller: &Principal) -> Scope {
        match caller {
            Principal::ApiToken | Principal::Session(_) => Scope::default(),
            Principal::Person(person) => Scope::of(&self.people, person),
            Principal::Machine(machine) => Scope::of_machine(&self.people, machine),
        }
    }

    /// What a caller was given; nothing of those who may everything.
    pub(crate) fn given(&self, caller: &Principal) -> Given {
        match caller {
            Principal::ApiToken | Principal::Session(_) => Given::new(),
            Principal::Person(person) => self.people.memberships(person.id),
            Principal::Machine(Machine(token)) => {
                token.account_id.map(|id| self.people.memberships(id)).unwrap_or_default()
            }
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
                self.people.override_role(person.id, Place::Site(self.people.site_of(sn)))
            }
            Principal::Machine(machine) => {
                let place = Place::Site(self.people.site_of(sn));
                self.people.machine_override_role(machine, place)
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
            ROUTES.iter().map(|route| (route.verb.to_owned(), route.path.to_owned())).collect();
        listed.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        assert_eq!(listed, described);
    }

    #[test]
    fn what_changes_something_asks_for_more_than_looking() {
        // Asking how a flight stands, or when one would be, is looking, though it is a POST.
        let looks = ["/api/v1/devices/{sn}/preflight", "/api/v1/schedules/preview"];
        for Route { verb, path, needs, action } in ROUTES {
            if *verb != "GET" && !looks.contains(path) {
                assert_ne!(*needs, Right(View), "{verb} {path}");
                assert_ne!(*action, "", "{verb} {path} leaves nothing in the audit");
            }
        }
    }

    #[test]
    fn nothing_about_an_aircraft_waits_for_the_audit() {
        for route in ROUTES.iter().filter(|route| !route.action.is_empty()) {
            let roots = [
                "alarm.",
                "authority.",
                "command.",
                "mission.",
                "flight.",
                "override.",
                "schedule.",
                "dock.maintenance",
                "wayline.",
            ];
            let is_of_aircraft = roots.iter().any(|root| route.action.starts_with(root));
            assert_eq!(route.is_of_aircraft(), is_of_aircraft, "{} {}", route.verb, route.path);
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
