// The live stream. Keeps one socket open while signed in; says up or down and hands frames on.
// It never decides what a frame means: read next state/fleet.svelte.ts.

import { backoffMs } from '../lib/backoff';
import { api, token } from './client';
import type { ServerFrame } from './types';

/** The server ticks every second; this long without a word means the line is dead. */
const silenceMs = 6_000;
const maxSubscriptions = 16;

export interface StreamEvents {
  frame: (frame: ServerFrame) => void;
  up: () => void;
  down: (retryInMs: number) => void;
}

export class Stream {
  #events: StreamEvents;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #subscribed: string[] = [];
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
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #open(): void {
    const bearer = token.get();
    if (!bearer || this.#closed) return;
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/stream`, [
      'gwanje.v1',
      `bearer.${bearer}`,
    ]);
    this.#socket = socket;
    this.#watch(socket);
    socket.onmessage = (message) => {
      if (this.#socket !== socket) return;
      this.#watch(socket);
      this.#take(String(message.data));
    };
    socket.onclose = () => this.#lost(socket);
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
      this.#events.up();
      this.#sendSubscription();
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
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: 'subscribe', sns: this.#subscribed }));
  }
}
