// How long a mission's route still takes, and what the battery will hold when it lands. Pure.
// An estimate, and only from facts that are fresh: of old ones nothing is said.

import type { MissionStatus, Telemetry } from '../api/types';
import { staleAfterMs } from './format';

/** On the way home, metres a second; and the time to come down, seconds. */
const homeMps = 10;
const landingS = 60;

export interface Landing {
  /** Of the route, seconds. */
  routeLeftS: number;
  /** At landing, percent; null where the aircraft's own facts are old or missing. */
  batteryPercent: number | null;
}

function fresh(values: Telemetry | undefined, key: string, now: number): number | null {
  const reading = values?.[key];
  if (!reading || now - reading.received_ms > staleAfterMs) return null;
  return typeof reading.value === 'number' ? reading.value : null;
}

/** Nothing for a mission that is not on its route, or whose route's length is not known. */
export function landing(
  mission: MissionStatus,
  aircraft: Telemetry | undefined,
  now: number,
): Landing | null {
  const { waypoint_index } = mission.progress;
  const length = mission.plan.flight_box?.duration_s ?? null;
  const moves = ['executing', 'paused'].includes(mission.state);
  if (!moves || length === null || waypoint_index === null || mission.waypoint_count < 1)
    return null;
  const done = Math.min(1, waypoint_index / mission.waypoint_count);
  const routeLeftS = length * (1 - done);
  const percent = fresh(aircraft, 'battery.capacity_percent', now);
  // The aircraft's own estimate of how long it can stay in the air.
  const airLeftS = fresh(aircraft, 'battery.remain_flight_time', now);
  const home = fresh(aircraft, 'home_distance', now);
  if (percent === null || airLeftS === null || airLeftS <= 0 || home === null) {
    return { routeLeftS, batteryPercent: null };
  }
  const leftS = routeLeftS + home / homeMps + landingS;
  return { routeLeftS, batteryPercent: Math.max(0, percent * (1 - leftS / airLeftS)) };
}
