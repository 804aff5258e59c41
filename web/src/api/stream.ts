// The live stream. Keeps one socket open while signed in, resumes where it broke off, says up or
// down and hands frames on. It never decides what a frame means: read next state/fleet.svelte.ts.
// What goes over the line is told in docs/stream.md.

import { backoffMs } from '../lib/backoff';
import { api, token } from './client';
import type { DeviceClass, ServerFrame } from './types';

/** The server ticks every second; this long without a word means the line is dead. */
const silenceMs = 6_000;
/** Closed because what may be seen has changed. */
const otherRights = 4003;
const maxSubscriptions = 16;
const maxNamed = 200;
/** The server takes twenty messages in half a second; a map that is dragged asks for less. */
const viewEveryMs = 250;

export interface StreamEvents {
  frame: (frame: ServerFrame) => void;
  positions: (data: ArrayBuffer) => void;
  up: () => void;
  down: (retryInMs: number) => void;
}

/** Whose positions are wanted (none, while `classes` is empty and no one is named). */
export interface View {
  /** West, south, east, north; null for the whole world. */
  bbox: [number, number, number, number] | null;
  classes: DeviceClass[] | null;
  /** Wanted wherever they are. */
  sns: string[];
  /** Rows on the screen, whose summary is wanted each second. */
  osd: string[];
}

export class Stream {
  #events: StreamEvents;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #subscribed: string[] = [];
  #view: View | null = null;
  #viewId = 0;
  #viewSentMs = 0;
  #viewLater: ReturnType<typeof setTimeout> | undefined;
  #greeted = false;
  #epoch: string | number | null = null;
  #seq: number | null = null;
  #closed = false;

  constructor(events: StreamEvents) {
    this.#events = events;
    this.#open();
  }

  /** Replaces the set of devices whose whole telemetry is wanted. */
  subscribe(sns: string[]): void {
    this.#subscribed = sns.slice(0, maxSubscriptions);
    this.#sendSubscription();
  }

  /** Replaces what is looked at. */
  look(view: View): void {
    const same = JSON.stringify(view) === JSON.stringify(this.#view);
    this.#view = view;
    if (!same) this.#sendView();
  }

  /** Tries at once, without waiting for the back-off. */
  retryNow(): void {
    if (this.#closed || this.#socket) return;
    clearTimeout(this.#retry);
    this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    clearTimeout(this.#viewLater);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #open(): void {
    const bearer = token.get();
    if (!bearer || this.#closed) return;
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const known = this.#epoch !== null && this.#seq !== null;
    const resume = known ? `?resume=${this.#epoch}.${this.#seq}` : '';
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/stream${resume}`, [
      'gwanje.v2',
      `bearer.${bearer}`,
    ]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#greeted = false;
    this.#watch(socket);
    socket.onmessage = (message) => {
      if (this.#socket !== socket) return;
      this.#watch(socket);
      if (message.data instanceof ArrayBuffer) this.#events.positions(message.data);
      else this.#take(String(message.data));
    };
    socket.onclose = ({ code }) => {
      // Another part of the fleet is seen from now on: what was told is no place to go on from.
      if (code === otherRights && this.#socket === socket) this.#epoch = null;
      this.#lost(socket);
    };
  }

  #take(text: string): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch {
      return;
    }
    if (frame.type === 'hello') {
      this.#attempt = 0;
      this.#greeted = true;
      this.#epoch = frame.epoch;
      this.#events.up();
      this.#sendSubscription();
      this.#sendView();
    } else if (frame.type === 'snapshot') {
      // Half a snapshot is no state to go on from.
      this.#seq = frame.last ? frame.seq : null;
    } else if (frame.type === 'missed') {
      this.#seq = null;
    } else if (
      frame.type !== 'resumed' &&
      'seq' in frame &&
      frame.seq !== null &&
      this.#seq !== null
    ) {
      // `resumed` names where the missed events will end: they are not here yet.
      this.#seq = frame.seq;
    }
    this.#events.frame(frame);
  }

  #watch(socket: WebSocket): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      // A half-open connection may take minutes to close by itself: drop it here and now.
      this.#lost(socket);
      socket.close();
    }, silenceMs);
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    if (this.#closed) return;
    const wait = backoffMs(this.#attempt);
    this.#attempt += 1;
    this.#events.down(wait);
    this.#retry = setTimeout(() => this.#open(), wait);
    // A browser hides why an upgrade failed; a plain call tells an ended session from a dead tower.
    if (this.#attempt === 1 || this.#attempt % 5 === 0) void api.system().catch(() => {});
  }

  #sendSubscription(): void {
    this.#send({ type: 'subscribe', sns: this.#subscribed });
  }

  #sendView(): void {
    if (!this.#view || !this.#greeted) return;
    const wait = this.#viewSentMs + viewEveryMs - performance.now();
    if (wait > 0) {
      this.#viewLater ??= setTimeout(() => {
        this.#viewLater = undefined;
        this.#sendView();
      }, wait);
      return;
    }
    this.#viewSentMs = performance.now();
    this.#viewId = (this.#viewId + 1) % 65_536;
    const { bbox, classes, sns, osd } = this.#view;
    this.#send({
      type: 'view',
      id: this.#viewId,
      bbox,
      classes,
      sns: sns.slice(0, maxNamed),
      osd: osd.slice(0, maxNamed),
    });
  }

  #send(message: unknown): void {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.#greeted) return;
    this.#socket.send(JSON.stringify(message));
  }
}
