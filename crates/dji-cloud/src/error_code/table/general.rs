//! Codes of any device, of the cloud and of firmware updates. See [`crate::error_code`].

use super::super::Advice::{
    Charge, CheckOnSite, FixInput, ReleaseEmergencyStop, RestartDock, Retry, UpdateFirmware, Wait,
};
use super::super::ErrorText;
use super::{doc, page, sdk};

#[rustfmt::skip] // one code a line reads and merges better
pub(super) const CODES: &[ErrorText] = &[
    page(0, &[], "Done.", "완료되었습니다."),
    page(1, &[Retry], "The device could not set the property.", "기기가 속성을 설정하지 못했습니다."),
    page(2, &[Retry], "Setting the property timed out.", "속성 설정 시간이 초과되었습니다."),
    page(210_230, &[Retry], "The organisation could not be looked up.", "조직을 조회하지 못했습니다."),
    page(210_231, &[FixInput], "Binding failed. Check the binding code in Pilot 2.", "바인딩에 실패했습니다. Pilot 2의 바인딩 코드를 확인하십시오."),
    page(210_232, &[], "The device is already bound to another organisation.", "기기가 이미 다른 조직에 바인딩되어 있습니다."),
    page(210_233, &[Retry], "The binding state could not be looked up.", "바인딩 상태를 조회하지 못했습니다."),
    sdk(312_001, &[], "The device does not know this kind of firmware update.", "기기가 이 종류의 펌웨어 업데이트를 지원하지 않습니다."),
    sdk(312_002, &[], "The device could not make itself ready for the update (first stage).", "기기가 업데이트를 준비하지 못했습니다(1단계)."),
    sdk(312_003, &[FixInput], "The firmware file did not pass its check. Upload the file again.", "펌웨어 파일 검증에 실패했습니다. 파일을 다시 올리십시오."),
    sdk(312_004, &[], "The device could not make itself ready for the update (second stage).", "기기가 업데이트를 준비하지 못했습니다(2단계)."),
    sdk(312_010, &[], "The device does not speak this update protocol.", "기기가 이 업데이트 프로토콜을 지원하지 않습니다."),
    sdk(312_012, &[FixInput], "The update command holds a wrong parameter. Change the request.", "업데이트 명령의 매개변수가 잘못되었습니다. 요청을 수정하십시오."),
    sdk(312_013, &[], "The update command failed (stage 1).", "업데이트 명령이 실패했습니다(1단계)."),
    doc(312_014, &[Wait], "An update is already running. Wait and try again.", "이미 업데이트가 진행 중입니다. 기다렸다가 다시 시도하십시오."),
    doc(312_015, &[Retry], "The dock is busy and cannot update now. Try again.", "도크가 사용 중이어서 지금은 업데이트할 수 없습니다. 다시 시도하십시오."),
    doc(312_016, &[RestartDock, Retry], "The update failed because dock and aircraft are not linked. Try again, or restart the dock.", "도크와 기체의 링크 이상으로 업데이트에 실패했습니다. 다시 시도하거나 도크를 재시작하십시오."),
    sdk(312_017, &[UpdateFirmware], "The firmware version did not pass its check. Update the firmware.", "펌웨어 버전 확인에 실패했습니다. 펌웨어를 업데이트하십시오."),
    sdk(312_018, &[], "The update command failed (stage 2).", "업데이트 명령이 실패했습니다(2단계)."),
    sdk(312_019, &[], "The update command failed (stage 3).", "업데이트 명령이 실패했습니다(3단계)."),
    sdk(312_020, &[], "The update command failed (stage 4).", "업데이트 명령이 실패했습니다(4단계)."),
    sdk(312_021, &[], "The update command failed (stage 5).", "업데이트 명령이 실패했습니다(5단계)."),
    doc(312_022, &[CheckOnSite], "The aircraft is off or not linked. Power it on and check the link.", "기체가 꺼져 있거나 연결되지 않았습니다. 전원과 링크를 확인하십시오."),
    doc(312_023, &[ReleaseEmergencyStop, CheckOnSite], "The push rods are not closed, so the aircraft cannot be updated. Release the emergency stop and close the rods.", "푸시로드가 닫히지 않아 기체를 업데이트할 수 없습니다. 비상 정지를 해제하고 푸시로드를 닫으십시오."),
    sdk(312_024, &[], "The update command failed (stage 6).", "업데이트 명령이 실패했습니다(6단계)."),
    sdk(312_025, &[], "An old firmware file could not be deleted.", "이전 펌웨어 파일을 삭제하지 못했습니다."),
    sdk(312_026, &[FixInput], "The firmware file could not be unpacked. Upload the file again.", "펌웨어 파일의 압축을 풀지 못했습니다. 파일을 다시 올리십시오."),
    doc(312_027, &[CheckOnSite], "The update failed because no aircraft is in the dock. Bring it in and update again.", "도크에 기체가 없어 업데이트에 실패했습니다. 기체를 넣고 다시 업데이트하십시오."),
    doc(312_028, &[Retry], "The device restarted during the update. Update again.", "업데이트 중 기기가 재시작되었습니다. 다시 업데이트하십시오."),
    doc(312_029, &[Wait, Retry], "The device is restarting and cannot update. Wait, then update again.", "기기가 재시작 중이어서 업데이트할 수 없습니다. 기다렸다가 다시 업데이트하십시오."),
    doc(312_030, &[Retry], "Enhanced transmission (4G) is on and blocks the update. Switch it off and update again.", "향상된 전송(4G)이 켜져 있어 업데이트할 수 없습니다. 끄고 다시 업데이트하십시오."),
    doc(312_704, &[Charge, Retry], "A battery is below 20 %. Charge it, then update again.", "배터리가 20 % 미만입니다. 충전 후 다시 업데이트하십시오."),
];
