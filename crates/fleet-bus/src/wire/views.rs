//! What foreign participants see: the IDL types, and what each is made of.
//!
//! They are views: a reader anywhere can follow the fleet, nobody can command it through them. The
//! texts here are the comments of `docs/idl/gwanje.idl`, which is generated ([`super::idl`]); member
//! order and names are the wire format. Values that are not known are NaN, -1 or empty. Read next:
//! [`View`], [`Published`].

use dust_dds::infrastructure::type_support::DdsType;
use dust_dds::xtypes::type_support::{Type, TypeSupport};
use fleet_types::{
    AlarmStatus as AlarmSample, CommandStatus as CommandSample, DeviceClass, DeviceStatus,
    MissionStatus as MissionSample, Reason,
    topic::{DeviceOsd, DeviceTopology as TopologySample, Topic},
};
use serde::{Deserialize, Serialize};

pub use super::places::Places;
use super::places::{number, whole};

/// How a view is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The newest report of each device, best effort.
    Telemetry,
    /// The newest state of each key, reliable; a reader that comes late gets all of them.
    State,
    /// Every change, reliable; a reader that comes late gets what is still going on.
    Changes,
    /// Between the processes of one tower; numbered by themselves, best effort.
    Frames,
}

/// A type of the wire.
pub trait View: TypeSupport + Serialize + Clone + Send + Sync + 'static {
    /// Topic name in DDS; ROS 2 calls it what follows `rt`.
    const TOPIC: &'static str;
    /// Type name in DDS.
    const TYPE_NAME: &'static str;
    /// How it is offered.
    const OFFER: Offer;
    /// What it is, and what each member is.
    const DOCS: Docs;
    /// Device a sample is about, empty where there is none.
    fn sn(&self) -> &str;
}

/// Texts of a type: itself, then its members by name.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// Of the type.
    pub about: &'static [&'static str],
    /// Of each member.
    pub members: &'static [(&'static str, &'static [&'static str])],
}

/// A view that is made of a bus topic.
pub trait Published: View {
    /// The topic.
    type Sample: Topic;
    /// The view of one sample, where there is something to see.
    fn of(sample: &Self::Sample, places: &mut Places) -> Option<Self>;
    /// [`Offer::Changes`]: what the sample is about and whether that still goes on.
    fn going_on(_sample: &Self::Sample) -> Option<(String, bool)> {
        None
    }
}

macro_rules! types {
    ($(
        $(#[doc = $about:literal])+
        $name:ident = $type_name:literal {$(
            $(#[doc = $doc:literal])+
            $(@$key:ident)? $member:ident: $type:ty,
        )+}
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, DdsType)]
        #[dust_dds(name = $type_name, extensibility = "final")]
        pub struct $name {$(
            $(#[doc = $doc])+
            $(#[dust_dds($key)])?
            pub $member: $type,
        )+}

        impl $name {
            pub(super) const TEXTS: Docs = Docs {
                about: &[$($about),+],
                members: &[$((stringify!($member), &[$($doc),+])),+],
            };
        }
    )+};
}

types! {
    /// Where a device is, how it moves and what it has left. Best effort, the newest of each device.
    DeviceTelemetry = "gwanje::msg::dds_::DeviceTelemetry_" {
        /// Serial number.
        @key sn: String,
        /// The dock it is heard through; a dock: itself.
        gateway_sn: String,
        /// `dock`, `aircraft` or `robot`.
        device_class: String,
        /// Receipt of the newest report by the tower, milliseconds since 1970.
        received_ms: i64,
        /// Reports merged since the tower started.
        report_count: u64,
        /// Mode by the device's own code (DJI `mode_code`); -1 when not known.
        mode_code: i32,
        /// Degrees, WGS 84; NaN when not known.
        latitude_deg: f64,
        /// Degrees, WGS 84; NaN when not known.
        longitude_deg: f64,
        /// Height over the ellipsoid, metres; NaN when not known.
        height_m: f64,
        /// Height over the take-off point, metres; NaN when not known, as with docks.
        elevation_m: f64,
        /// Heading, degrees from north, clockwise; NaN when not known.
        heading_deg: f64,
        /// Pitch, degrees; NaN when not known.
        pitch_deg: f64,
        /// Roll, degrees; NaN when not known.
        roll_deg: f64,
        /// Metres a second; NaN when not known.
        horizontal_speed_mps: f64,
        /// Metres a second, up is positive; NaN when not known.
        vertical_speed_mps: f64,
        /// Battery, percent (a dock: of the aircraft in it); NaN when not known.
        battery_percent: f64,
        /// Wind, metres a second; NaN when not known.
        wind_speed_mps: f64,
        /// Satellites in use; -1 when not known.
        satellites: i32,
    }

    /// Everything but telemetry about one device. A reader that comes late gets all of them.
    DeviceState = "gwanje::msg::dds_::DeviceState_" {
        /// Serial number.
        @key sn: String,
        /// `dock`, `aircraft` or `robot`.
        device_class: String,
        /// Name given by people.
        name: String,
        /// Model in words, empty until known.
        model: String,
        /// The dock an aircraft is heard through.
        gateway_sn: String,
        /// `never_seen`, `bringing_up`, `online`, `stale` or `offline`.
        connection: String,
        /// What it is doing: `idle`, `flying_mission`, `returning`, ….
        activity: String,
        /// Why it is not simply online: a stable code, empty when there is nothing to say.
        reason_code: String,
        /// The same in words.
        reason_text: String,
        /// Since when `connection` is what it is, milliseconds since 1970.
        since_ms: i64,
        /// When it was heard last, milliseconds since 1970; -1 when never.
        last_heard_ms: i64,
        /// Firmware, empty until known.
        firmware: String,
        /// Mission under way, empty when none.
        mission_id: String,
        /// Whether new flights are refused until an unknown outcome is settled.
        flight_locked: bool,
    }

    /// Which aircraft a dock speaks for. A reader that comes late gets all of them.
    DeviceTopology = "gwanje::msg::dds_::DeviceTopology_" {
        /// Dock.
        @key gateway_sn: String,
        /// Its aircraft.
        children: Vec<String>,
        /// When it said so, milliseconds since 1970.
        received_ms: i64,
    }

    /// An alarm, at every change. A reader that comes late gets those that are not over.
    AlarmStatus = "gwanje::msg::dds_::AlarmStatus_" {
        /// Identity: raised again it is the same alarm.
        alarm_id: String,
        /// Device concerned, empty for the tower itself.
        sn: String,
        /// `hms`, `fault`, `rule` or `tower`.
        source: String,
        /// `high`, `medium` or `low`.
        priority: String,
        /// `raised`, `acknowledged`, `cleared_unacknowledged`, …, `cleared`.
        state: String,
        /// Why, a stable code.
        reason_code: String,
        /// The same in words: what, why and what to do.
        reason_text: String,
        /// When its condition came up last, milliseconds since 1970.
        raised_ms: i64,
        /// When its condition went, milliseconds since 1970; -1 while it holds.
        cleared_ms: i64,
    }

    /// A mission, at every change. A reader that comes late gets those that are under way.
    MissionStatus = "gwanje::msg::dds_::MissionStatus_" {
        /// Identity.
        mission_id: String,
        /// Dock.
        sn: String,
        /// Name of the wayline file.
        wayline_name: String,
        /// `scheduled`, `preparing`, `executing`, …, `unknown`, `ended`.
        state: String,
        /// How it ended: `ok`, `failed`, …; empty before.
        verdict: String,
        /// Why, a stable code; empty when there is nothing to say.
        reason_code: String,
        /// The same in words.
        reason_text: String,
        /// 0 to 100; -1 when not known.
        percent: i32,
        /// Waypoint reached, from 0; -1 when not known.
        waypoint_index: i32,
        /// Waypoints in the file.
        waypoint_count: u32,
        /// When it was taken, milliseconds since 1970.
        accepted_ms: i64,
        /// When it ended, milliseconds since 1970; -1 before.
        ended_ms: i64,
    }

    /// A command and what became of it, at every change. A reader that comes late gets those that
    /// are under way or `unknown`.
    CommandStatus = "gwanje::msg::dds_::CommandStatus_" {
        /// Identity.
        command_id: String,
        /// Dock.
        sn: String,
        /// DJI method.
        method: String,
        /// Mission it belongs to, empty when none.
        mission_id: String,
        /// Who asked.
        issued_by: String,
        /// `accepted`, `journaled`, `sent`, `acknowledged`, `succeeded`, …, `unknown`.
        state: String,
        /// `ok`, `rejected`, `failed`, …; empty while under way.
        response_code: String,
        /// Why, a stable code; empty when there is nothing to say.
        reason_code: String,
        /// The same in words.
        reason_text: String,
        /// 0 to 100; -1 when not known.
        percent: i32,
        /// When it was taken, milliseconds since 1970.
        accepted_ms: i64,
        /// After this it is not sent any more, milliseconds since 1970.
        expires_ms: i64,
    }

    /// What would be a command. Gwanje reads this topic only to refuse and alarm what is written to
    /// it: commands are given through the API. See docs/dds.md.
    Command = "gwanje::msg::dds_::Command_" {
        /// Dock.
        sn: String,
        /// DJI method.
        method: String,
        /// DJI data, JSON.
        data: String,
    }

    /// What the process of a tower that owns the docks tells the others. Sealed: for nobody else.
    FromLink = "gwanje::msg::dds_::FromLink_" {
        /// Form of the frame.
        version: u32,
        /// The process, by a name that no other start has.
        sender: String,
        /// Frames of this process, from 1.
        sequence: u64,
        /// AES-256-GCM.
        body: Vec<u8>,
    }

    /// What a process of a tower that serves the console tells the one that owns the docks. Sealed: what
    /// anybody else writes here is refused and alarmed.
    FromApi = "gwanje::msg::dds_::FromApi_" {
        /// Form of the frame.
        version: u32,
        /// The process, by a name that no other start has.
        sender: String,
        /// Frames of this process, from 1.
        sequence: u64,
        /// AES-256-GCM.
        body: Vec<u8>,
    }

    /// ROS `builtin_interfaces/Time`.
    Time = "builtin_interfaces::msg::dds_::Time_" {
        /// Seconds since 1970.
        sec: i32,
        /// Nanoseconds of the second.
        nanosec: u32,
    }

    /// ROS `std_msgs/Header`.
    Header = "std_msgs::msg::dds_::Header_" {
        /// Receipt by the tower.
        stamp: Time,
        /// Serial number of the device.
        frame_id: String,
    }

    /// ROS `sensor_msgs/NavSatStatus`.
    NavSatStatus = "sensor_msgs::msg::dds_::NavSatStatus_" {
        /// -1 no fix, 0 fix, 2 fix with RTK.
        status: i8,
        /// 1: GPS; what DJI does not tell apart is not told here.
        service: u16,
    }

    /// ROS `sensor_msgs/NavSatFix`: position of every aircraft and dock, told apart by
    /// `header.frame_id`. Best effort.
    NavSatFix = "sensor_msgs::msg::dds_::NavSatFix_" {
        /// When, and of which device.
        header: Header,
        /// Kind of fix.
        status: NavSatStatus,
        /// Degrees, WGS 84.
        latitude: f64,
        /// Degrees, WGS 84.
        longitude: f64,
        /// Over the ellipsoid, metres; NaN when not known.
        altitude: f64,
        /// Zeros: not known.
        position_covariance: [f64; 9],
        /// 0: not known.
        position_covariance_type: u8,
    }

    /// ROS `sensor_msgs/BatteryState`: battery of every aircraft, told apart by `header.frame_id`.
    /// Best effort.
    BatteryState = "sensor_msgs::msg::dds_::BatteryState_" {
        /// When, and of which device.
        header: Header,
        /// Volts; NaN when not known.
        voltage: f32,
        /// Degrees Celsius; NaN when not known.
        temperature: f32,
        /// NaN: not known.
        current: f32,
        /// NaN: not known.
        charge: f32,
        /// NaN: not known.
        capacity: f32,
        /// NaN: not known.
        design_capacity: f32,
        /// 0 to 1.
        percentage: f32,
        /// 0: not known.
        power_supply_status: u8,
        /// 0: not known.
        power_supply_health: u8,
        /// 0: not known.
        power_supply_technology: u8,
        /// Whether there is one.
        present: bool,
        /// Empty: not known.
        cell_voltage: Vec<f32>,
        /// Empty: not known.
        cell_temperature: Vec<f32>,
        /// Empty.
        location: String,
        /// Empty: not known.
        serial_number: String,
    }
}

macro_rules! views {
    ($($name:ident: $topic:literal, $offer:ident, |$v:ident| $sn:expr;)+) => {$(
        impl View for $name {
            const TOPIC: &'static str = $topic;
            const TYPE_NAME: &'static str = <Self as Type>::TYPE.descriptor.name;
            const OFFER: Offer = Offer::$offer;
            const DOCS: Docs = Self::TEXTS;
            fn sn(&self) -> &str {
                let $v = self;
                $sn
            }
        }
    )+};
}

views! {
    DeviceTelemetry: "rt/gwanje/device_telemetry", Telemetry, |v| &v.sn;
    DeviceState: "rt/gwanje/device_state", State, |v| &v.sn;
    DeviceTopology: "rt/gwanje/device_topology", State, |v| &v.gateway_sn;
    AlarmStatus: "rt/gwanje/alarm_status", Changes, |v| &v.sn;
    MissionStatus: "rt/gwanje/mission_status", Changes, |v| &v.sn;
    CommandStatus: "rt/gwanje/command_status", Changes, |v| &v.sn;
    Command: "rt/gwanje/command", Changes, |v| &v.sn;
    FromLink: "rt/gwanje/inner/from_link", Frames, |_v| "";
    FromApi: "rt/gwanje/inner/from_api", Frames, |_v| "";
    NavSatFix: "rt/gwanje/fix", Telemetry, |v| &v.header.frame_id;
    BatteryState: "rt/gwanje/battery", Telemetry, |v| &v.header.frame_id;
}

/// The word of an enumeration, as in JSON.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

fn class_word(class: DeviceClass) -> String {
    match class {
        DeviceClass::Dock => "dock",
        DeviceClass::Aircraft => "aircraft",
        DeviceClass::Robot => "robot",
    }
    .to_owned()
}

fn texts(reason: Option<&Reason>) -> (String, String) {
    reason.map_or_else(Default::default, |reason| {
        (reason.code.to_string(), reason.message.to_string())
    })
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

impl Published for DeviceTelemetry {
    type Sample = DeviceOsd;

    fn of(sample: &DeviceOsd, places: &mut Places) -> Option<Self> {
        let at = places.of(sample);
        let number = |place| number(sample, place).unwrap_or(f64::NAN);
        let whole =
            |place| whole(sample, place).and_then(|it| i32::try_from(it).ok()).unwrap_or(-1);
        Some(Self {
            sn: sample.sn.to_string(),
            gateway_sn: sample.gateway_sn.to_string(),
            device_class: class_word(sample.class),
            received_ms: sample.received_ms.0,
            report_count: sample.report_count,
            mode_code: whole(at.mode_code),
            latitude_deg: number(at.latitude),
            longitude_deg: number(at.longitude),
            height_m: number(at.height),
            elevation_m: number(at.elevation),
            heading_deg: number(at.heading),
            pitch_deg: number(at.pitch),
            roll_deg: number(at.roll),
            horizontal_speed_mps: number(at.horizontal_speed),
            vertical_speed_mps: number(at.vertical_speed),
            battery_percent: number(at.battery),
            wind_speed_mps: number(at.wind_speed),
            satellites: whole(at.satellites),
        })
    }
}

fn header(sample: &DeviceOsd) -> Header {
    let (sec, ms) = (sample.received_ms.0.div_euclid(1000), sample.received_ms.0.rem_euclid(1000));
    let stamp = Time {
        sec: i32::try_from(sec).unwrap_or(i32::MAX),
        nanosec: u32::try_from(ms).unwrap_or(0) * 1_000_000,
    };
    Header { stamp, frame_id: sample.sn.to_string() }
}

/// DJI `is_fixed`: the fix has RTK.
const FIXED: i64 = 2;

impl Published for NavSatFix {
    type Sample = DeviceOsd;

    fn of(sample: &DeviceOsd, places: &mut Places) -> Option<Self> {
        let at = places.of(sample);
        let (latitude, longitude) =
            number(sample, at.latitude).zip(number(sample, at.longitude))?;
        let is_fixed = whole(sample, at.is_fixed) == Some(FIXED);
        Some(Self {
            header: header(sample),
            status: NavSatStatus { status: if is_fixed { 2 } else { 0 }, service: 1 },
            latitude,
            longitude,
            altitude: number(sample, at.height).unwrap_or(f64::NAN),
            position_covariance: [0.0; 9],
            position_covariance_type: 0,
        })
    }
}

impl Published for BatteryState {
    type Sample = DeviceOsd;

    #[expect(clippy::cast_possible_truncation, reason = "ROS has these in single precision")]
    fn of(sample: &DeviceOsd, places: &mut Places) -> Option<Self> {
        let at = places.of(sample);
        if sample.class == DeviceClass::Dock {
            return None;
        }
        let percent = number(sample, at.battery)?;
        let first = places.first_battery(sample);
        Some(Self {
            header: header(sample),
            voltage: first.millivolts.map_or(f32::NAN, |millivolts| (millivolts / 1000.0) as f32),
            temperature: first.celsius.map_or(f32::NAN, |celsius| celsius as f32),
            current: f32::NAN,
            charge: f32::NAN,
            capacity: f32::NAN,
            design_capacity: f32::NAN,
            percentage: (percent / 100.0) as f32,
            present: true,
            ..Self::default()
        })
    }
}

impl Published for DeviceState {
    type Sample = DeviceStatus;

    fn of(sample: &DeviceStatus, _: &mut Places) -> Option<Self> {
        let (reason_code, reason_text) = texts(sample.reason.as_ref());
        Some(Self {
            sn: sample.sn.to_string(),
            device_class: class_word(sample.class),
            name: sample.name.clone(),
            model: sample.model.clone(),
            gateway_sn: text(sample.gateway_sn.as_ref()),
            connection: word(sample.connection),
            activity: word(sample.activity),
            reason_code,
            reason_text,
            since_ms: sample.since_ms.0,
            last_heard_ms: sample.last_heard_ms.map_or(-1, |at| at.0),
            firmware: text(sample.firmware.as_ref()),
            mission_id: text(sample.mission_id),
            flight_locked: sample.flight_lock.is_some(),
        })
    }
}

impl Published for DeviceTopology {
    type Sample = TopologySample;

    fn of(sample: &TopologySample, _: &mut Places) -> Option<Self> {
        Some(Self {
            gateway_sn: sample.gateway_sn.to_string(),
            children: sample.children.iter().map(ToString::to_string).collect(),
            received_ms: sample.received_ms.0,
        })
    }
}

impl Published for AlarmStatus {
    type Sample = AlarmSample;

    fn of(sample: &AlarmSample, _: &mut Places) -> Option<Self> {
        let (reason_code, reason_text) = texts(Some(&sample.reason));
        Some(Self {
            alarm_id: sample.alarm_id.to_string(),
            sn: text(sample.sn.as_ref()),
            source: word(sample.source),
            priority: word(sample.priority),
            state: word(sample.state),
            reason_code,
            reason_text,
            raised_ms: sample.raised_ms.0,
            cleared_ms: sample.cleared_ms.map_or(-1, |at| at.0),
        })
    }

    fn going_on(sample: &AlarmSample) -> Option<(String, bool)> {
        let is_over = sample.state == fleet_types::alarm::AlarmState::Cleared;
        Some((sample.alarm_id.to_string(), !is_over))
    }
}

impl Published for MissionStatus {
    type Sample = MissionSample;

    fn of(sample: &MissionSample, _: &mut Places) -> Option<Self> {
        let (reason_code, reason_text) = texts(sample.reason.as_ref());
        Some(Self {
            mission_id: sample.mission_id.to_string(),
            sn: sample.sn.to_string(),
            wayline_name: sample.wayline_name.clone(),
            state: word(sample.state),
            verdict: sample.verdict.map_or_else(String::new, word),
            reason_code,
            reason_text,
            percent: sample.progress.percent.map_or(-1, i32::from),
            waypoint_index: sample
                .progress
                .waypoint_index
                .and_then(|index| i32::try_from(index).ok())
                .unwrap_or(-1),
            waypoint_count: sample.waypoint_count,
            accepted_ms: sample.accepted_ms.0,
            ended_ms: sample.ended_ms.map_or(-1, |at| at.0),
        })
    }

    fn going_on(sample: &MissionSample) -> Option<(String, bool)> {
        let is_over = sample.state == fleet_types::MissionState::Ended;
        Some((sample.mission_id.to_string(), !is_over))
    }
}

impl Published for CommandStatus {
    type Sample = CommandSample;

    fn of(sample: &CommandSample, _: &mut Places) -> Option<Self> {
        let (reason_code, reason_text) = texts(sample.reason.as_ref());
        Some(Self {
            command_id: sample.command_id.to_string(),
            sn: sample.sn.to_string(),
            method: sample.method.clone(),
            mission_id: text(sample.mission_id),
            issued_by: sample.issued_by.clone(),
            state: word(sample.state),
            response_code: sample.response_code.map_or_else(String::new, word),
            reason_code,
            reason_text,
            percent: sample.progress.as_ref().and_then(|it| it.percent).map_or(-1, i32::from),
            accepted_ms: sample.accepted_ms.0,
            expires_ms: sample.expires_ms.0,
        })
    }

    fn going_on(sample: &CommandSample) -> Option<(String, bool)> {
        Some((sample.command_id.to_string(), !sample.state.is_final()))
    }
}
