// The fake tower's side of the live stream: binary positions as docs/stream.md lays them out, and
// the text frames a console needs to show a fleet.

const classes = { dock: 0, aircraft: 1, robot: 2 };
const connections = { never_seen: 0, bringing_up: 1, online: 2, stale: 3, offline: 4 };
const perFrame = 2000;
const unknown = -2147483648;

function stateBits(device, place) {
  const connection = connections[device.connection] << 2;
  const inside = device.class === 'dock' && place?.inside ? 0x4000 : 0;
  return classes[device.class] | connection | inside;
}

function record(bytes, at, slot, device, place, nowMs) {
  bytes.writeUInt16LE(slot, at);
  bytes.writeUInt16LE(stateBits(device, place), at + 2);
  bytes.writeInt32LE(place ? Math.round(place.lat * 1e7) : unknown, at + 4);
  bytes.writeInt32LE(place ? Math.round(place.lon * 1e7) : unknown, at + 8);
  bytes.writeInt16LE(Math.round((place?.height ?? 0) * 5), at + 12);
  bytes.writeUInt16LE(Math.round((place?.heading ?? 0) * 100) % 36000, at + 14);
  bytes.writeUInt8(Math.min(254, Math.round((place?.speed ?? 0) * 5)), at + 16);
  bytes.writeUInt8(place?.battery ?? 255, at + 17);
  const age = Math.round((nowMs - (device.last_heard_ms ?? nowMs)) / 100);
  bytes.writeUInt16LE(Math.max(0, Math.min(65534, age)), at + 18);
}

/** What one connection looks at, and what it was sent. */
export class Client {
  constructor(fleet, send) {
    this.fleet = fleet;
    this.send = send;
    this.view = null;
    this.sns = [];
    this.tick = 0;
    this.sentBytes = 0;
    this.sentUpdates = 0;
  }

  hear(message) {
    if (message.type === 'subscribe') this.sns = message.sns;
    if (message.type === 'view') {
      this.view = message;
      this.positions(true);
      this.osd();
    }
    if (message.type === 'subscribe') this.telemetry();
  }

  telemetry() {
    for (const sn of this.sns) {
      const values = this.fleet.telemetry(sn);
      this.send(JSON.stringify({ type: 'telemetry', sn, values }));
    }
  }

  osd() {
    if (!this.view?.osd?.length) return;
    const wanted = new Set(this.view.osd);
    const items = this.fleet.items.filter((item) => wanted.has(item.sn));
    this.send(JSON.stringify({ type: 'osd', items, server_time_ms: Date.now() }));
  }

  #wants(device, place) {
    const { bbox, classes: wanted, sns } = this.view;
    if (sns?.includes(device.sn)) return true;
    if (wanted && !wanted.includes(device.class)) return false;
    if (!bbox) return true;
    if (!place) return false;
    const [west, south, east, north] = bbox;
    return place.lon >= west && place.lon <= east && place.lat >= south && place.lat <= north;
  }

  /** All of the view, or what was heard of it since the last second. */
  positions(full) {
    if (!this.view) return;
    const nowMs = Date.now();
    const found = [];
    for (const [sn, slot] of this.fleet.slots) {
      const device = this.fleet.devices.get(sn);
      if (!device) continue;
      if (!full && (device.connection !== 'online' || this.fleet.frozen)) continue;
      const place = device.last_heard_ms === null ? null : this.fleet.place(sn);
      if (!full && !place?.moves && (slot + this.tick) % 2 === 1) continue;
      if (this.#wants(device, place)) found.push([slot, device, place]);
    }
    if (found.length === 0 && !full) return;
    for (let from = 0; from === 0 || from < found.length; from += perFrame) {
      const part = found.slice(from, from + perFrame);
      const bytes = Buffer.alloc(24 + part.length * 20);
      bytes.set([0x50, 1, 24, 20]);
      const more = from + perFrame < found.length;
      bytes.writeUInt16LE((full && from === 0 ? 1 : 0) | (more ? 2 : 0), 4);
      bytes.writeUInt16LE(this.view.id ?? 0, 6);
      bytes.writeDoubleLE(nowMs, 8);
      bytes.writeUInt32LE(this.tick, 16);
      bytes.writeUInt16LE(part.length, 20);
      part.forEach(([slot, device, place], index) => {
        record(bytes, 24 + index * 20, slot, device, place, nowMs);
      });
      this.sentBytes += bytes.length + 4;
      this.sentUpdates += part.length;
      this.send(bytes);
    }
    this.tick += 1;
  }
}
