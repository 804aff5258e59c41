// Where every device is: plain arrays by slot, two positions each, so that a shader can move the
// symbol from one to the next. Nothing here runs ahead of what was heard: the later position is
// the last one reported, and the way there takes no longer than the reports were apart.

import { emptyRecord, PositionsFrame } from '../api/positions';
import type { FleetState } from '../lib/fleet-state';
import { mercatorX, mercatorY } from './mercator';

/** Drawn in this order: what needs a person comes last, on top. */
export const drawOrder = [
  'bringup',
  'ready',
  'service',
  'flying',
  'stale',
  'offline',
  'attention',
] as const satisfies readonly FleetState[];

const rankOf = new Map<string, number>(drawOrder.map((state, rank) => [state, rank]));
export const rank = (state: FleetState): number => rankOf.get(state) ?? 0;

/** Symbols move for at most this long after a report, ms. */
const longestMoveMs = 2500;
const shortestMoveMs = 400;
/** Farther than this between two reports a symbol jumps: about 4 km at the equator. */
const jump = 1e-4;

/** One record for all of them: ten thousand a second would only be litter. */
const record = emptyRecord();

export const hidden = 1;
export const dimmed = 2;

export class PositionTable {
  size = 0;
  /** Bumped with every change that must be drawn. */
  version = 0;
  present = new Uint8Array(0);
  bits = new Uint16Array(0);
  lon = new Float64Array(0);
  lat = new Float64Array(0);
  fromX = new Float64Array(0);
  fromY = new Float64Array(0);
  toX = new Float64Array(0);
  toY = new Float64Array(0);
  /** Local clock (performance.now) when the move began, and how long it takes. */
  beganMs = new Float64Array(0);
  moveMs = new Float32Array(0);
  heading = new Float32Array(0);
  height = new Float32Array(0);
  speed = new Float32Array(0);
  battery = new Float32Array(0);
  /** Server time of the position, ms. */
  heardMs = new Float64Array(0);
  /** Rank of the state it is drawn in (`drawOrder`), and whether it is drawn at all. */
  state = new Uint8Array(0);
  looks = new Uint8Array(0);
  /** When the last move ends: nothing moves after it. */
  movingUntilMs = 0;
  updates = 0;
  #seen = new Uint8Array(0);
  #inFull = false;

  /** Takes a binary frame that came at `nowMs` of the local clock. Throws for one it cannot read. */
  apply(data: ArrayBuffer, nowMs: number): PositionsFrame {
    const frame = new PositionsFrame(data);
    if (frame.full) {
      this.#seen.fill(0);
      this.#inFull = true;
    }
    for (let index = 0; index < frame.count; index += 1) {
      this.#take(frame.read(index, record), frame.serverTimeMs, nowMs);
    }
    this.updates += frame.count;
    if (this.#inFull && !frame.more) {
      this.#inFull = false;
      for (let slot = 0; slot < this.size; slot += 1) {
        if (!this.#seen[slot]) this.present[slot] = 0;
      }
    }
    this.version += 1;
    return frame;
  }

  #take(one: typeof record, serverMs: number, nowMs: number): void {
    const { slot } = one;
    if (slot >= this.size) this.#grow(slot + 1);
    this.bits[slot] = one.state;
    this.height[slot] = one.heightM;
    this.speed[slot] = one.speedMps;
    this.battery[slot] = one.batteryPercent;
    if (!Number.isNaN(one.headingDeg)) this.heading[slot] = one.headingDeg;
    if (this.#inFull) this.#seen[slot] = 1;
    if (!Number.isNaN(one.ageMs)) this.heardMs[slot] = serverMs - one.ageMs;
    if (Number.isNaN(one.latitudeDeg) || Number.isNaN(one.longitudeDeg)) this.present[slot] = 0;
    else this.#move(slot, one.longitudeDeg, one.latitudeDeg, nowMs);
  }

  #move(slot: number, lon: number, lat: number, nowMs: number): void {
    const [x, y] = [mercatorX(lon), mercatorY(lat)];
    const known = this.present[slot] === 1;
    if (known && lon === this.lon[slot] && lat === this.lat[slot]) return;
    const [shownX, shownY] = this.shown(slot, nowMs);
    const far = !known || Math.abs(x - shownX) > jump || Math.abs(y - shownY) > jump;
    const since = nowMs - (this.beganMs[slot] ?? 0);
    this.present[slot] = 1;
    this.lon[slot] = lon;
    this.lat[slot] = lat;
    this.fromX[slot] = far ? x : shownX;
    this.fromY[slot] = far ? y : shownY;
    this.toX[slot] = x;
    this.toY[slot] = y;
    this.beganMs[slot] = nowMs;
    const move = far ? 0 : Math.min(longestMoveMs, Math.max(shortestMoveMs, since * 1.05));
    this.moveMs[slot] = move;
    if (nowMs + move > this.movingUntilMs) this.movingUntilMs = nowMs + move;
  }

  /** Where a symbol is drawn at a moment: between the two positions, never beyond the later. */
  shown(slot: number, nowMs: number): [number, number] {
    const move = this.moveMs[slot] ?? 0;
    const part = move > 0 ? Math.min(1, (nowMs - (this.beganMs[slot] ?? 0)) / move) : 1;
    const [fx, fy] = [this.fromX[slot] ?? 0, this.fromY[slot] ?? 0];
    return [fx + ((this.toX[slot] ?? 0) - fx) * part, fy + ((this.toY[slot] ?? 0) - fy) * part];
  }

  /** What the fleet amounts to decides how a device is drawn. */
  paint(slot: number, state: FleetState, looks: number): void {
    if (slot >= this.size) this.#grow(slot + 1);
    const wanted = rank(state);
    if (this.state[slot] === wanted && this.looks[slot] === looks) return;
    this.state[slot] = wanted;
    this.looks[slot] = looks;
    this.version += 1;
  }

  forget(slot: number): void {
    if (slot >= this.size) return;
    this.present[slot] = 0;
    this.looks[slot] = hidden;
    this.version += 1;
  }

  clear(): void {
    this.present.fill(0);
    this.version += 1;
  }

  /** 0 dock, 1 aircraft, 2 robot. */
  classOf(slot: number): number {
    return (this.bits[slot] ?? 0) & 3;
  }

  #grow(wanted: number): void {
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(wanted)));
    const grown = <T extends Uint8Array | Uint16Array | Float32Array | Float64Array>(old: T): T => {
      const next = new (old.constructor as new (length: number) => T)(size);
      next.set(old);
      return next;
    };
    this.present = grown(this.present);
    this.bits = grown(this.bits);
    this.lon = grown(this.lon);
    this.lat = grown(this.lat);
    this.fromX = grown(this.fromX);
    this.fromY = grown(this.fromY);
    this.toX = grown(this.toX);
    this.toY = grown(this.toY);
    this.beganMs = grown(this.beganMs);
    this.moveMs = grown(this.moveMs);
    this.heading = grown(this.heading);
    this.height = grown(this.height);
    this.speed = grown(this.speed);
    this.battery = grown(this.battery);
    this.heardMs = grown(this.heardMs);
    this.state = grown(this.state);
    this.looks = grown(this.looks);
    this.#seen = grown(this.#seen);
    // A newcomer is not drawn until the fleet says what it is.
    this.looks.fill(hidden, this.size);
    this.size = size;
  }
}
