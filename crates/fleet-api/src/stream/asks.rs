//! What a client may say: which positions it wants, and whose whole telemetry. Nothing else.

use std::collections::BTreeSet;

use fleet_types::{DeviceClass, DeviceSn};
use serde::Deserialize;

use crate::{
    hub::{Bbox, Wanted},
    people::scope::Scope,
};

const MAX_SUBSCRIPTIONS: usize = 16;
/// Serial numbers in one list of a view.
const MAX_LISTED: usize = 200;

/// A message of a client, as far as it was understood.
#[derive(Debug)]
pub(super) enum Ask {
    Subscribe(BTreeSet<DeviceSn>),
    /// What is to be seen, and of whom the JSON summary is wanted.
    View(Wanted, BTreeSet<DeviceSn>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Subscribe {
        sns: Vec<DeviceSn>,
    },
    View {
        #[serde(default)]
        id: u16,
        #[serde(default)]
        bbox: Option<[f64; 4]>,
        #[serde(default)]
        classes: Option<Vec<DeviceClass>>,
        #[serde(default)]
        sns: Vec<DeviceSn>,
        #[serde(default)]
        osd: Vec<DeviceSn>,
    },
}

/// Reads a message. The error is the reason with which the connection is closed.
pub(super) fn read(text: &str, positions: bool) -> Result<Ask, &'static str> {
    match serde_json::from_str(text) {
        Ok(Said::Subscribe { sns }) => {
            let sns: BTreeSet<_> = sns.into_iter().collect();
            if sns.len() > MAX_SUBSCRIPTIONS {
                return Err("at most 16 devices may be subscribed");
            }
            Ok(Ask::Subscribe(sns))
        }
        Ok(Said::View { id, bbox, classes, sns, osd }) if positions => {
            if sns.len() > MAX_LISTED || osd.len() > MAX_LISTED {
                return Err("at most 200 devices may be listed in a view");
            }
            let bbox = match bbox {
                None => None,
                Some(edges) => Some(Bbox::new(edges).ok_or("bbox is west, south, east, north")?),
            };
            let sns = sns.into_iter().collect();
            let scope = Scope::default();
            Ok(Ask::View(Wanted { id, bbox, classes, sns, scope }, osd.into_iter().collect()))
        }
        Ok(Said::View { .. }) => Err("views need the subprotocol gwanje.v2"),
        Err(_) => Err("message not understood"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_documented_is_understood() {
        let check = |text: &str, error: Option<&str>| {
            assert_eq!(read(text, true).err(), error, "{text}");
        };
        check(r#"{"type":"view"}"#, None);
        check(r#"{"type":"view","id":65535,"bbox":null,"classes":["dock","robot"]}"#, None);
        check(r#"{"type":"view","bbox":[170,-10,-170,10],"sns":["A"],"osd":["B"]}"#, None);
        check(r#"{"type":"subscribe","sns":["A"]}"#, None);
        check(r#"{"type":"view","bbox":[0,10,0,-10]}"#, Some("bbox is west, south, east, north"));
        let unknown = Some("message not understood");
        check(r#"{"type":"view","bbox":[0,1,2]}"#, unknown);
        check(r#"{"type":"view","id":65536}"#, unknown);
        check(r#"{"type":"view","classes":["ship"]}"#, unknown);
        check(r#"{"type":"view","sns":["a/b"]}"#, unknown);
        check(r#"{"type":"view","colour":"red"}"#, unknown);
        check(r#"{"type":"command","method":"cover_open"}"#, unknown);
        check("what", unknown);
        let many: Vec<String> = (0..201).map(|n| format!("SIM{n}")).collect();
        let many = serde_json::json!({"type": "view", "osd": many}).to_string();
        check(&many, Some("at most 200 devices may be listed in a view"));
        let old = read(r#"{"type":"view"}"#, false).err();
        assert_eq!(old, Some("views need the subprotocol gwanje.v2"));
    }
}
