// What the screens are made of, derived from the fleet's maps.

import type {
  Alarm,
  CommandStatus,
  DeviceStatus,
  LinkStatus,
  MissionStatus,
  Osd,
} from '../api/types';
import { isFinal, type Situation } from '../lib/commands';
import { compareRows, type FleetState, fleetState, fleetStates, matches } from '../lib/fleet-state';
import { flagOf } from '../lib/readings';
import { fleet } from './fleet.svelte';

export interface Row {
  dock: DeviceStatus;
  aircraft: DeviceStatus | null;
  dockOsd: Osd | null;
  aircraftOsd: Osd | null;
  state: FleetState;
  label: string;
  /** Newest word of the dock or its aircraft: status changes rarely, telemetry comes all the time. */
  heardMs: number | null;
}

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

  rows: Row[] = $derived.by(() => {
    fleet.revision;
    const alarms = new Map<string, Alarm[]>();
    for (const alarm of this.activeAlarms) {
      // What is gone needs a word, and no hand at the dock.
      if (!alarm.sn || alarm.state === 'cleared_unacknowledged') continue;
      const gateway = fleet.devices.get(alarm.sn)?.gateway_sn ?? alarm.sn;
      alarms.set(gateway, [...(alarms.get(gateway) ?? []), alarm]);
    }
    const unsettled = new Set<string>();
    for (const command of fleet.commands.values()) {
      if (command.state === 'unknown') unsettled.add(command.sn);
    }
    const rows: Row[] = [];
    for (const dock of fleet.devices.values()) {
      if (dock.class !== 'dock') continue;
      const crafts = dock.children.flatMap((sn) => fleet.devices.get(sn) ?? []);
      const aircraft = crafts[0] ?? null;
      const dockOsd = fleet.osd.get(dock.sn) ?? null;
      const aircraftOsd = aircraft ? (fleet.osd.get(aircraft.sn) ?? null) : null;
      const heard = Math.max(
        dock.last_heard_ms ?? 0,
        dockOsd?.received_ms ?? 0,
        aircraftOsd?.received_ms ?? 0,
      );
      rows.push({
        dock,
        aircraft,
        dockOsd,
        aircraftOsd,
        heardMs: heard === 0 ? null : heard,
        state: fleetState(dock, crafts, alarms.get(dock.sn) ?? [], unsettled.has(dock.sn)),
        label: dock.name || dock.sn,
      });
    }
    return rows.sort(compareRows);
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
  return rows.filter(
    (row) =>
      (state === null || row.state === state) &&
      (wanted === '' ||
        matches(
          `${row.dock.name} ${row.dock.sn} ${row.aircraft?.sn ?? ''} ${row.dock.model}`,
          wanted,
        )),
  );
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
      fleet.telemetry.get(row.dock.sn)?.drone_in_dock?.value ?? row.dockOsd?.drone_in_dock,
    ),
    mission: missionOf(row.dock.sn),
    underWay: commandsOf(row.dock.sn).filter(
      (command) => !isFinal(command.state) && command.state !== 'unknown',
    ),
  };
}
