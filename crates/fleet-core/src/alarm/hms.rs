//! The device's own health messages (HMS) as alarms.
//!
//! Every report is the whole set of its gateway: what the next one does not name has cleared. A
//! list that is full may have been cut by the device, so that what is missing from it is kept; a
//! report without a list says nothing. The texts are `dji-cloud`'s ([`dji_cloud::hms_text`]); how
//! urgent an alarm is follows the device's own level. An alarm without a text shows its code.

use dji_cloud::{
    envelope::decode_data,
    hms::{Hms, HmsItem, HmsLevel},
    hms_text::{HmsBook, Side, describe},
};
use fleet_types::{
    DeviceSn, Reason,
    alarm::{AlarmSource, Priority},
    topic::DeviceEvent,
};

use super::{Condition, Input, Key};

/// Most alarms in one report: a list this long may have been cut.
pub const LIST_MAX: usize = 20;
/// Longest code kept.
const CODE_MAX: usize = 32;

/// Reads an `hms` event of a dock. `aircraft` is the one that the dock speaks for, where it is known
/// and only one: alarms of an aircraft are about it, else about the dock.
///
/// `None` when the event is no `hms`, or holds no list.
#[must_use]
pub fn read(
    event: &DeviceEvent,
    aircraft: Option<&DeviceSn>,
    book: Option<&HmsBook>,
) -> Option<Input> {
    if event.method != "hms" {
        return None;
    }
    let data = serde_json::value::to_raw_value(&event.data).ok()?;
    let list = decode_data::<Hms>(Some(&data)).ok()?.list?;
    let is_whole = list.len() < LIST_MAX;
    let conditions = list
        .iter()
        .take(LIST_MAX)
        .filter_map(|item| condition(item, &event.sn, aircraft, book))
        .collect();
    Some(Input::Set { source: AlarmSource::Hms, by: event.sn.clone(), conditions, is_whole })
}

fn condition(
    item: &HmsItem,
    gateway: &DeviceSn,
    aircraft: Option<&DeviceSn>,
    book: Option<&HmsBook>,
) -> Option<Condition> {
    let code = item.code.as_deref().filter(|code| !code.is_empty() && code.len() <= CODE_MAX)?;
    let about = match item.device_type.as_deref().and_then(Side::of) {
        Some(Side::Aircraft) => aircraft.unwrap_or(gateway),
        Some(Side::Dock) | None => gateway,
    };
    let args = item.args.as_ref();
    let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    let component = number(args.and_then(|args| args.component_index));
    let sensor = number(args.and_then(|args| args.sensor_index));
    let key = Key {
        source: AlarmSource::Hms,
        by: Some(gateway.clone()),
        about: Some(about.clone()),
        code: code.to_owned(),
        instance: format!("{component}/{sensor}"),
    };
    Some(Condition {
        key,
        alarm_id: None,
        priority: priority(item.level),
        reason: reason(code, item, book),
        cause: format!("hms {code}"),
        latching: false,
    })
}

/// By the device's level. One that tells none, or one that we do not know, is not taken lightly.
fn priority(level: Option<HmsLevel>) -> Priority {
    match level {
        Some(HmsLevel::Notification) => Priority::Low,
        Some(HmsLevel::Reminder) | None => Priority::Medium,
        Some(HmsLevel::Warning | HmsLevel::Other(_)) => Priority::High,
    }
}

fn reason(code: &str, item: &HmsItem, book: Option<&HmsBook>) -> Reason {
    let text = describe(item, book);
    let (en, ko) = text.map_or((None, None), |text| (text.en, text.ko));
    let en = en.unwrap_or_else(|| {
        format!("The device reports {code}; no text for this code is known. Look it up at DJI.")
    });
    let ko = ko.unwrap_or_else(|| {
        format!("장비가 {code} 경보를 보냈습니다. 이 코드의 설명이 없으니 DJI에서 찾아보십시오.")
    });
    let mut reason = Reason::new("hms", format!("{en} ({code})"));
    reason.message_ko = Some(format!("{ko} ({code})").into());
    reason
}
