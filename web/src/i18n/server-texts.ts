// The tower's own English sentences in Korean, word for word as the tower says them; `{}` stands
// for what changes. A sentence that is not here is shown as the tower said it, so that nothing an
// operator should know is lost.

const sentences: readonly (readonly [string, string])[] = [
  // Why a dock is not up.
  [
    'Nothing was heard of the dock for a while. What is shown is last known.',
    '도크에서 한동안 수신이 없습니다. 보이는 값은 마지막으로 받은 값입니다.',
  ],
  [
    'Nothing was heard of the aircraft for a while. What is shown is last known.',
    '기체에서 한동안 수신이 없습니다. 보이는 값은 마지막으로 받은 값입니다.',
  ],
  [
    'The dock reports that its aircraft is not connected (switched off or out of reach).',
    '도크가 기체와 연결되지 않았다고 보고합니다. 전원이 꺼졌거나 통신 거리 밖입니다.',
  ],
  [
    'The dock was up before the tower: it is heard, but it did not report its aircraft yet.',
    '도크가 관제탑보다 먼저 켜져 있었습니다. 수신은 되지만 기체 구성을 아직 보고하지 않았습니다.',
  ],
  [
    'Enrolled, but it never connected. Check the address typed into DJI Pilot 2 and the network between dock and broker.',
    '등록되었으나 접속한 적이 없습니다. DJI Pilot 2에 입력한 주소와, 도크와 브로커 사이의 네트워크를 확인하십시오.',
  ],
  [
    'The dock is not enrolled here, so it was told that it is not bound. Enrol it: gwanje dock add SN.',
    '등록되지 않은 도크라서 조직에 연결되지 않았다고 답했습니다. 먼저 도크를 등록하십시오.',
  ],
  [
    'Connected, but it never asked for its configuration. Restart the dock; check that it may publish (broker log).',
    '접속했으나 설정을 요청하지 않았습니다. 도크를 다시 시작하고, 브로커 기록에서 발행 권한을 확인하십시오.',
  ],
  [
    "It got its configuration and went no further: it may still be checking the DJI licence. Check dji.app_license and the dock's internet or NTP access.",
    '설정을 받은 뒤 멈췄습니다. DJI 라이선스를 아직 확인하는 중일 수 있습니다. dji.app_license와 도크의 인터넷·NTP 연결을 확인하십시오.',
  ],
  [
    'Bound, but it never sent update_topo. Restart the dock; check that it may publish to sys/product/{}/status.',
    '조직에 연결되었으나 update_topo를 보내지 않았습니다. 도크를 다시 시작하고 sys/product/{}/status 발행 권한을 확인하십시오.',
  ],
  [
    'The dock left right after it was given the DJI licence: it probably refused it. Check dji.app_id, app_key and app_license in the configuration.',
    'DJI 라이선스를 받자마자 도크가 접속을 끊었습니다. 라이선스를 거부한 것으로 보입니다. 설정의 dji.app_id, app_key, app_license를 확인하십시오.',
  ],
  ['Its connection to the broker ended ({}).', '브로커와의 연결이 끊겼습니다 ({}).'],
  [
    'The broker refused its log-in: wrong user name or password. Type them into DJI Pilot 2 again, or enrol the dock anew.',
    '브로커가 로그인을 거부했습니다. 계정이나 암호가 틀렸습니다. DJI Pilot 2에 다시 입력하거나 도크를 다시 등록하십시오.',
  ],
  [
    'The broker refused a log-in from {}: unknown user or wrong password. If this is a dock, type the values of its enrolment into DJI Pilot 2 again.',
    '{}에서 온 로그인을 브로커가 거부했습니다. 계정이나 암호가 틀렸습니다. 도크라면 등록할 때 받은 값을 DJI Pilot 2에 다시 입력하십시오.',
  ],
  [
    'The task of dock {} failed ({}) and was started anew. What it had under way is unknown until the dock reports on it; please report the log.',
    '도크 {}의 처리 작업이 실패하여({}) 다시 시작했습니다. 진행 중이던 일은 도크가 알려 올 때까지 알 수 없습니다. 로그를 개발자에게 보내 주십시오.',
  ],
  // How the database stands.
  ['the database answers', '데이터베이스가 응답합니다'],
  ['the database is being read', '데이터베이스를 읽고 있습니다'],
  ['the database is not yet reachable', '데이터베이스에 아직 연결되지 않았습니다'],
  ['the database is not yet reachable: {}', '데이터베이스에 아직 연결되지 않았습니다: {}'],
  [
    'the database is away: {}',
    '데이터베이스에 연결할 수 없습니다. 새 비행과 설비 조작은 거부되고, 정지와 복귀 명령과 실시간 화면은 계속됩니다: {}',
  ],
  [
    'everything is in memory; a restart forgets it',
    '모든 것이 메모리에만 있어 다시 시작하면 사라집니다',
  ],
  // Why something was not sent.
  [
    'The tower has no connection to the broker. Nothing was sent; ask again when it is back.',
    '관제탑이 브로커에 연결되어 있지 않습니다. 보내지 않았습니다. 연결이 돌아오면 다시 지시하십시오.',
  ],
  [
    'The dock was not heard for over 10 s: its state is not known well enough to command it.',
    '10초 넘게 도크의 수신이 없어, 명령을 보낼 만큼 상태를 알지 못합니다.',
  ],
  [
    'The dock is still coming up. Its page says what is missing.',
    '도크가 연결을 준비하고 있습니다. 무엇이 빠졌는지는 장비 화면에 나옵니다.',
  ],
  ['The dock is not connected. Nothing was sent.', '도크가 연결되어 있지 않아 보내지 않았습니다.'],
  [
    'The dock takes this only in remote-debug mode. Switch debug mode on first.',
    '도크는 원격 점검 모드에서만 이 명령을 받습니다. 점검 모드를 먼저 켜십시오.',
  ],
  [
    'A mission is under way on this dock. End it first.',
    '이 도크에서 임무가 진행 중입니다. 먼저 끝내십시오.',
  ],
  ['A mission is already under way on this dock.', '이 도크에서 이미 임무가 진행 중입니다.'],
  [
    'There is no paused mission to resume on this dock.',
    '이 도크에 재개할 일시정지 임무가 없습니다.',
  ],
  [
    'Another hardware command is still under way on this dock.',
    '이 도크에서 다른 하드웨어 명령이 진행 중입니다.',
  ],
  [
    'A hardware command is still under way on this dock.',
    '이 도크에서 하드웨어 명령이 진행 중입니다.',
  ],
  [
    'The outcome of an earlier take-off order is unknown. Settle it before a new flight.',
    '이전 이륙 지시의 결과를 모릅니다. 새 비행 전에 결과를 정리하십시오.',
  ],
  [
    'A take-off was ordered and its outcome is unknown. New flights are locked until the dock reports on it or a person settles it.',
    '이륙을 지시했으나 결과를 모릅니다. 도크가 알려 오거나 사람이 정리할 때까지 새 비행이 잠깁니다.',
  ],
  [
    "The dock's emergency stop button is pressed. Release it on site.",
    '도크의 비상 정지 버튼이 눌려 있습니다. 현장에서 해제하십시오.',
  ],
  [
    "The dock's clock is too far off ours; it would refuse the task. Check its NTP server.",
    '도크의 시계가 관제탑과 많이 달라 임무를 거부하게 됩니다. NTP 서버를 확인하십시오.',
  ],
  [
    'The dock is not idle (debugging or upgrading). Leave that mode first.',
    '도크가 점검 또는 업그레이드 중입니다. 먼저 그 모드를 끝내십시오.',
  ],
  [
    'The aircraft is not in the dock. Wait until it is back.',
    '기체가 도크 안에 없습니다. 돌아올 때까지 기다리십시오.',
  ],
  [
    'Whether the aircraft is in the dock was last heard over 10 s ago: too old to rely on.',
    '기체가 도크 안에 있는지 10초 넘게 수신이 없어 믿을 수 없습니다.',
  ],
  [
    'The dock did not say yet whether the aircraft is inside.',
    '기체가 안에 있는지 도크가 아직 알리지 않았습니다.',
  ],
  [
    "The dock's mode was not heard within 10 s: too old to rely on.",
    '도크의 모드를 10초 안에 받지 못해 믿을 수 없습니다.',
  ],
  [
    'The command could not be put on record, so it was not sent. Restore the database and ask again.',
    '명령을 기록할 수 없어 보내지 않았습니다. 데이터베이스를 복구한 뒤 다시 지시하십시오.',
  ],
  [
    'The dock is not subscribed at the broker: it is not connected. The command was not delivered.',
    '도크가 브로커에 접속해 있지 않아 명령이 전달되지 않았습니다.',
  ],
  [
    "The broker refused the command: it was not delivered. Check the tower's rights at the broker.",
    '브로커가 명령을 거부하여 전달되지 않았습니다. 브로커에서 관제탑의 권한을 확인하십시오.',
  ],
  [
    'There is no connection to the broker: the command did not leave.',
    '브로커에 연결되어 있지 않아 명령이 나가지 않았습니다.',
  ],
  [
    'Its time ran out before it left: it was not sent.',
    '나가기 전에 유효 시간이 지나 보내지 않았습니다.',
  ],
  ['The mission ended before this order left.', '이 지시가 나가기 전에 임무가 끝났습니다.'],
  ['This method cannot be sent by hand.', '직접 보낼 수 없는 명령입니다.'],
  [
    'Too many commands are under way on this dock. Settle or await some.',
    '이 도크에 진행 중인 명령이 너무 많습니다. 결과를 정리하거나 기다리십시오.',
  ],
  [
    "The dock's machine was restarted before the command left: it was not sent.",
    '명령이 나가기 전에 관제탑의 도크 처리가 다시 시작되어 보내지 않았습니다.',
  ],
  [
    'This idempotency key was used for another command on this dock. Nothing was sent; choose a new key.',
    '같은 요청 키가 이 도크의 다른 명령에 쓰였습니다. 보내지 않았습니다.',
  ],
  // What became of what was sent.
  [
    "The dock's machine was restarted while the command was under way. Whether the dock followed it is not known.",
    '명령이 진행되는 동안 관제탑의 도크 처리가 다시 시작되었습니다. 도크가 따랐는지 알 수 없습니다.',
  ],
  [
    "The dock's machine was restarted while take-off was being ordered. Whether it flies is not known.",
    '이륙을 지시하는 동안 관제탑의 도크 처리가 다시 시작되었습니다. 비행 중인지 알 수 없습니다.',
  ],
  [
    "The dock's machine was restarted before take-off was ordered: nothing flies by this mission.",
    '이륙을 지시하기 전에 관제탑의 도크 처리가 다시 시작되었습니다. 이 임무로 뜬 기체는 없습니다.',
  ],
  [
    'The dock did not answer the preparation. Take-off was never ordered: nothing flies by this mission.',
    '도크가 임무 준비에 응답하지 않았습니다. 이륙은 지시하지 않았으며, 이 임무로 뜬 기체는 없습니다.',
  ],
  [
    'The connection to the broker broke while the command was on its way. Whether the dock got it is not known.',
    '명령을 보내는 도중 브로커와의 연결이 끊겼습니다. 도크가 받았는지 알 수 없습니다.',
  ],
  [
    'The connection to the broker never told what became of the command. Whether the dock got it is not known.',
    '브로커 연결이 명령의 전달 여부를 알려 주지 않았습니다. 도크가 받았는지 알 수 없습니다.',
  ],
  [
    'The dock answered without a readable result. Whether it acts is not known.',
    '도크의 응답에서 결과를 읽을 수 없습니다. 실행하는지 알 수 없습니다.',
  ],
  [
    'The dock did not answer in time. Whether it acts is not known; the command is not sent again.',
    '도크가 제때 응답하지 않았습니다. 실행하는지 알 수 없으며, 명령은 다시 보내지 않습니다.',
  ],
  [
    'The dock says that the flight is under way already: an earlier copy of the order reached it. Its progress tells what becomes of it.',
    '도크가 이 비행이 이미 진행 중이라고 답했습니다. 앞서 보낸 같은 지시가 도착한 것입니다. 결과는 진행 보고로 정해집니다.',
  ],
  [
    'The dock took the command but never reported its end.',
    '도크가 명령을 접수했으나 끝났다고 알리지 않았습니다.',
  ],
  [
    'The dock said yes, but its telemetry does not show the effect.',
    '도크가 접수했다고 했으나 텔레메트리에 결과가 보이지 않습니다.',
  ],
  [
    'No complete answer came, but telemetry shows that it was carried out.',
    '응답은 온전하지 않지만, 텔레메트리로 실행을 확인했습니다.',
  ],
  [
    'No answer came, but the device acts on it.',
    '응답은 없지만, 장비가 실행하는 것을 확인했습니다.',
  ],
  ['The dock did a part of it.', '도크가 일부만 실행했습니다.'],
  ['Only a part of the route was flown.', '항로의 일부만 비행했습니다.'],
  ['Settled by a person, on record.', '사람이 확인하여 기록하고 정리했습니다.'],
  ['The dock gave no reason.', '도크가 이유를 알리지 않았습니다.'],
  [
    'The dock tried and failed, without a code.',
    '도크가 실행하지 못했습니다. 장비 코드는 없습니다.',
  ],
  ['The dock cancelled it, without a code.', '도크가 취소했습니다. 장비 코드는 없습니다.'],
  [
    'The dock gave up on time, without a code.',
    '도크가 시간 안에 마치지 못했습니다. 장비 코드는 없습니다.',
  ],
  ['by {}', '지시자 {}'],
  // Why the broker is not reached.
  ['the broker closed the connection', '브로커가 연결을 닫음'],
  ['I/O: Connection refused (os error {})', '접속 거부됨 (오류 {})'],
  ['I/O: Connection reset by peer (os error {})', '연결이 강제로 끊김 (오류 {})'],
  // Enrolment.
  [
    'the dock is already enrolled; remove it first to get a new password',
    '이미 등록된 도크입니다. 새 암호가 필요하면 먼저 등록을 해제하십시오.',
  ],
  ['Cloud service', '클라우드 서비스'],
  ['Other platforms → MQTT', 'Other platforms → MQTT'],
  ['MQTT gateway address', 'MQTT 게이트웨이 주소'],
  ['MQTT account', 'MQTT 계정'],
  ['MQTT password', 'MQTT 암호'],
  ['Organization ID', '조직 ID'],
  ['Device binding code', '장비 연결 코드'],
  [
    "A real dock cannot reach this address: set mqtt.tls.listen and mqtt.public_host to one of the site's network first.",
    '실제 도크는 이 주소에 접속할 수 없습니다. 먼저 mqtt.tls.listen과 mqtt.public_host를 현장 망의 주소로 정하십시오.',
  ],
  [
    "A real dock does not come up without DJI's licence: set dji.app_id, dji.app_key and dji.app_license first.",
    '실제 도크는 DJI 라이선스 없이는 기동하지 못합니다. 먼저 dji.app_id, dji.app_key, dji.app_license를 정하십시오.',
  ],
  [
    'On site, connect the remote controller to the dock and open DJI Pilot 2.',
    '현장에서 조종기를 도크에 연결하고 DJI Pilot 2를 엽니다.',
  ],
  [
    'Choose to connect the dock to a third-party cloud and type the values in.',
    '도크를 서드파티 클라우드에 연결하도록 고르고 위의 값을 입력합니다.',
  ],
  [
    "The dock's page in the console shows each step of bring-up, and what is missing.",
    '연결이 어디까지 왔고 무엇이 빠졌는지는 이 화면의 연결 진단에 나옵니다.',
  ],
  [
    'The password is shown only now; remove and enrol the dock again to get a new one.',
    '암호는 지금만 보입니다. 새 암호가 필요하면 등록을 해제하고 다시 등록하십시오.',
  ],
];

interface Pattern {
  expression: RegExp;
  korean: string;
}

const fixed = new Map<string, string>();
const patterns: Pattern[] = [];
for (const [english, korean] of sentences) {
  if (!english.includes('{}')) {
    fixed.set(english, korean);
    continue;
  }
  const escaped = english.split('{}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  patterns.push({ expression: new RegExp(`^${escaped.join('(.+?)')}$`), korean });
}

/** The tower's sentence in Korean; null where it has none. */
export function inKorean(english: string): string | null {
  const known = fixed.get(english);
  if (known !== undefined) return known;
  for (const { expression, korean } of patterns) {
    const hit = expression.exec(english);
    if (!hit) continue;
    let next = 1;
    return korean.replace(/\{\}/g, () => hit[next++] ?? '');
  }
  return null;
}

/** Every pair, for the tests. */
export const serverSentences = sentences;
