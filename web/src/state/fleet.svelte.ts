// Everything the stream said, by serial number. Maps are plain and a revision is bumped at most
// every 60 ms: a thousand docks may speak at once without a thousand re-renders.

import { ApiError, api } from '../api/client';
import { Stream } from '../api/stream';
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
import { clock } from './clock.svelte';
import { session } from './session.svelte';

const publishMs = 60;
const keptCommands = 400;

export type TowerLink =
  | { state: 'connecting' }
  | { state: 'up' }
  | { state: 'lost'; sinceMs: number; retrying: boolean };

class Fleet {
  /** Read this to depend on the maps below. */
  revision = $state(0);
  tower: TowerLink = $state.raw({ state: 'connecting' });
  /** Local clock of the newest frame. */
  heardMs = $state(0);
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

  #stream: Stream | null = null;
  #publishing: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    this.#stream?.close();
    this.tower = { state: 'connecting' };
    this.#stream = new Stream({
      frame: (frame) => this.#take(frame),
      up: () => {
        this.tower = { state: 'up' };
      },
      down: () => {
        const since = this.tower.state === 'lost' ? this.tower.sinceMs : this.heardMs || clock.now;
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
  }

  retryNow(): void {
    if (this.tower.state === 'lost') this.tower = { ...this.tower, retrying: true };
    this.#stream?.retryNow();
  }

  subscribe(sns: string[]): void {
    this.#stream?.subscribe(sns);
  }

  /** Fetches what the stream does not repeat: the recent commands and oddities of one device. */
  async load(sn: string): Promise<void> {
    try {
      const detail = await api.device(sn);
      clock.sync(detail.server_time_ms);
      this.devices.set(sn, detail.device);
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
    this.#publish();
  }

  /** Takes an alarm as the answer to an order tells it. */
  putAlarm(alarm: Alarm): void {
    this.alarms.set(alarm.alarm_id, alarm);
    this.#publish();
  }

  putMission(mission: MissionStatus): void {
    const known = this.missions.get(mission.mission_id);
    if (known?.state === 'ended' && mission.state !== 'ended') return;
    this.missions.set(mission.mission_id, mission);
    this.#publish();
  }

  #take(frame: ServerFrame): void {
    this.heardMs = clock.now;
    switch (frame.type) {
      case 'hello':
        clock.sync(frame.server_time_ms);
        this.site = frame.site;
        session.who = frame.who;
        return;
      case 'tick':
        clock.sync(frame.server_time_ms);
        return;
      case 'snapshot':
        clock.sync(frame.server_time_ms);
        this.#clear();
        for (const device of frame.devices) this.devices.set(device.sn, device);
        for (const item of frame.osd) this.osd.set(item.sn, item);
        for (const mission of frame.missions) this.missions.set(mission.mission_id, mission);
        for (const command of frame.commands) this.commands.set(command.command_id, command);
        for (const alarm of frame.alarms) this.alarms.set(alarm.alarm_id, alarm);
        for (const link of frame.links) this.links.set(link.link, link);
        this.loaded = true;
        break;
      case 'device':
        this.devices.set(frame.device.sn, frame.device);
        break;
      case 'removed':
        this.devices.delete(frame.sn);
        this.osd.delete(frame.sn);
        this.telemetry.delete(frame.sn);
        break;
      case 'osd':
        for (const item of frame.items) this.osd.set(item.sn, item);
        break;
      case 'telemetry':
        this.telemetry.set(frame.sn, { ...this.telemetry.get(frame.sn), ...frame.values });
        break;
      case 'command':
        this.#bound();
        this.commands.set(frame.command.command_id, frame.command);
        break;
      case 'mission':
        this.missions.set(frame.mission.mission_id, frame.mission);
        break;
      case 'alarm':
        this.alarms.set(frame.alarm.alarm_id, frame.alarm);
        break;
      case 'link':
        this.links.set(frame.link.link, frame.link);
        break;
      case 'lagged':
        return;
    }
    this.#publish();
  }

  /** Forgets the oldest finished commands, so that a console may stay open for weeks. */
  #bound(): void {
    if (this.commands.size < keptCommands) return;
    for (const [id, command] of this.commands) {
      if (isFinal(command.state)) this.commands.delete(id);
      if (this.commands.size < keptCommands / 2) break;
    }
  }

  #clear(): void {
    this.devices.clear();
    this.osd.clear();
    this.telemetry.clear();
    this.commands.clear();
    this.missions.clear();
    this.alarms.clear();
    this.links.clear();
  }

  #publish(): void {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined;
      this.revision += 1;
    }, publishMs);
  }
}

export const fleet = new Fleet();
