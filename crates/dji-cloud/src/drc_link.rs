//! Every message of the direct-control link, both ways, as enums.
//!
//! The device answers a command on `drc/up` under the command's own name: [`DrcUp::Answer`]. Only
//! the heart beat is a message of its own both ways. `drone_emergency_stop` stops and hovers; it is
//! documented on two pages, also as the end of a forced landing. Next: [`crate::drc::control`],
//! [`crate::remote_control`].

use serde_json::value::RawValue;

use crate::cmd::NoBody;
use crate::drc::camera::{CameraModeSwitch, PhotoStorage, VideoStorage};
use crate::drc::control::{DelayInfo, DrcReply, DroneControl, HeartBeat, HsiInfo, OsdInfo};
use crate::drift::DriftSink;
use crate::envelope::{DecodeError, decode_data};
use crate::lenient::WireValue;
use crate::method_enum::{commands, methods};
use crate::newer::{NewerDrcDown, NewerDrcUp};
use crate::remote_control::{
    ApertureSet, CameraOsdInfo, CameraPhotoInfo, CameraStatePush, DewarpingSet, DroneStatePush,
    IntervalPhotoSet, IsoSet, LinkageZoomSet, MechanicalShutterSet, NightLightsSet, ShutterSet,
    StealthSet, VideoResolutionSet,
};

commands! {
    /// A command on `drc/down`.
    pub enum DrcDown {
        DroneControl(Box<DroneControl>) = "drone_control",
        DroneEmergencyStop(NoBody) = "drone_emergency_stop",
        HeartBeat(HeartBeat) = "heart_beat",
        /// Lands whatever is below.
        ForceLanding(NoBody) = "drc_force_landing",
        /// Lands, but stops above obstacles.
        EmergencyLanding(NoBody) = "drc_emergency_landing",
        InitialStateSubscribe(NoBody) = "drc_initial_state_subscribe",
        LinkageZoomSet(LinkageZoomSet) = "drc_linkage_zoom_set",
        VideoResolutionSet(VideoResolutionSet) = "drc_video_resolution_set",
        VideoStorageSet(VideoStorage) = "drc_video_storage_set",
        PhotoStorageSet(PhotoStorage) = "drc_photo_storage_set",
        IntervalPhotoSet(IntervalPhotoSet) = "drc_interval_photo_set",
        NightLightsStateSet(NightLightsSet) = "drc_night_lights_state_set",
        StealthStateSet(StealthSet) = "drc_stealth_state_set",
        CameraApertureValueSet(ApertureSet) = "drc_camera_aperture_value_set",
        CameraShutterSet(ShutterSet) = "drc_camera_shutter_set",
        CameraIsoSet(IsoSet) = "drc_camera_iso_set",
        CameraMechanicalShutterSet(MechanicalShutterSet) = "drc_camera_mechanical_shutter_set",
        CameraDewarpingSet(DewarpingSet) = "drc_camera_dewarping_set",
        /// Documented on `services`; see [`crate::remote_control`].
        CameraModeSwitch(CameraModeSwitch) = "drc_camera_mode_switch",
        @newer Newer(NewerDrcDown),
    }
}

methods! {
    /// What a device says by itself on `drc/up`.
    pub enum DrcPush {
        HeartBeat(HeartBeat) = "heart_beat",
        Hsi(Box<HsiInfo>) = "hsi_info_push",
        Delay(DelayInfo) = "delay_info_push",
        Osd(Box<OsdInfo>) = "osd_info_push",
        CameraPhotoInfo(CameraPhotoInfo) = "drc_camera_photo_info_push",
        CameraState(Box<CameraStatePush>) = "drc_camera_state_push",
        DroneState(DroneStatePush) = "drc_drone_state_push",
        CameraOsdInfo(Box<CameraOsdInfo>) = "drc_camera_osd_info_push",
        @newer Newer(NewerDrcUp),
    }
}

/// A message on `drc/up`.
#[derive(Clone, Debug, PartialEq)]
pub enum DrcUp {
    /// The device says something by itself.
    Push(DrcPush),
    /// The answer to a command.
    Answer {
        /// The command.
        method: &'static str,
        /// What it says.
        reply: DrcReply,
    },
}

impl DrcUp {
    /// The method's name.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Push(push) => push.method(),
            Self::Answer { method, .. } => method,
        }
    }

    /// Reads the body of a method; `None` for a method that is not listed.
    ///
    /// # Errors
    /// [`DecodeError::Syntax`] for what only a full reading finds; never for a field.
    pub fn decode(method: &str, data: Option<&RawValue>) -> Result<Option<Self>, DecodeError> {
        if let Some(push) = DrcPush::decode(method, data)? {
            return Ok(Some(Self::Push(push)));
        }
        let commands = DrcDown::METHODS.iter().chain(NewerDrcDown::METHODS);
        let Some(&method) = commands.into_iter().find(|&&command| command == method) else {
            return Ok(None);
        };
        Ok(Some(Self::Answer { method, reply: decode_data(data)? }))
    }

    /// Reports unknown fields, wrong types and unknown values with their paths.
    pub fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        match self {
            Self::Push(push) => push.walk_drift(path, sink),
            Self::Answer { reply, .. } => reply.walk_drift(path, sink),
        }
    }
}

impl serde::Serialize for DrcUp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Push(push) => push.serialize(serializer),
            Self::Answer { reply, .. } => reply.serialize(serializer),
        }
    }
}
