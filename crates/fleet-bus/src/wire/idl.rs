//! The IDL of the wire, from the types themselves.
//!
//! `docs/idl/gwanje.idl` is what [`text`] gives; a test compares them (`UPDATE_IDL=1` writes it). So
//! what other programs are told and what is on the wire cannot differ.

use std::fmt::Write as _;

use dust_dds::xtypes::{
    dynamic_type::{DynamicType, TypeKind},
    type_support::Type,
};

use super::views::{
    AlarmStatus, BatteryState, Command, CommandStatus, DeviceState, DeviceTelemetry,
    DeviceTopology, Docs, FromApi, FromLink, Header, MissionStatus, NavSatFix, NavSatStatus, Offer,
    Time, View,
};

const HEAD: &str = "\
// Topics of Gwanje for other DDS programs; generated from the Rust types, do not edit.
// Topic and type names follow ROS 2: it shows rt/gwanje/fix as /gwanje/fix. All types are final, in
// XCDR 1. How to read them: docs/dds.md.
";

/// The whole file.
#[must_use]
pub fn text() -> String {
    let mut out = HEAD.to_owned();
    nested::<Time>(&mut out, Time::TEXTS);
    nested::<Header>(&mut out, Header::TEXTS);
    nested::<NavSatStatus>(&mut out, NavSatStatus::TEXTS);
    topic::<NavSatFix>(&mut out);
    topic::<BatteryState>(&mut out);
    topic::<DeviceTelemetry>(&mut out);
    topic::<DeviceState>(&mut out);
    topic::<DeviceTopology>(&mut out);
    topic::<AlarmStatus>(&mut out);
    topic::<MissionStatus>(&mut out);
    topic::<CommandStatus>(&mut out);
    topic::<Command>(&mut out);
    topic::<FromLink>(&mut out);
    topic::<FromApi>(&mut out);
    out
}

fn topic<V: View>(out: &mut String) {
    let offer = match V::OFFER {
        Offer::Telemetry => "best effort, keep last 1",
        Offer::State => "reliable, transient local, keep last 1",
        Offer::Changes => "reliable, transient local, keep last 64",
        Offer::Frames => "best effort, keep last 256",
    };
    let _ = write!(out, "\n// Topic {} ({offer})", V::TOPIC);
    structure(out, &V::TYPE, V::DOCS, "");
}

fn nested<T: Type>(out: &mut String, docs: Docs) {
    structure(out, &T::TYPE, docs, "@nested ");
}

/// One structure inside its modules; a module may be opened again.
fn structure(out: &mut String, of: &DynamicType<'_>, docs: Docs, mark: &str) {
    let mut modules: Vec<&str> = of.get_name().split("::").collect();
    let name = modules.pop().unwrap_or_default();
    out.push('\n');
    let opened: Vec<_> = modules.iter().map(|module| format!("module {module} {{")).collect();
    let _ = writeln!(out, "{}", opened.join(" "));
    for line in docs.about {
        let _ = writeln!(out, "  //{line}");
    }
    let _ = writeln!(out, "  {mark}@final struct {name} {{");
    for member in of.member_list {
        let member = &member.descriptor;
        let texts = docs.members.iter().find(|(name, _)| *name == member.name);
        for line in texts.map_or(&[][..], |(_, lines)| lines) {
            let _ = writeln!(out, "    //{line}");
        }
        let key = if member.is_key { "@key " } else { "" };
        let (element, array) = spelled(&member.r#type);
        let _ = writeln!(out, "    {key}{element} {}{array};", member.name);
    }
    let _ = writeln!(out, "  }};\n{}", "}; ".repeat(modules.len()).trim_end());
}

/// A type as IDL spells it, and what follows the name of a member.
fn spelled(of: &DynamicType<'_>) -> (String, String) {
    let plain = |name: &str| (name.to_owned(), String::new());
    let element = || of.descriptor.element_type.as_ref().map_or_else(|| plain("octet"), spelled).0;
    match of.get_kind() {
        TypeKind::BOOLEAN => plain("boolean"),
        TypeKind::BYTE => plain("octet"),
        TypeKind::INT8 => plain("int8"),
        TypeKind::UINT8 => plain("uint8"),
        TypeKind::INT16 => plain("short"),
        TypeKind::UINT16 => plain("unsigned short"),
        TypeKind::INT32 => plain("long"),
        TypeKind::UINT32 => plain("unsigned long"),
        TypeKind::INT64 => plain("long long"),
        TypeKind::UINT64 => plain("unsigned long long"),
        TypeKind::FLOAT32 => plain("float"),
        TypeKind::FLOAT64 => plain("double"),
        TypeKind::STRING8 => plain("string"),
        TypeKind::STRUCTURE => plain(of.get_name()),
        TypeKind::SEQUENCE => (format!("sequence<{}>", element()), String::new()),
        TypeKind::ARRAY => {
            let bounds: String =
                of.descriptor.bound.iter().map(|bound| format!("[{bound}]")).collect();
            (element(), bounds)
        }
        // No type of ours has these; the test of the file would show the name.
        kind @ (TypeKind::NONE
        | TypeKind::FLOAT128
        | TypeKind::CHAR8
        | TypeKind::CHAR16
        | TypeKind::STRING16
        | TypeKind::ALIAS
        | TypeKind::ENUM
        | TypeKind::BITMASK
        | TypeKind::ANNOTATION
        | TypeKind::UNION
        | TypeKind::BITSET
        | TypeKind::MAP) => (format!("{kind:?}"), String::new()),
    }
}
