//! Brings an accounts file that the plugin has kept up to date with what is written today.

use std::collections::BTreeSet;

use dji_cloud::topic::Topic;
use fleet_types::DeviceSn;
use serde_json::{Value, json};

use super::{AircraftDocks, TOWER_ROLE, default_access};
use crate::dynsec::{dock_acls, dock_role, tower_acls};

/// An accounts file in today's form, and the aircraft whose rights it held. `None` when the text is
/// none, or nothing changes. Accounts and passwords stay as they are; so does what is not ours.
/// Only for while the broker does not run: the plugin would write its own over it.
#[must_use]
pub fn renew_accounts(text: &str) -> Option<(String, AircraftDocks)> {
    let mut file: Value = serde_json::from_str(text).ok()?;
    let before = file.clone();
    let names: BTreeSet<DeviceSn> = file
        .get("clients")?
        .as_array()?
        .iter()
        .filter_map(|client| DeviceSn::new(client.get("username")?.as_str()?).ok())
        .collect();
    let mut docks = AircraftDocks::default();
    for role in file.get_mut("roles")?.as_array_mut()? {
        let name = role.get("rolename").and_then(Value::as_str).unwrap_or_default();
        let acls = if name == TOWER_ROLE {
            tower_acls()
        } else if let Some(dock) = names.iter().find(|dock| dock_role(dock) == name) {
            docks.pair(dock, &aircraft(role, dock));
            dock_acls(dock)
        } else {
            continue;
        };
        if let Some(role) = role.as_object_mut() {
            role.insert("acls".to_owned(), json!(acls.iter().map(kept).collect::<Vec<_>>()));
        }
    }
    file.as_object_mut()?.insert("defaultACLAccess".to_owned(), default_access());
    (file != before).then(|| (file.to_string(), docks))
}

/// As the plugin writes it, with the priority that it adds.
fn kept(acl: &crate::dynsec::Acl) -> Value {
    json!({ "acltype": acl.kind, "topic": acl.topic, "priority": 0, "allow": acl.allow })
}

fn aircraft(role: &Value, dock: &DeviceSn) -> Vec<DeviceSn> {
    let acls = role.get("acls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    acls.iter()
        .filter(|acl| acl.get("acltype").and_then(Value::as_str) == Some("publishClientSend"))
        .filter_map(|acl| Topic::parse(acl.get("topic")?.as_str()?))
        .filter_map(|topic| DeviceSn::new(topic.sn).ok())
        .filter(|sn| sn != dock)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_rights_move_to_the_access_file_and_passwords_stay() {
        let topic =
            |name: &str| json!({"acltype": "publishClientSend", "topic": name, "allow": true});
        let old = json!({
            "defaultACLAccess": { "publishClientSend": false, "publishClientReceive": true },
            "clients": [
                { "username": "gwanje-tower", "password": "t", "roles": [{"rolename": "tower"}] },
                { "username": "D1", "password": "p", "roles": [{ "rolename": "dock-D1" }] },
                { "username": "mine", "password": "m", "roles": [{ "rolename": "mine" }] },
            ],
            "roles": [
                { "rolename": "tower", "acls": [] },
                { "rolename": "dock-D1", "acls": [
                    topic("thing/product/D1/osd"), topic("thing/product/A1/osd"),
                ] },
                { "rolename": "mine", "acls": [topic("#")] },
            ],
        });
        let (text, docks) = renew_accounts(&old.to_string()).unwrap();
        let sn = |text: &str| DeviceSn::new(text).unwrap();
        assert_eq!(docks.dock_of(&sn("A1")), Some(&sn("D1")));
        let new: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(new["defaultACLAccess"]["publishClientReceive"], false);
        assert_eq!(new["clients"], old["clients"]);
        assert_eq!(new["roles"][2], old["roles"][2]);
        assert!(!new["roles"][1].to_string().contains("A1"));
        assert!(new["roles"][0].to_string().contains("dynamic-security"));
        assert_eq!(renew_accounts(&text), None, "nothing is left to do");
        for garbage in ["", "{}", "[]", "{\"clients\":[],\"roles\":3}"] {
            assert_eq!(renew_accounts(garbage), None);
        }
    }
}
