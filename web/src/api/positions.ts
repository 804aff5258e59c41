// Binary position records of the live stream (docs/stream.md). Reads a frame without making an
// object a device; what a value means for the map is decided elsewhere.
// Unknown values are NaN (numbers) or null (words): never zero.

import type { Activity, Connection, DeviceClass, Priority } from './types';

const kind = 0x50;
const version = 1;
const smallestHeader = 24;
const smallestRecord = 20;

const fullFlag = 1;
const moreFlag = 2;

const nowhere = -0x8000_0000;
const noHeight = -0x8000;
const noHeading = 0xffff;
const noByte = 0xff;
const noAge = 0xffff;

const classes: readonly DeviceClass[] = ['dock', 'aircraft', 'robot'];
const connections: readonly Connection[] = [
  'never_seen',
  'bringing_up',
  'online',
  'stale',
  'offline',
];
const activities: readonly Activity[] = [
  'unknown',
  'idle',
  'on_site_debugging',
  'remote_debugging',
  'upgrading',
  'working',
  'standby',
  'preparing',
  'taking_off',
  'flying_mission',
  'flying',
  'returning',
  'landing',
  'aircraft_offline',
];
const priorities: readonly (Priority | null)[] = [null, 'low', 'medium', 'high'];

/** One record; `PositionsFrame.read` fills the one it is given. */
export interface PositionRecord {
  /** The device's number, announced by `snapshot` and `slots` frames. */
  slot: number;
  /** The state bits as sent; `stateOf` reads them. */
  state: number;
  /** Degrees, NaN where not known. */
  latitudeDeg: number;
  /** Degrees, NaN where not known. */
  longitudeDeg: number;
  /** Metres, NaN where not known. */
  heightM: number;
  /** Degrees from north, NaN where not known. */
  headingDeg: number;
  /** Metres a second, NaN where not known. */
  speedMps: number;
  /** 0–100, NaN where not known. */
  batteryPercent: number;
  /** Age of the position when the frame was made, NaN where nothing was heard. */
  ageMs: number;
}

/** The state bits in words. */
export interface PositionState {
  class: DeviceClass | null;
  connection: Connection | null;
  activity: Activity | null;
  /** The most urgent alarm that is up. */
  alarm: Priority | null;
  locked: boolean;
  onMission: boolean;
  coverOpen: boolean;
  aircraftInside: boolean;
  charging: boolean;
}

export function emptyRecord(): PositionRecord {
  return {
    slot: 0,
    state: 0,
    latitudeDeg: Number.NaN,
    longitudeDeg: Number.NaN,
    heightM: Number.NaN,
    headingDeg: Number.NaN,
    speedMps: Number.NaN,
    batteryPercent: Number.NaN,
    ageMs: Number.NaN,
  };
}

export function stateOf(bits: number): PositionState {
  return {
    class: classes[bits & 3] ?? null,
    connection: connections[(bits >> 2) & 7] ?? null,
    activity: activities[(bits >> 5) & 15] ?? null,
    alarm: priorities[(bits >> 9) & 3] ?? null,
    locked: (bits & 0x0800) !== 0,
    onMission: (bits & 0x1000) !== 0,
    coverOpen: (bits & 0x2000) !== 0,
    aircraftInside: (bits & 0x4000) !== 0,
    charging: (bits & 0x8000) !== 0,
  };
}

/** A frame this decoder cannot read; the console then says that it must be loaded again. */
export class PositionsError extends Error {}

export class PositionsFrame {
  /** What this frame and its followers do not name is not in the view. */
  readonly full: boolean;
  /** More frames of this tick follow. */
  readonly more: boolean;
  /** `id` of the `view` message this answers. */
  readonly view: number;
  readonly serverTimeMs: number;
  readonly tick: number;
  /** Records in the frame. */
  readonly count: number;
  /** Ticks merged into this one because this client was not ready for them. */
  readonly missedTicks: number;

  readonly #bytes: DataView;
  readonly #header: number;
  readonly #record: number;

  /** Throws `PositionsError` for a frame of another kind or version, or a cut one. */
  constructor(buffer: ArrayBuffer) {
    const bytes = new DataView(buffer);
    if (bytes.byteLength < smallestHeader || bytes.getUint8(0) !== kind) {
      throw new PositionsError('not a positions frame');
    }
    if (bytes.getUint8(1) !== version) {
      throw new PositionsError(`positions of version ${bytes.getUint8(1)}`);
    }
    this.#header = bytes.getUint8(2);
    this.#record = bytes.getUint8(3);
    const flags = bytes.getUint16(4, true);
    this.full = (flags & fullFlag) !== 0;
    this.more = (flags & moreFlag) !== 0;
    this.view = bytes.getUint16(6, true);
    this.serverTimeMs = bytes.getFloat64(8, true);
    this.tick = bytes.getUint32(16, true);
    this.count = bytes.getUint16(20, true);
    this.missedTicks = bytes.getUint16(22, true);
    const short = this.#header < smallestHeader || this.#record < smallestRecord;
    if (short || bytes.byteLength < this.#header + this.count * this.#record) {
      throw new PositionsError('a positions frame is shorter than it says');
    }
    this.#bytes = bytes;
  }

  /** Reads record `index` (below `count`) into `into` and returns it. */
  read(index: number, into: PositionRecord): PositionRecord {
    const bytes = this.#bytes;
    const at = this.#header + index * this.#record;
    const latitude = bytes.getInt32(at + 4, true);
    const longitude = bytes.getInt32(at + 8, true);
    const height = bytes.getInt16(at + 12, true);
    const heading = bytes.getUint16(at + 14, true);
    const speed = bytes.getUint8(at + 16);
    const battery = bytes.getUint8(at + 17);
    const age = bytes.getUint16(at + 18, true);
    into.slot = bytes.getUint16(at, true);
    into.state = bytes.getUint16(at + 2, true);
    into.latitudeDeg = latitude === nowhere ? Number.NaN : latitude / 1e7;
    into.longitudeDeg = longitude === nowhere ? Number.NaN : longitude / 1e7;
    into.heightM = height === noHeight ? Number.NaN : height / 5;
    into.headingDeg = heading === noHeading ? Number.NaN : heading / 100;
    into.speedMps = speed === noByte ? Number.NaN : speed / 5;
    into.batteryPercent = battery === noByte ? Number.NaN : battery;
    into.ageMs = age === noAge ? Number.NaN : age * 100;
    return into;
  }
}
