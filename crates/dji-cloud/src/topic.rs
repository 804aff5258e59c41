//! MQTT topics of the Cloud API: parse and build.
//!
//! It refuses every topic that is not documented, and every serial number that could smuggle a
//! wildcard or a level separator into a topic or an ACL. Source: `topic-definition` page of the
//! Cloud API documentation. Next: [`crate::envelope`].

use core::fmt;

/// Longest serial number accepted, in bytes. DJI's are 14 to 20 characters.
pub const SN_MAX_LEN: usize = 64;

macro_rules! topic_kinds {
    ($($(#[$meta:meta])* $kind:ident = $root:literal, $tail:literal;)*) => {
        /// What a topic carries. The name follows the last level of the topic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TopicKind { $($(#[$meta])* $kind,)* }

        impl TopicKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [TopicKind] = &[$(TopicKind::$kind,)*];

            /// The levels before the serial number, with the trailing slash.
            #[must_use]
            pub const fn root(self) -> &'static str {
                match self { $(TopicKind::$kind => $root,)* }
            }

            /// The levels after the serial number, without a leading slash.
            #[must_use]
            pub const fn tail(self) -> &'static str {
                match self { $(TopicKind::$kind => $tail,)* }
            }
        }
    };
}

topic_kinds! {
    /// Device to cloud: topology (`update_topo`).
    Status = "sys/product/", "status";
    /// Cloud to device: answer to a topology message.
    StatusReply = "sys/product/", "status_reply";
    /// Device to cloud: telemetry at a fixed rate, partial. The SN is the device's own.
    Osd = "thing/product/", "osd";
    /// Device to cloud: properties sent on change, partial. The SN is the device's own.
    State = "thing/product/", "state";
    /// Cloud to device: service call.
    Services = "thing/product/", "services";
    /// Device to cloud: answer to a service call.
    ServicesReply = "thing/product/", "services_reply";
    /// Device to cloud: events and job progress.
    Events = "thing/product/", "events";
    /// Cloud to device: answer to an event that asked for one.
    EventsReply = "thing/product/", "events_reply";
    /// Device to cloud: the device asks the cloud for something.
    Requests = "thing/product/", "requests";
    /// Cloud to device: answer to a request.
    RequestsReply = "thing/product/", "requests_reply";
    /// Cloud to device: set one property leaf.
    PropertySet = "thing/product/", "property/set";
    /// Device to cloud: answer to a property set.
    PropertySetReply = "thing/product/", "property/set_reply";
    /// Device to cloud on the direct-control link.
    DrcUp = "thing/product/", "drc/up";
    /// Cloud to device on the direct-control link.
    DrcDown = "thing/product/", "drc/down";
}

impl TopicKind {
    /// Whether devices publish on it (and the cloud subscribes).
    #[must_use]
    pub const fn is_up(self) -> bool {
        match self {
            Self::Status
            | Self::Osd
            | Self::State
            | Self::ServicesReply
            | Self::Events
            | Self::Requests
            | Self::PropertySetReply
            | Self::DrcUp => true,
            Self::StatusReply
            | Self::Services
            | Self::EventsReply
            | Self::RequestsReply
            | Self::PropertySet
            | Self::DrcDown => false,
        }
    }

    /// The topic filter that matches this kind for every device, e.g. `thing/product/+/osd`.
    #[must_use]
    pub fn filter(self) -> String {
        format!("{}+/{}", self.root(), self.tail())
    }
}

/// A topic: a kind and the serial number in it (a gateway's, for `osd` and `state` any device's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic<'a> {
    /// What the topic carries.
    pub kind: TopicKind,
    /// Serial number, 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub sn: &'a str,
}

impl<'a> Topic<'a> {
    /// A topic for a serial number; `None` when the number could not stand in a topic.
    #[must_use]
    pub fn new(kind: TopicKind, sn: &'a str) -> Option<Self> {
        is_valid_sn(sn).then_some(Self { kind, sn })
    }

    /// Reads a topic name. `None` for anything the documentation does not list.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        let (is_sys, rest) = match topic.strip_prefix("thing/product/") {
            Some(rest) => (false, rest),
            None => (true, topic.strip_prefix("sys/product/")?),
        };
        let (sn, tail) = rest.split_once('/')?;
        let kind = match (is_sys, tail) {
            (false, "osd") => TopicKind::Osd,
            (false, "state") => TopicKind::State,
            (false, "events") => TopicKind::Events,
            (false, "services_reply") => TopicKind::ServicesReply,
            (false, "requests") => TopicKind::Requests,
            (false, "property/set_reply") => TopicKind::PropertySetReply,
            (false, "drc/up") => TopicKind::DrcUp,
            (false, "services") => TopicKind::Services,
            (false, "events_reply") => TopicKind::EventsReply,
            (false, "requests_reply") => TopicKind::RequestsReply,
            (false, "property/set") => TopicKind::PropertySet,
            (false, "drc/down") => TopicKind::DrcDown,
            (true, "status") => TopicKind::Status,
            (true, "status_reply") => TopicKind::StatusReply,
            (_, _) => return None,
        };
        Self::new(kind, sn)
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", self.kind.root(), self.sn, self.kind.tail())
    }
}

/// Whether a serial number may stand in a topic: 1 to 64 characters of `[A-Za-z0-9_-]`.
#[must_use]
pub fn is_valid_sn(sn: &str) -> bool {
    (1..=SN_MAX_LEN).contains(&sn.len())
        && sn.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_there_and_back() {
        for &kind in TopicKind::ALL {
            let name = Topic::new(kind, "4TADK1234-x_0").unwrap().to_string();
            assert_eq!(Topic::parse(&name), Some(Topic { kind, sn: "4TADK1234-x_0" }), "{name}");
        }
        assert_eq!(TopicKind::ALL.len(), 14);
        assert_eq!(TopicKind::PropertySet.filter(), "thing/product/+/property/set");
    }

    #[test]
    fn refuses_what_is_not_documented() {
        let long = format!("thing/product/{}/osd", "a".repeat(65));
        for topic in [
            "",
            "/",
            "thing/product//osd",
            "thing/product/+/osd",
            "thing/product/#",
            "thing/product/A B/osd",
            "thing/product/A/osd/",
            "thing/product/A/osd/x",
            "thing/product/A/OSD",
            "thing/product/A/B/osd",
            "thing/product/A/status",
            "sys/product/A/osd",
            "/thing/product/A/osd",
            "thing/product/\u{ac00}/osd",
            "thing/product/A\0/osd",
            long.as_str(),
        ] {
            assert_eq!(Topic::parse(topic), None, "{topic}");
        }
    }
}
