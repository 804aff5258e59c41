// Alarms of the make-believe tower: raised ones, and what a person does with them.

import { randomUUID } from 'node:crypto';

export function newAlarm(sn, priority, reason, raised_ms) {
  return {
    alarm_id: randomUUID(),
    sn,
    source: 'tower',
    priority,
    state: 'raised',
    reason,
    cause: reason.code,
    in_flood: false,
    raised_ms,
    raised_count: 1,
    cleared_ms: null,
    acknowledged: null,
    shelved: null,
  };
}

/** A flood of one cause. */
export function flood(sns) {
  const reason = { code: 'heartbeat_lost', message: 'Nothing was heard of the device for 30 s.' };
  const raised = Date.now() - 40_000;
  return sns.map((sn) => ({
    ...newAlarm(sn, 'medium', reason, raised),
    source: 'fault',
    in_flood: true,
  }));
}

export function orderAlarm(fleet, alarm_id, what, body) {
  const alarm = fleet.alarms.find((alarm) => alarm.alarm_id === alarm_id);
  if (!alarm) return [404, { title: 'Not Found', status: 404, code: 'unknown_alarm' }];
  const by = 'session:1a2b3c4d';
  const at_ms = Date.now();
  const same = (other) => body.whole_cause && other.cause === alarm.cause;
  if (what === 'acknowledge') {
    for (const each of fleet.alarms.filter((other) => other === alarm || same(other))) {
      each.state = each.state === 'raised' ? 'acknowledged' : 'cleared';
      each.acknowledged = { by, at_ms };
      fleet.broadcast({ type: 'alarm', alarm: each });
    }
  } else if (what === 'shelve') {
    const until_ms = at_ms + body.for_minutes * 60_000;
    alarm.shelved = { by, note: body.note, at_ms, until_ms };
  } else {
    alarm.shelved = null;
    alarm.state = 'raised';
    alarm.acknowledged = null;
  }
  fleet.broadcast({ type: 'alarm', alarm });
  return [200, alarm];
}
