//! Every service call, as one enum: the cloud writes it, simulators and observers read it.
//!
//! What a call *is* (danger, interlock, repeatable) stands in [`crate::method`], not here. Calls of
//! the first Dock and of the RC Pro, and two that only DJI's own code knows, are among them and
//! say so. Next: [`crate::encode`] for sending, [`crate::drc_link`] for direct control.

use crate::cmd::{
    AirConditionerSwitch, BatteryStoreSwitch, DongleCommand, NoBody, SdrWorkmodeSwitch,
    SwitchAction,
};
use crate::dock1::{PoiCircleSpeed, PoiModeEnter};
use crate::drc::camera::{
    CameraAim, CameraExposure, CameraExposureMode, CameraFocalLength, CameraFocusMode,
    CameraFocusValue, CameraFrameZoom, CameraLookAt, CameraModeSwitch, CameraPointFocus,
    CameraScreenDrag, CameraScreenSplit, GimbalResetCommand, IrMeteringAreaSet, IrMeteringModeSet,
    IrMeteringPointSet, PayloadCommand, PhotoStorage, VideoStorage,
};
use crate::drc::{DrcModeEnter, FlyToPoint, FlyToPointUpdate, TakeoffToPoint};
use crate::file::MediaPriority;
use crate::firmware::OtaCreate;
use crate::flight_area::AreasDelete;
use crate::flysafe::{LicenseListRequest, LicenseSwitch, LicenseUpdate};
use crate::live::{LiveCameraChange, LiveLensChange, LiveSetQuality, LiveStartPush, LiveStopPush};
use crate::log::{LogListRequest, LogUploadStart, LogUploadUpdate};
use crate::method_enum::commands;
use crate::newer::NewerCall;
use crate::psdk::{
    CustomData, PsdkInputBoxText, PsdkWidgetValue, SpeakerAudioStart, SpeakerCommand,
    SpeakerPlayModeSet, SpeakerTtsStart, SpeakerVolumeSet,
};
use crate::rc_pro::{CloudControlRelease, CloudControlRequest};
use crate::wayline::{
    FlightIds, FlighttaskCreate, FlighttaskExecute, FlighttaskPrepare, FlighttaskStop,
    ReturnSpecificHome,
};

commands! {
    /// A service call.
    pub enum Call {
        /// Deprecated by DJI.
        FlighttaskCreate(FlighttaskCreate) = "flighttask_create",
        FlighttaskPrepare(Box<FlighttaskPrepare>) = "flighttask_prepare",
        FlighttaskExecute(Box<FlighttaskExecute>) = "flighttask_execute",
        FlighttaskUndo(FlightIds) = "flighttask_undo",
        FlighttaskPause(NoBody) = "flighttask_pause",
        FlighttaskRecovery(NoBody) = "flighttask_recovery",
        FlighttaskStop(FlighttaskStop) = "flighttask_stop",
        ReturnHome(NoBody) = "return_home",
        ReturnHomeCancel(NoBody) = "return_home_cancel",
        ReturnSpecificHome(ReturnSpecificHome) = "return_specific_home",
        /// The first Dock only.
        FlightSetupAbort(NoBody) = "flight_setup_abort",
        DebugModeOpen(NoBody) = "debug_mode_open",
        DebugModeClose(NoBody) = "debug_mode_close",
        SupplementLightOpen(NoBody) = "supplement_light_open",
        SupplementLightClose(NoBody) = "supplement_light_close",
        BatteryMaintenanceSwitch(SwitchAction) = "battery_maintenance_switch",
        AirConditionerModeSwitch(AirConditionerSwitch) = "air_conditioner_mode_switch",
        AlarmStateSwitch(SwitchAction) = "alarm_state_switch",
        BatteryStoreModeSwitch(BatteryStoreSwitch) = "battery_store_mode_switch",
        DeviceReboot(NoBody) = "device_reboot",
        DroneOpen(NoBody) = "drone_open",
        DroneClose(NoBody) = "drone_close",
        DeviceFormat(NoBody) = "device_format",
        DroneFormat(NoBody) = "drone_format",
        CoverOpen(NoBody) = "cover_open",
        CoverClose(NoBody) = "cover_close",
        CoverForceClose(NoBody) = "cover_force_close",
        ChargeOpen(NoBody) = "charge_open",
        ChargeClose(NoBody) = "charge_close",
        /// The first Dock only.
        PutterOpen(NoBody) = "putter_open",
        /// The first Dock only.
        PutterClose(NoBody) = "putter_close",
        SdrWorkmodeSwitch(SdrWorkmodeSwitch) = "sdr_workmode_switch",
        EsimActivate(DongleCommand) = "esim_activate",
        SimSlotSwitch(DongleCommand) = "sim_slot_switch",
        EsimOperatorSwitch(DongleCommand) = "esim_operator_switch",
        LiveStartPush(LiveStartPush) = "live_start_push",
        LiveStopPush(LiveStopPush) = "live_stop_push",
        LiveSetQuality(LiveSetQuality) = "live_set_quality",
        LiveLensChange(LiveLensChange) = "live_lens_change",
        LiveCameraChange(LiveCameraChange) = "live_camera_change",
        UploadFlighttaskMediaPrioritize(MediaPriority) = "upload_flighttask_media_prioritize",
        FlightAreasUpdate(NoBody) = "flight_areas_update",
        /// Not in the reference, only in DJI's code.
        FlightAreasDelete(AreasDelete) = "flight_areas_delete",
        /// Not in the reference, only in DJI's code.
        OfflineMapUpdate(NoBody) = "offline_map_update",
        OtaCreate(OtaCreate) = "ota_create",
        FileuploadList(LogListRequest) = "fileupload_list",
        FileuploadStart(Box<LogUploadStart>) = "fileupload_start",
        FileuploadUpdate(LogUploadUpdate) = "fileupload_update",
        FlightAuthorityGrab(NoBody) = "flight_authority_grab",
        PayloadAuthorityGrab(PayloadCommand) = "payload_authority_grab",
        DrcModeEnter(Box<DrcModeEnter>) = "drc_mode_enter",
        DrcModeExit(NoBody) = "drc_mode_exit",
        TakeoffToPoint(Box<TakeoffToPoint>) = "takeoff_to_point",
        FlyToPoint(FlyToPoint) = "fly_to_point",
        FlyToPointStop(NoBody) = "fly_to_point_stop",
        FlyToPointUpdate(FlyToPointUpdate) = "fly_to_point_update",
        CameraFrameZoom(Box<CameraFrameZoom>) = "camera_frame_zoom",
        CameraModeSwitch(CameraModeSwitch) = "camera_mode_switch",
        CameraPhotoTake(PayloadCommand) = "camera_photo_take",
        CameraPhotoStop(PayloadCommand) = "camera_photo_stop",
        CameraRecordingStart(PayloadCommand) = "camera_recording_start",
        CameraRecordingStop(PayloadCommand) = "camera_recording_stop",
        CameraScreenDrag(CameraScreenDrag) = "camera_screen_drag",
        CameraAim(Box<CameraAim>) = "camera_aim",
        CameraFocalLengthSet(CameraFocalLength) = "camera_focal_length_set",
        GimbalReset(GimbalResetCommand) = "gimbal_reset",
        CameraLookAt(CameraLookAt) = "camera_look_at",
        CameraScreenSplit(CameraScreenSplit) = "camera_screen_split",
        PhotoStorageSet(PhotoStorage) = "photo_storage_set",
        VideoStorageSet(VideoStorage) = "video_storage_set",
        CameraExposureModeSet(CameraExposureMode) = "camera_exposure_mode_set",
        CameraExposureSet(CameraExposure) = "camera_exposure_set",
        CameraFocusModeSet(CameraFocusMode) = "camera_focus_mode_set",
        CameraFocusValueSet(CameraFocusValue) = "camera_focus_value_set",
        CameraPointFocusAction(CameraPointFocus) = "camera_point_focus_action",
        IrMeteringModeSet(IrMeteringModeSet) = "ir_metering_mode_set",
        IrMeteringPointSet(IrMeteringPointSet) = "ir_metering_point_set",
        IrMeteringAreaSet(IrMeteringAreaSet) = "ir_metering_area_set",
        /// Documented here while its siblings are on `drc/down`; see [`crate::remote_control`].
        DrcCameraModeSwitch(CameraModeSwitch) = "drc_camera_mode_switch",
        /// The first Dock only.
        PoiModeEnter(PoiModeEnter) = "poi_mode_enter",
        /// The first Dock only.
        PoiModeExit(NoBody) = "poi_mode_exit",
        /// The first Dock only.
        PoiCircleSpeedSet(PoiCircleSpeed) = "poi_circle_speed_set",
        /// The RC Pro only.
        CloudControlAuthRequest(CloudControlRequest) = "cloud_control_auth_request",
        /// The RC Pro only.
        CloudControlRelease(CloudControlRelease) = "cloud_control_release",
        PsdkWidgetValueSet(PsdkWidgetValue) = "psdk_widget_value_set",
        PsdkInputBoxTextSet(PsdkInputBoxText) = "psdk_input_box_text_set",
        SpeakerAudioPlayStart(Box<SpeakerAudioStart>) = "speaker_audio_play_start",
        SpeakerTtsPlayStart(SpeakerTtsStart) = "speaker_tts_play_start",
        SpeakerReplay(SpeakerCommand) = "speaker_replay",
        SpeakerPlayStop(SpeakerCommand) = "speaker_play_stop",
        SpeakerPlayModeSet(SpeakerPlayModeSet) = "speaker_play_mode_set",
        SpeakerPlayVolumeSet(SpeakerVolumeSet) = "speaker_play_volume_set",
        CustomDataToPsdk(CustomData) = "custom_data_transmission_to_psdk",
        CustomDataToEsdk(CustomData) = "custom_data_transmission_to_esdk",
        UnlockLicenseSwitch(LicenseSwitch) = "unlock_license_switch",
        UnlockLicenseUpdate(LicenseUpdate) = "unlock_license_update",
        UnlockLicenseList(LicenseListRequest) = "unlock_license_list",
        @newer Newer(NewerCall),
    }
}
