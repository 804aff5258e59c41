//! What to do about a result code, for programs.
//!
//! It advises only: whether a command may be sent again is [`crate::method`]'s to say, and never
//! follows from a code. Next: [`super::describe`].

/// What to do about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Advice {
    /// Somebody at the dock must release its emergency stop.
    ReleaseEmergencyStop,
    /// The request, the file or a setting is wrong.
    FixInput,
    /// A battery must be charged first.
    Charge,
    /// Somebody else holds control.
    TakeControl,
    /// It passes by itself.
    Wait,
    /// A look by video tells how things are.
    CheckByVideo,
    /// Somebody must look on site.
    CheckOnSite,
    /// Firmware is too old or does not match.
    UpdateFirmware,
    /// A restart of the aircraft or the device named may help.
    RestartDevice,
    /// A restart of the dock may help.
    RestartDock,
    /// A person may try again.
    Retry,
    /// DJI's support must help when it stays.
    AskSupport,
}

impl Advice {
    /// The advice as a word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReleaseEmergencyStop => "release_emergency_stop",
            Self::FixInput => "fix_input",
            Self::Charge => "charge",
            Self::TakeControl => "take_control",
            Self::Wait => "wait",
            Self::CheckByVideo => "check_by_video",
            Self::CheckOnSite => "check_on_site",
            Self::UpdateFirmware => "update_firmware",
            Self::RestartDevice => "restart_device",
            Self::RestartDock => "restart_dock",
            Self::Retry => "retry",
            Self::AskSupport => "ask_support",
        }
    }

    /// The advice as a sentence, in English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::ReleaseEmergencyStop => "Release the dock's emergency stop on site.",
            Self::FixInput => "Correct the request, the file or the setting.",
            Self::Charge => "Charge the battery first.",
            Self::TakeControl => "Take control back first.",
            Self::Wait => "Wait until it has passed.",
            Self::CheckByVideo => "Look at dock and aircraft by video.",
            Self::CheckOnSite => "Have somebody look on site.",
            Self::UpdateFirmware => "Update the firmware.",
            Self::RestartDevice => "Restart the device.",
            Self::RestartDock => "Restart the dock.",
            Self::Retry => "Try again.",
            Self::AskSupport => "Ask DJI's support if it stays.",
        }
    }

    /// The advice as a sentence, in Korean.
    #[must_use]
    pub const fn ko(self) -> &'static str {
        match self {
            Self::ReleaseEmergencyStop => "현장에서 도크의 비상 정지를 해제하십시오.",
            Self::FixInput => "요청, 파일 또는 설정을 수정하십시오.",
            Self::Charge => "먼저 배터리를 충전하십시오.",
            Self::TakeControl => "먼저 제어권을 되찾으십시오.",
            Self::Wait => "해소될 때까지 기다리십시오.",
            Self::CheckByVideo => "영상으로 도크와 기체를 확인하십시오.",
            Self::CheckOnSite => "현장에서 확인하십시오.",
            Self::UpdateFirmware => "펌웨어를 업데이트하십시오.",
            Self::RestartDevice => "기기를 재시작하십시오.",
            Self::RestartDock => "도크를 재시작하십시오.",
            Self::Retry => "다시 시도하십시오.",
            Self::AskSupport => "계속되면 DJI 지원에 문의하십시오.",
        }
    }
}
