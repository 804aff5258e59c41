// One row for each dock (with its aircraft) and each robot. Kept up to date row by row: with ten
// thousand devices nothing may be worked out anew for all of them each time one of them speaks.

import type { Alarm, CommandStatus, DeviceStatus } from '../api/types';
import { compareLabels, type FleetState, fleetState, rankOf } from '../lib/fleet-state';

export interface Row {
  /** The dock, or the robot. */
  dock: DeviceStatus;
  aircraft: DeviceStatus | null;
  state: FleetState;
  label: string;
  /** What a search looks into. */
  words: string;
}

export interface Sources {
  devices: ReadonlyMap<string, DeviceStatus>;
  alarms: ReadonlyMap<string, Alarm>;
  commands: ReadonlyMap<string, CommandStatus>;
}

const isUp = (alarm: Alarm): boolean =>
  alarm.state !== 'cleared' && alarm.state !== 'cleared_unacknowledged';

export class Roster {
  /** By urgency, then by name; a new array when anything of it changed. */
  rows: Row[] = [];
  #bySn = new Map<string, Row>();
  #order = new Map<string, number>();
  #dirty = new Set<string>();
  #all = true;
  #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  get(sn: string): Row | undefined {
    return this.#bySn.get(sn);
  }

  /** A device, or what concerns it, changed. */
  touch(sn: string | null | undefined): void {
    if (!sn) return;
    this.#dirty.add(this.#sources.devices.get(sn)?.gateway_sn ?? sn);
  }

  touchAll(): void {
    this.#all = true;
  }

  /** Brings the rows up to date; true when anything changed. */
  refresh(): boolean {
    if (!this.#all && this.#dirty.size === 0) return false;
    const { devices } = this.#sources;
    let order = this.#all;
    const alarms = this.#alarmsByRow();
    const unsettled = new Set<string>();
    for (const command of this.#sources.commands.values()) {
      if (command.state === 'unknown') unsettled.add(command.sn);
    }
    if (this.#all) {
      this.#bySn.clear();
      for (const sn of devices.keys()) this.#dirty.add(sn);
    }
    for (const sn of this.#dirty) {
      const before = this.#bySn.get(sn);
      const dock = devices.get(sn);
      if (!dock || dock.class === 'aircraft') {
        if (before) {
          this.#bySn.delete(sn);
          order = true;
        }
        continue;
      }
      const crafts = dock.children.flatMap((child) => devices.get(child) ?? []);
      const aircraft = crafts[0] ?? null;
      const label = dock.name || dock.sn;
      const state = fleetState(dock, crafts, alarms.get(sn) ?? [], unsettled.has(sn));
      const words = `${dock.name} ${sn} ${aircraft?.sn ?? ''} ${dock.model}`.toLowerCase();
      if (!before || before.label !== label) {
        this.#order.clear();
        order = true;
      } else if (before.state !== state) order = true;
      this.#bySn.set(sn, { dock, aircraft, state, label, words });
    }
    this.#dirty.clear();
    this.#all = false;
    this.rows = order ? this.#sorted() : this.rows.map((row) => this.#bySn.get(row.dock.sn) ?? row);
    return true;
  }

  #sorted(): Row[] {
    const rows = [...this.#bySn.values()];
    if (this.#order.size === 0) {
      // Comparing names the way people do is dear: once for each set of names.
      const byName = [...rows].sort((a, b) => compareLabels(a.label, b.label));
      byName.forEach((row, place) => {
        this.#order.set(row.dock.sn, place);
      });
    }
    const placeOf = (row: Row) => this.#order.get(row.dock.sn) ?? 0;
    return rows.sort((a, b) => rankOf(a.state) - rankOf(b.state) || placeOf(a) - placeOf(b));
  }

  #alarmsByRow(): Map<string, Alarm[]> {
    const found = new Map<string, Alarm[]>();
    for (const alarm of this.#sources.alarms.values()) {
      // What was put aside, or is gone and only needs a word, needs no hand at the dock.
      if (!alarm.sn || alarm.shelved !== null || !isUp(alarm)) continue;
      const sn = this.#sources.devices.get(alarm.sn)?.gateway_sn ?? alarm.sn;
      const list = found.get(sn);
      if (list) list.push(alarm);
      else found.set(sn, [alarm]);
    }
    return found;
  }
}
