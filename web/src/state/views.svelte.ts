// What the screens are made of, derived from the fleet's maps.

import type { Alarm, CommandStatus, LinkStatus, MissionStatus } from '../api/types';
import { isFinal, type Situation } from '../lib/commands';
import { type FleetState, fleetStates, matches } from '../lib/fleet-state';
import { flagOf } from '../lib/readings';
import { fleet } from './fleet.svelte';
import type { Row } from './roster';
import { session } from './session.svelte';

export type { Row } from './roster';

const priorities = { high: 0, medium: 1, low: 2 };

class Views {
  /** What somebody has to do with: not over, not put aside. */
  activeAlarms: Alarm[] = $derived.by(() => {
    fleet.revision;
    return [...fleet.alarms.values()]
      .filter((alarm) => alarm.state !== 'cleared' && alarm.shelved === null)
      .sort((a, b) => priorities[a.priority] - priorities[b.priority] || b.raised_ms - a.raised_ms);
  });

  shelvedAlarms: Alarm[] = $derived.by(() => {
    fleet.revision;
    return [...fleet.alarms.values()]
      .filter((alarm) => alarm.shelved !== null)
      .sort((a, b) => (a.shelved?.until_ms ?? 0) - (b.shelved?.until_ms ?? 0));
  });

  clearedAlarms: Alarm[] = $derived.by(() => {
    fleet.revision;
    return [...fleet.alarms.values()]
      .filter((alarm) => alarm.state === 'cleared' && alarm.shelved === null)
      .sort((a, b) => (b.cleared_ms ?? 0) - (a.cleared_ms ?? 0))
      .slice(0, 20);
  });

  /** By urgency, then by name. */
  rows: Row[] = $derived.by(() => {
    fleet.revision;
    return fleet.roster.rows;
  });

  counts: Record<FleetState, number> = $derived.by(() => {
    const counts = Object.fromEntries(fleetStates.map((state) => [state, 0])) as Record<
      FleetState,
      number
    >;
    for (const row of this.rows) counts[row.state] += 1;
    return counts;
  });

  links: LinkStatus[] = $derived.by(() => {
    fleet.revision;
    return [...fleet.links.values()];
  });

  brokenLinks: LinkStatus[] = $derived(this.links.filter((link) => !link.connected));
  towerUp: boolean = $derived(fleet.tower.state === 'up');
}

export const views = new Views();

export function filterRows(rows: Row[], state: FleetState | null, query: string): Row[] {
  const wanted = query.trim();
  if (state === null && wanted === '') return rows;
  return rows.filter((row) => isWanted(row, state, wanted));
}

/** Whether a row passes the filter and the search. */
export function isWanted(row: Row, state: FleetState | null, query: string): boolean {
  return (state === null || row.state === state) && (query === '' || matches(row.words, query));
}

/** Newest word of the dock or its aircraft: status changes rarely, telemetry comes all the time. */
export function heardOf(row: Row): number | null {
  const dock = fleet.heardOf(row.dock.sn) ?? 0;
  const craft = row.aircraft ? (fleet.heardOf(row.aircraft.sn) ?? 0) : 0;
  return Math.max(dock, craft) || null;
}

/** Newest first. */
export function commandsOf(sn: string): CommandStatus[] {
  fleet.revision;
  return [...fleet.commands.values()]
    .filter((command) => command.sn === sn)
    .sort((a, b) => b.accepted_ms - a.accepted_ms)
    .slice(0, 20);
}

/** The mission under way, else the newest. */
export function missionOf(sn: string): MissionStatus | null {
  fleet.revision;
  const all = [...fleet.missions.values()].filter((mission) => mission.sn === sn);
  all.sort((a, b) => b.accepted_ms - a.accepted_ms);
  return all.find((mission) => mission.state !== 'ended') ?? all[0] ?? null;
}

export function situationOf(row: Row): Situation {
  return {
    towerUp: views.towerUp,
    linkUp: !views.brokenLinks.some((link) => link.link === 'commands'),
    dock: row.dock,
    droneInDock: flagOf(
      fleet.telemetry.get(row.dock.sn)?.drone_in_dock?.value ??
        fleet.osd.get(row.dock.sn)?.drone_in_dock,
    ),
    mission: missionOf(row.dock.sn),
    rights: session.rights,
    who: session.who,
    underWay: commandsOf(row.dock.sn).filter(
      (command) => !isFinal(command.state) && command.state !== 'unknown',
    ),
  };
}
