//! Codes of logs, command handling, 4G and eSIM. See [`crate::error_code`].

use super::super::Advice::{
    AskSupport, CheckOnSite, FixInput, RestartDevice, RestartDock, Retry, UpdateFirmware, Wait,
};
use super::super::ErrorText;
use super::{doc, page, sdk};

#[rustfmt::skip] // one code a line reads and merges better
pub(super) const CODES: &[ErrorText] = &[
    sdk(324_001, &[Retry], "The device restarted while logs were collected. Try again.", "로그 수집 중 기기가 재시작되었습니다. 다시 시도하십시오."),
    doc(324_012, &[Retry], "Packing the logs took too long. Choose fewer logs and try again.", "로그 압축 시간이 초과되었습니다. 더 적게 선택해 다시 시도하십시오."),
    doc(324_013, &[Retry], "The list of logs is not available. Try again.", "로그 목록을 가져오지 못했습니다. 다시 시도하십시오."),
    doc(324_014, &[RestartDock, Retry], "The list of logs is empty. Try again, or restart the dock.", "로그 목록이 비어 있습니다. 다시 시도하거나 도크를 재시작하십시오."),
    doc(324_015, &[Retry], "The aircraft is off or not linked, so its logs cannot be listed. Power it on and try again.", "기체가 꺼져 있거나 연결되지 않아 로그를 조회할 수 없습니다. 기체를 켜고 다시 시도하십시오."),
    doc(324_016, &[Retry], "The dock has too little space for the logs. Free some and try again.", "도크 저장 공간이 부족합니다. 공간을 확보한 후 다시 시도하십시오."),
    doc(324_017, &[RestartDock, Retry], "The logs could not be packed. Try again, or restart the dock.", "로그를 압축하지 못했습니다. 다시 시도하거나 도크를 재시작하십시오."),
    doc(324_018, &[RestartDock, Retry], "The logs could not be collected or sent. Try again, or restart the dock.", "로그를 수집하거나 전송하지 못했습니다. 다시 시도하거나 도크를 재시작하십시오."),
    doc(324_019, &[Retry, AskSupport], "The dock's network failed while logs were sent. Try again; if it stays, ask DJI support.", "도크 네트워크 이상으로 로그를 전송하지 못했습니다. 다시 시도하고, 계속되면 DJI 지원에 문의하십시오."),
    doc(324_021, &[Retry], "The dock lost power while logs were collected. Try again.", "로그 수집 중 도크 전원이 끊겼습니다. 다시 시도하십시오."),
    doc(324_030, &[Retry], "Media could not be uploaded. Check the dock's network and the link to the aircraft.", "미디어를 업로드하지 못했습니다. 도크 네트워크와 기체 링크를 확인하십시오."),
    sdk(324_031, &[Wait], "Upload priority was asked for too often. Wait and try again.", "업로드 우선순위 요청이 너무 잦습니다. 기다렸다가 다시 시도하십시오."),
    sdk(324_032, &[FixInput], "The request for upload priority holds a wrong parameter. Change the request.", "업로드 우선순위 요청의 매개변수가 잘못되었습니다. 요청을 수정하십시오."),
    doc(325_001, &[FixInput], "The command holds a wrong parameter. Change the request.", "명령의 매개변수가 잘못되었습니다. 요청을 수정하십시오."),
    doc(325_003, &[Retry], "The device could not run the command. Try again.", "기기가 명령을 실행하지 못했습니다. 다시 시도하십시오."),
    doc(325_004, &[Retry], "The device took too long over the command. Try again.", "기기의 명령 처리 시간이 초과되었습니다. 다시 시도하십시오."),
    doc(325_005, &[Retry], "The dock cannot take the command now. Try again.", "도크가 지금은 명령에 응답할 수 없습니다. 다시 시도하십시오."),
    doc(325_006, &[Retry], "The dock is preparing a task. Try again.", "도크가 임무를 준비 중입니다. 다시 시도하십시오."),
    doc(325_007, &[Retry], "The dock is running a task. Try again.", "도크가 임무를 실행 중입니다. 다시 시도하십시오."),
    doc(325_008, &[Retry], "The dock still handles the results of a task. Try again.", "도크가 임무 결과를 처리 중입니다. 다시 시도하십시오."),
    doc(325_009, &[Retry], "The dock is collecting logs. Try again.", "도크가 로그를 수집 중입니다. 다시 시도하십시오."),
    doc(325_010, &[Retry], "The dock is updating custom flight areas. Try again.", "도크가 사용자 비행 구역을 업데이트 중입니다. 다시 시도하십시오."),
    doc(325_011, &[Retry], "The dock is updating its offline map. Try again.", "도크가 오프라인 지도를 업데이트 중입니다. 다시 시도하십시오."),
    doc(325_012, &[Retry], "The aircraft is not linked to the dock. Try again.", "기체가 도크에 연결되지 않았습니다. 다시 시도하십시오."),
    doc(326_002, &[CheckOnSite], "The aircraft has no 4G dongle. Fit one.", "기체에 4G 동글이 없습니다. 장착하십시오."),
    doc(326_003, &[CheckOnSite], "The aircraft's 4G dongle has no SIM card. Insert one.", "기체의 4G 동글에 SIM 카드가 없습니다. 삽입하십시오."),
    doc(326_004, &[UpdateFirmware], "The aircraft's 4G dongle needs a firmware update. Update the firmware.", "기체의 4G 동글 펌웨어를 업데이트해야 합니다. 펌웨어를 업데이트하십시오."),
    doc(326_005, &[AskSupport], "The 4G link did not come up. Check signal, data plan and APN; if it stays, ask the operator or DJI support.", "4G 링크를 연결하지 못했습니다. 신호, 데이터 요금제, APN을 확인하고 계속되면 통신사나 DJI 지원에 문의하십시오."),
    doc(326_006, &[Retry], "Enhanced transmission could not be switched. Try again.", "향상된 전송 설정을 전환하지 못했습니다. 다시 시도하십시오."),
    sdk(326_007, &[FixInput], "The command has a wrong format. Change the request.", "명령 형식이 잘못되었습니다. 요청을 수정하십시오."),
    doc(326_008, &[CheckOnSite], "The dock has no 4G dongle. Fit one.", "도크에 4G 동글이 없습니다. 장착하십시오."),
    doc(326_009, &[CheckOnSite], "The dock's 4G dongle has no SIM card. Insert one.", "도크의 4G 동글에 SIM 카드가 없습니다. 삽입하십시오."),
    doc(326_010, &[UpdateFirmware], "The dock's 4G dongle needs a firmware update. Update the firmware.", "도크의 4G 동글 펌웨어를 업데이트해야 합니다. 펌웨어를 업데이트하십시오."),
    doc(326_103, &[Retry], "An eSIM is being activated. Try again.", "eSIM 개통이 진행 중입니다. 다시 시도하십시오."),
    doc(326_104, &[Retry], "The mobile operator is being switched. Try again.", "통신사 전환이 진행 중입니다. 다시 시도하십시오."),
    doc(326_105, &[Retry], "The dongle is switching its mode. Try again.", "동글 모드 전환이 진행 중입니다. 다시 시도하십시오."),
    doc(326_106, &[RestartDevice, Retry, AskSupport], "The dongle has a fault. Restart the device and try again; if it stays, ask DJI support.", "동글에 이상이 있습니다. 기기를 재시작하고 다시 시도하십시오. 계속되면 DJI 지원에 문의하십시오."),
    doc(326_107, &[CheckOnSite, Retry], "No SIM is ready. Activate the eSIM or insert a card, then try again.", "사용할 수 있는 SIM이 없습니다. eSIM을 개통하거나 카드를 삽입한 후 다시 시도하십시오."),
    page(326_108, &[], "The dock's state does not allow the task to be aborted.", "도크의 현재 상태에서는 임무를 중단할 수 없습니다."),
    page(326_109, &[], "The aircraft is already in the air. Use return home instead.", "기체가 이미 비행 중입니다. 대신 귀환을 사용하십시오."),
];
