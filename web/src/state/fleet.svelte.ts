// Everything the stream said, by serial number. Maps are plain and a revision is bumped at most
// every 60 ms: a thousand docks may speak at once without a thousand re-renders. Positions do not
// even do that: they go into a table that the map draws from.

import { ApiError, api } from '../api/client';
import { Stream, type View } from '../api/stream';
import type {
  Alarm,
  CommandStatus,
  DeviceStatus,
  LinkName,
  LinkStatus,
  MissionStatus,
  Osd,
  ServerFrame,
  Site,
  Telemetry,
  Unknown,
} from '../api/types';
import { isFinal } from '../lib/commands';
import { PositionTable } from '../live/table';
import { clock } from './clock.svelte';
import { Roster } from './roster';
import { session } from './session.svelte';

const publishMs = 60;
const keptCommands = 400;
const keptCleared = 200;

export type TowerLink =
  | { state: 'connecting' }
  | { state: 'up' }
  | { state: 'lost'; sinceMs: number; retrying: boolean };

class Fleet {
  /** Read this to depend on the maps below, `osd` excepted. */
  revision = $state(0);
  /** Read this to depend on `osd`. */
  osdRevision = $state(0);
  tower: TowerLink = $state.raw({ state: 'connecting' });
  /** Server clock at the newest frame. */
  heardMs = $state(0);
  /** Ticks that came late because this browser or the line was slow; the newest telling of it. */
  lag: { ticks: number; behind: number; atMs: number } | null = $state.raw(null);
  loaded = $state(false);
  site: Site = $state.raw({ name: '', time_zone: 'Asia/Seoul' });

  readonly devices = new Map<string, DeviceStatus>();
  readonly osd = new Map<string, Osd>();
  readonly telemetry = new Map<string, Telemetry>();
  readonly commands = new Map<string, CommandStatus>();
  readonly missions = new Map<string, MissionStatus>();
  readonly alarms = new Map<string, Alarm>();
  readonly links = new Map<LinkName, LinkStatus>();
  readonly unknowns = new Map<string, Unknown[]>();
  readonly roster = new Roster(this);

  readonly positions = new PositionTable();
  /** Numbers in binary records, both ways. */
  readonly slotOf = new Map<string, number>();
  readonly snOf: (string | undefined)[] = [];
  /** Called once all frames of a tick are in. */
  readonly onPositions = new Set<() => void>();

  #stream: Stream | null = null;
  #epoch: string | number | null = null;
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #heard = 0;

  start(): void {
    this.#stream?.close();
    this.tower = { state: 'connecting' };
    this.#stream = new Stream({
      frame: (frame) => this.#take(frame),
      positions: (data) => this.#takePositions(data),
      up: () => {
        this.tower = { state: 'up' };
      },
      down: () => {
        const since = this.tower.state === 'lost' ? this.tower.sinceMs : this.#heard || clock.now;
        this.tower = { state: 'lost', sinceMs: since, retrying: false };
      },
    });
  }

  stop(): void {
    this.#stream?.close();
    this.#stream = null;
    this.#clear();
    this.loaded = false;
    this.heardMs = 0;
    this.#heard = 0;
  }

  retryNow(): void {
    if (this.tower.state === 'lost') this.tower = { ...this.tower, retrying: true };
    this.#stream?.retryNow();
  }

  subscribe(sns: string[]): void {
    this.#stream?.subscribe(sns);
  }

  /** Says what is on the screen, and with it what the stream brings. */
  look(view: View): void {
    this.#stream?.look(view);
  }

  /** Newest word of a device by telemetry or position, server time; null when there was none. */
  heardOf(sn: string): number | null {
    const slot = this.slotOf.get(sn);
    const heard = Math.max(
      this.devices.get(sn)?.last_heard_ms ?? 0,
      this.osd.get(sn)?.received_ms ?? 0,
      slot === undefined ? 0 : (this.positions.heardMs[slot] ?? 0),
    );
    return heard === 0 ? null : heard;
  }

  /** Fetches what the stream does not repeat: the recent commands and oddities of one device. */
  async load(sn: string): Promise<void> {
    try {
      const detail = await api.device(sn);
      clock.sync(detail.server_time_ms);
      this.devices.set(sn, detail.device);
      this.roster.touch(sn);
      this.telemetry.set(sn, { ...detail.telemetry, ...this.telemetry.get(sn) });
      for (const command of detail.commands) this.putCommand(command);
      if (detail.mission) this.putMission(detail.mission);
      this.unknowns.set(sn, detail.unknowns);
      this.#publish();
    } catch (error) {
      // Unknown device: the panel says so itself. No answer: the banner does.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** Takes a command; an answer that arrives after a newer frame does not turn it back. */
  putCommand(command: CommandStatus): void {
    const known = this.commands.get(command.command_id);
    if (known && (isFinal(known.state) || known.steps.length > command.steps.length)) {
      if (!isFinal(command.state)) return;
    }
    this.commands.set(command.command_id, command);
    this.roster.touch(command.sn);
    this.#publish();
  }

  /** Takes an alarm as the answer to an order tells it. */
  putAlarm(alarm: Alarm): void {
    this.alarms.set(alarm.alarm_id, alarm);
    this.roster.touch(alarm.sn);
    this.#publish();
  }

  putMission(mission: MissionStatus): void {
    const known = this.missions.get(mission.mission_id);
    if (known?.state === 'ended' && mission.state !== 'ended') return;
    this.missions.set(mission.mission_id, mission);
    this.#publish();
  }

  #takePositions(data: ArrayBuffer): void {
    const frame = this.positions.apply(data, performance.now());
    this.#hear(frame.serverTimeMs);
    // A tick of many devices comes in several frames; it is drawn once.
    if (frame.more) return;
    for (const listener of this.onPositions) listener();
  }

  #hear(serverMs: number): void {
    clock.sync(serverMs);
    this.#heard = clock.exact();
    this.heardMs = this.#heard;
  }

  #take(frame: ServerFrame): void {
    this.#heard = clock.exact();
    switch (frame.type) {
      case 'hello':
        this.#hear(frame.server_time_ms);
        this.site = frame.site;
        session.who = frame.who;
        void session.askRights();
        if (this.#epoch !== null && this.#epoch !== frame.epoch) this.#forgetSlots();
        this.#epoch = frame.epoch;
        return;
      case 'resumed':
        this.loaded = true;
        return;
      case 'missed':
        return;
      case 'tick':
        this.#hear(frame.server_time_ms);
        return;
      case 'snapshot':
        this.#hear(frame.server_time_ms);
        this.#takeSnapshot(frame);
        break;
      case 'slots':
        this.#takeSlots(frame.slots);
        break;
      case 'device':
        this.devices.set(frame.device.sn, frame.device);
        this.roster.touch(frame.device.sn);
        break;
      case 'removed':
        this.#remove(frame.sn);
        break;
      case 'osd':
        for (const item of frame.items) this.osd.set(item.sn, item);
        this.osdRevision += 1;
        return;
      case 'telemetry':
        this.telemetry.set(frame.sn, { ...this.telemetry.get(frame.sn), ...frame.values });
        break;
      case 'command':
        this.#bound();
        this.commands.set(frame.command.command_id, frame.command);
        this.roster.touch(frame.command.sn);
        break;
      case 'mission':
        this.missions.set(frame.mission.mission_id, frame.mission);
        this.roster.touch(frame.mission.sn);
        break;
      case 'alarm':
        this.#boundAlarms();
        this.alarms.set(frame.alarm.alarm_id, frame.alarm);
        this.roster.touch(frame.alarm.sn);
        break;
      case 'link':
        this.links.set(frame.link.link, frame.link);
        break;
      case 'lagged':
        this.lag = { ticks: frame.missed_ticks, behind: frame.behind, atMs: clock.now };
        return;
    }
    this.#publish();
  }

  #takeSnapshot(frame: Extract<ServerFrame, { type: 'snapshot' }>): void {
    if (frame.part === 0) this.#clear();
    for (const device of frame.devices) this.devices.set(device.sn, device);
    for (const mission of frame.missions) this.missions.set(mission.mission_id, mission);
    for (const command of frame.commands) this.commands.set(command.command_id, command);
    for (const alarm of frame.alarms) this.alarms.set(alarm.alarm_id, alarm);
    for (const link of frame.links) this.links.set(link.link, link);
    this.#takeSlots(frame.slots);
    this.roster.touchAll();
    if (frame.last) this.loaded = true;
  }

  #takeSlots(slots: readonly [number, string][]): void {
    for (const [slot, sn] of slots) {
      const before = this.snOf[slot];
      if (before !== undefined && before !== sn) this.#forgetSlot(before);
      this.slotOf.set(sn, slot);
      this.snOf[slot] = sn;
      this.roster.touch(sn);
    }
  }

  #remove(sn: string): void {
    this.roster.touch(sn);
    this.devices.delete(sn);
    this.osd.delete(sn);
    this.telemetry.delete(sn);
    this.unknowns.delete(sn);
    this.#forgetSlot(sn);
  }

  #forgetSlot(sn: string): void {
    const slot = this.slotOf.get(sn);
    if (slot === undefined) return;
    this.slotOf.delete(sn);
    this.snOf[slot] = undefined;
    this.positions.forget(slot);
  }

  #forgetSlots(): void {
    this.slotOf.clear();
    this.snOf.length = 0;
    this.positions.clear();
  }

  /** Forgets the oldest finished commands, so that a console may stay open for weeks. */
  #bound(): void {
    if (this.commands.size < keptCommands) return;
    for (const [id, command] of this.commands) {
      if (isFinal(command.state)) this.commands.delete(id);
      if (this.commands.size < keptCommands / 2) break;
    }
  }

  /** The same for alarms that are over. */
  #boundAlarms(): void {
    const over = [...this.alarms.values()].filter((alarm) => alarm.state === 'cleared');
    if (over.length < keptCleared * 2) return;
    for (const alarm of over.slice(0, keptCleared)) this.alarms.delete(alarm.alarm_id);
  }

  #clear(): void {
    this.devices.clear();
    this.osd.clear();
    this.telemetry.clear();
    this.commands.clear();
    this.missions.clear();
    this.alarms.clear();
    this.links.clear();
    this.#forgetSlots();
    this.roster.touchAll();
  }

  #publish(): void {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined;
      this.roster.refresh();
      this.revision += 1;
    }, publishMs);
  }
}

export const fleet = new Fleet();
