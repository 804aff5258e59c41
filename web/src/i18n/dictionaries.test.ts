import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { aircraftGroups, dockGroups, keyGroup } from '../lib/readings';
import { en } from './en';
import { ko } from './ko';
import { reasonsEn, reasonsKo } from './reasons';
import { inKorean, serverSentences } from './server-texts';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1]).sort();

/** Every reason code of the API's contract, and the problem codes an operator can meet. */
const contractCodes =
  `dock_offline dock_not_ready link_down journal_down queue_full expired lost_reply send_lost
  broker_no_subscriber device_refused device_failed aircraft_out aircraft_state_unknown
  aircraft_state_stale needs_debug_mode dock_busy mission_active no_mission flight_locked cover_open
  emergency_stop clock_skew duplicate_key unknown_method bad_data silent aircraft_offline
  never_connected no_config_request no_bind_request no_topology not_bound licence_refused
  login_refused disconnected topology_unknown dock_task_panicked loop_stalled restarted
  resolved_by_person observed device_canceled device_timeout partially_done rth_cancelled
  no_effect mission_over wrong_dock idempotency_conflict rejected already_enrolled too_many_docks
  enrolment_unavailable broker_external unknown_device unknown_command unknown_mission
  unknown_trace unknown_wayline not_unknown not_a_dock bad_kmz bad_input wayline_store_full
  wayline_not_flyable
  too_many_uploads too_many_streams too_many_attempts request_timeout unauthorized internal
  hms heartbeat_lost osd_stalled field_frozen speed_drop position_jump link_quality alarm_overflow
  already_acknowledged alarm_over not_shelved unknown_alarm authority_held authority_ended
  authority_rank authority_free no_authority not_asked too_many_ask
  not_owner no_progress progress_lost unreadable_status unknown_basemap basemap_upstream
  basemap_file range_outside wayline_not_kept last_known history_away overlap_time overlap_space
  overlap_return_height url_not_allowed url_unreachable fingerprint_mismatch right_missing token_name_taken
  last_administrator email_exists weak_password email_address_invalid accounts_unavailable
  audit_away audit_busy unknown_site unknown_token over_request_rate_limit no_accounts_here
  not_by_token user_not_found invalid_credentials no_account cut_off user_banned
  refresh_token_not_found refresh_token_already_used session_expired
  schedules_away unknown_schedule unknown_flight no_flights_here no_track`
    .split(/\s+/)
    .sort();

test('both languages have the same keys, none empty', () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(ko).sort());
  for (const [key, text] of [...Object.entries(ko), ...Object.entries(en)]) {
    expect(text.trim(), key).not.toBe('');
  }
});

test('both languages fill in the same values', () => {
  for (const [key, text] of Object.entries(ko)) {
    expect(placeholders(en[key as keyof typeof ko]), key).toEqual(placeholders(text));
  }
});

test('Korean texts are Korean: a copied English sentence does not pass', () => {
  const latin = Object.entries(ko).filter(([, text]) => /[a-z]{4,} [a-z]{3,}/i.test(text));
  expect(latin.map(([key]) => key)).toEqual([]);
});

test('every reason code of the contract has a text in both languages', () => {
  expect(Object.keys(reasonsKo).sort()).toEqual(contractCodes);
  expect(Object.keys(reasonsEn).sort()).toEqual(contractCodes);
  for (const text of Object.values(reasonsKo)) expect(text).toMatch(/[가-힣]/);
});

test('sentences of the tower are put in Korean, with what changes in them', () => {
  for (const [english, korean] of serverSentences) {
    expect(english.split('{}').length, english).toBe(korean.split('{}').length);
    expect(inKorean(english.replaceAll('{}', 'X')), english).toBe(korean.replaceAll('{}', 'X'));
  }
  expect(inKorean('Its connection to the broker ended (exceeded timeout).')).toBe(
    '브로커와의 연결이 끊겼습니다 (exceeded timeout).',
  );
  expect(inKorean('A sentence nobody knows.')).toBe(null);
});

test('every reading that is shown as a word has words', () => {
  const fields = [...aircraftGroups, ...dockGroups, keyGroup].flatMap((group) => [...group.fields]);
  for (const { label, show } of fields) {
    expect(ko, label).toHaveProperty([label]);
    if (show.as === 'enum' || show.as === 'flag') {
      expect(Object.keys(ko).some((key) => key.startsWith(`word.${show.words}.`))).toBe(true);
    }
  }
});

/** Keys that are put together from data (`activity.${…}`), by their stem. */
const built =
  /^(activity|connection|phase|fleet|word|step|method|cmd|mission|response|alarms|blocked|system|field|group|done|stat|view|right|role|outcome|audit|admin)\./;

test('no text is left over that nothing shows', () => {
  const root = new URL('..', import.meta.url);
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => /\.(svelte|ts)$/.test(name) && !/i18n\/(ko|en)(-\w+)?\.ts$|\.test\.ts$/.test(name),
    )
    .map((name) => readFileSync(new URL(name, root), 'utf8'))
    .join('\n');
  const unused = Object.keys(ko).filter((key) => !built.test(key) && !sources.includes(`'${key}'`));
  expect(unused).toEqual([]);
});
