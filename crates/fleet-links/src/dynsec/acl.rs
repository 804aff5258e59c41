//! Who may publish and subscribe to what: the same lists for the first file and for run time.

use dji_cloud::topic::{Topic, TopicKind};
use fleet_types::DeviceSn;
use serde::{Deserialize, Serialize};

/// What an entry is about, in the plugin's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AclKind {
    /// The client publishes.
    PublishClientSend,
    /// The broker delivers to the client.
    PublishClientReceive,
    /// The client subscribes to exactly this filter.
    SubscribeLiteral,
    /// The client subscribes to anything inside this filter.
    SubscribePattern,
    /// The client takes back anything inside this filter.
    UnsubscribePattern,
}

/// One entry of a role; everything not listed is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acl {
    /// What it is about.
    #[serde(rename = "acltype")]
    pub kind: AclKind,
    /// Topic or filter.
    pub topic: String,
    /// Whether it allows or denies.
    pub allow: bool,
}

impl Acl {
    fn allow(kind: AclKind, topic: impl Into<String>) -> Self {
        Self { kind, topic: topic.into(), allow: true }
    }

    fn deny(kind: AclKind, topic: impl Into<String>) -> Self {
        Self { kind, topic: topic.into(), allow: false }
    }
}

/// Role of a dock.
#[must_use]
pub fn dock_role(dock: &DeviceSn) -> String {
    format!("dock-{dock}")
}

/// What every dock may: publish on its own gateway topics, subscribe to and get what is meant for
/// it. The access file beside the plugin allows every subscription that the plugin does not deny,
/// so the plugin denies them; exact filters go before patterns.
#[must_use]
pub fn dock_acls(dock: &DeviceSn) -> Vec<Acl> {
    let mut acls = Vec::new();
    for kind in TopicKind::ALL {
        let Some(topic) = Topic::new(*kind, dock.as_str()).map(|topic| topic.to_string()) else {
            continue;
        };
        if kind.is_up() {
            acls.push(Acl::allow(AclKind::PublishClientSend, topic));
        } else {
            acls.push(Acl::allow(AclKind::SubscribeLiteral, topic.clone()));
            acls.push(Acl::allow(AclKind::PublishClientReceive, topic));
        }
    }
    acls.extend(nothing_else());
    acls
}

/// What the login of one session of direct control may: say and hear that, and nothing else.
#[must_use]
pub fn direct_control_acls(dock: &DeviceSn) -> Vec<Acl> {
    let topic = |kind| Topic::new(kind, dock.as_str()).map(|topic| topic.to_string());
    let up = topic(TopicKind::DrcUp).map(|up| vec![Acl::allow(AclKind::PublishClientSend, up)]);
    let down = topic(TopicKind::DrcDown).map(|down| {
        vec![
            Acl::allow(AclKind::SubscribeLiteral, down.clone()),
            Acl::allow(AclKind::PublishClientReceive, down),
        ]
    });
    let own = [up, down].into_iter().flatten().flatten();
    own.chain(nothing_else()).collect()
}

fn nothing_else() -> impl Iterator<Item = Acl> {
    let everything = ["#", "$SYS/#", "$CONTROL/#", "$share/#"];
    everything.into_iter().map(|filter| Acl::deny(AclKind::SubscribePattern, filter))
}

/// What a dock may publish for one of its aircraft.
#[must_use]
pub fn aircraft_acls(aircraft: &DeviceSn) -> Vec<Acl> {
    [TopicKind::Osd, TopicKind::State]
        .into_iter()
        .filter_map(|kind| Topic::new(kind, aircraft.as_str()))
        .map(|topic| Acl::allow(AclKind::PublishClientSend, topic.to_string()))
        .collect()
}

/// What the tower may: everything, the administration and the statistics included (`#` alone
/// leaves out topics that begin with `$`).
#[must_use]
pub fn tower_acls() -> Vec<Acl> {
    let kinds = [
        AclKind::PublishClientSend,
        AclKind::PublishClientReceive,
        AclKind::SubscribePattern,
        AclKind::UnsubscribePattern,
    ];
    let mut acls = Vec::new();
    for kind in kinds {
        acls.push(Acl::allow(kind, "#"));
        acls.push(Acl::allow(kind, "$CONTROL/dynamic-security/#"));
        if kind != AclKind::PublishClientSend {
            acls.push(Acl::allow(kind, "$SYS/#"));
        }
    }
    acls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dock_speaks_only_for_itself() {
        let acls = dock_acls(&DeviceSn::new("D1").unwrap());
        let topics = |kind| -> Vec<_> {
            acls.iter().filter(|acl| acl.kind == kind).map(|acl| acl.topic.as_str()).collect()
        };
        assert_eq!(
            topics(AclKind::PublishClientSend),
            [
                "sys/product/D1/status",
                "thing/product/D1/osd",
                "thing/product/D1/state",
                "thing/product/D1/services_reply",
                "thing/product/D1/events",
                "thing/product/D1/requests",
                "thing/product/D1/property/set_reply",
                "thing/product/D1/drc/up",
            ]
        );
        assert_eq!(
            topics(AclKind::SubscribeLiteral),
            [
                "sys/product/D1/status_reply",
                "thing/product/D1/services",
                "thing/product/D1/events_reply",
                "thing/product/D1/requests_reply",
                "thing/product/D1/property/set",
                "thing/product/D1/drc/down",
            ]
        );
        assert_eq!(topics(AclKind::PublishClientReceive), topics(AclKind::SubscribeLiteral));
        assert_eq!(
            topics(AclKind::SubscribePattern),
            ["#", "$SYS/#", "$CONTROL/#", "$share/#"],
            "what is not allowed above is denied here"
        );
        assert!(acls.iter().all(|acl| acl.allow == (acl.kind != AclKind::SubscribePattern)));
    }

    #[test]
    fn entries_are_in_the_plugins_words() {
        let json = serde_json::to_string(&aircraft_acls(&DeviceSn::new("A1").unwrap())).unwrap();
        assert_eq!(
            json,
            r#"[{"acltype":"publishClientSend","topic":"thing/product/A1/osd","allow":true},{"acltype":"publishClientSend","topic":"thing/product/A1/state","allow":true}]"#
        );
    }
}
