// Invented docks for the fake tower. Moves values and plays commands and missions by timer.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { newAlarm } from './fake-alarms.mjs';

const now = () => Date.now();
/** Towns the docks stand around, so that they stand on land. */
const towns = JSON.parse(
  readFileSync(new URL('../basemap/places.json', import.meta.url), 'utf8'),
).korea.filter((place) => place.kind !== 'province' && !/신안|옹진|울릉|완도|진도/.test(place.ko));

/** The same numbers each time. */
function random(seed) {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const places = ['새만금 동측', '군산항', '대전 3공구', '포항 제철', '여수 석유화학', '평창 풍력'];

function status(sn, extra) {
  return {
    sn,
    class: 'dock',
    name: '',
    model: 'DJI Dock 2',
    gateway_sn: null,
    children: [],
    connection: 'online',
    phase: 'complete',
    reason: null,
    activity: 'idle',
    since_ms: now() - 8.3e6,
    last_heard_ms: now(),
    clock_skew_ms: 120,
    firmware: '10.01.1606',
    mission_id: null,
    flight_lock: null,
    unknown_count: 0,
    ...extra,
  };
}

export class Fleet {
  /** `flying`: the share of docks whose aircraft is up; `robots`: how many drive about. */
  constructor(count, broadcast, { flying = 0.1, robots = 0, calm = false, dense = false } = {}) {
    this.broadcast = broadcast;
    this.flying = flying;
    this.calm = calm;
    // All around one town: every symbol is on the screen.
    this.spread = dense ? { lon: 0.5, lat: 0.4 } : null;
    this.slots = new Map();
    this.moving = new Map();
    this.devices = new Map();
    this.commands = new Map();
    this.missions = new Map();
    this.traces = new Map();
    this.alarms = [];
    this.state = new Map();
    this.waylines = [];
    this.links = ['telemetry', 'events', 'commands'].map((link) => ({
      link,
      connected: true,
      address: '127.0.0.1:1883',
      since_ms: now(),
      error: null,
    }));
    for (let n = 1; n <= count; n += 1) this.#add(n);
    for (let n = 1; n <= robots; n += 1) this.#addRobot(n);
    for (const sn of this.devices.keys()) this.slots.set(sn, this.slots.size);
  }

  #add(n) {
    const sn = `SIMDK2${String(n).padStart(8, '0')}`;
    const craft = `SIMM3D${String(n).padStart(8, '0')}`;
    const special =
      (this.calm
        ? null
        : {
            3: {
              connection: 'offline',
              since_ms: now() - 754_000,
              last_heard_ms: now() - 784_000,
              reason: {
                code: 'silent',
                message: 'Nothing was heard of the dock for 30 s; it was connected before.',
              },
            },
            4: { activity: 'remote_debugging' },
            5: {
              connection: 'bringing_up',
              phase: 'configured',
              reason: {
                code: 'no_topology',
                message: 'Connected and configured, but it never sent update_topo.',
              },
            },
            6: {
              connection: 'never_seen',
              phase: 'enrolled',
              last_heard_ms: null,
              reason: { code: 'never_connected', message: 'No login was seen at the broker.' },
            },
            7: { connection: 'stale', since_ms: now() - 14_000, last_heard_ms: now() - 14_000 },
            8: {
              reason: { code: 'clock_skew', message: 'The clock of the dock is 45 s behind.' },
              clock_skew_ms: -45_200,
            },
          }[n]) ?? {};
    const chance = random(n);
    const town = this.#town(chance);
    const name = n % 9 === 4 ? '' : `${n <= 6 ? places[n % places.length] : town.ko} ${n}`;
    this.devices.set(sn, status(sn, { name, children: n === 6 ? [] : [craft], ...special }));
    if (n !== 6) {
      this.devices.set(
        craft,
        status(craft, {
          class: 'aircraft',
          model: 'Matrice 3TD',
          gateway_sn: sn,
          activity: 'standby',
          phase: null,
          clock_skew_ms: null,
          connection: special.connection ?? 'online',
        }),
      );
    }
    this.state.set(sn, {
      cover: 0,
      light: 0,
      inDock: 1,
      battery: 60 + (n % 40),
      height: 0,
      speed: 0,
      wind: (n % 70) / 10,
    });
    const up = n > 8 && chance() < this.flying && !special.connection;
    this.moving.set(sn, {
      lon: town.at[0] + (chance() - 0.5) * 0.14,
      lat: town.at[1] + (chance() - 0.5) * 0.1,
      phase: chance() * 6.283,
      radius: 300 + chance() * 900,
      up,
    });
    if (up) {
      const craftNow = this.devices.get(craft);
      craftNow.activity = 'flying_mission';
      Object.assign(this.state.get(sn), { inDock: 0, height: 82.4, speed: 11.8 });
      this.devices.get(sn).activity = 'working';
    }
    if (this.calm) return;
    const skewed = { code: 'clock_skew', message: 'The clock of the dock is 45 s behind.' };
    if (n % 97 === 0) {
      this.alarms.push(newAlarm(sn, n % 2 ? 'medium' : 'high', skewed, now() - n * 1000));
    }
    if (n === 8) this.alarms.push(newAlarm(sn, 'medium', special.reason, now() - 93_000));
    if (n === 3) this.alarms.push(newAlarm(sn, 'high', special.reason, now() - 754_000));
  }

  #town(chance) {
    const town = towns[Math.floor(chance() * towns.length)];
    if (!this.spread) return town;
    const at = [
      127.385 + (chance() - 0.5) * this.spread.lon,
      36.35 + (chance() - 0.5) * this.spread.lat,
    ];
    return { ...town, at };
  }

  #addRobot(n) {
    const chance = random(n + 7777);
    const town = this.#town(chance);
    const sn = `AMR${String(n).padStart(6, '0')}`;
    this.devices.set(
      sn,
      status(sn, { class: 'robot', name: `${town.ko} AMR ${n}`, model: 'AMR', phase: null }),
    );
    this.moving.set(sn, {
      lon: town.at[0] + (chance() - 0.5) * 0.06,
      lat: town.at[1] + (chance() - 0.5) * 0.05,
      phase: chance() * 6.283,
      radius: 40 + chance() * 160,
      up: true,
    });
  }

  /** Where a device is: degrees, heading, speed, height, battery. */
  place(sn) {
    const device = this.devices.get(sn);
    const own = this.moving.get(device.gateway_sn ?? sn);
    if (!own) return null;
    const turn = device.class === 'robot' ? 0.01 : 11.8 / own.radius;
    const moves = own.up && device.class !== 'dock';
    const angle = own.phase + (moves ? (Date.now() / 1000) * turn : 0);
    const reach = moves ? own.radius / 111320 : 0;
    const s = this.state.get(device.gateway_sn ?? sn);
    return {
      lat: own.lat + Math.sin(angle) * reach,
      lon: own.lon + (Math.cos(angle) * reach) / 0.8,
      heading: moves ? ((((-angle * 180) / Math.PI) % 360) + 360) % 360 : 0,
      speed: moves ? (device.class === 'robot' ? 1.2 : 11.8) : 0,
      height: moves && device.class === 'aircraft' ? 82.4 : 0,
      battery: s ? Math.round(s.battery) : 80,
      inside: s ? s.inDock === 1 : false,
      moves,
    };
  }

  #heard(sn) {
    return this.devices.get(sn)?.connection === 'online';
  }

  #osd(dock) {
    const s = this.state.get(dock.sn);
    const items = [
      {
        sn: dock.sn,
        class: 'dock',
        received_ms: dock.last_heard_ms,
        wind_speed_mps: s.wind,
        cover_state: s.cover,
        drone_in_dock: s.inDock,
        rainfall: 0,
        charging: 1,
        mode_code: 0,
      },
    ];
    if (dock.children[0]) {
      items.push({
        sn: dock.children[0],
        class: 'aircraft',
        received_ms: dock.last_heard_ms,
        battery_percent: Math.round(s.battery),
        height_m: s.height,
        horizontal_speed_mps: s.speed,
        latitude_deg: this.place(dock.children[0]).lat,
        longitude_deg: this.place(dock.children[0]).lon,
      });
    }
    return items;
  }

  snapshot() {
    return {
      type: 'snapshot',
      part: 0,
      last: true,
      seq: 1,
      devices: [...this.devices.values()],
      slots: [...this.slots].map(([sn, slot]) => [slot, sn]),
      missions: [...this.missions.values()],
      commands: [...this.commands.values()],
      alarms: this.alarms,
      links: this.links,
      server_time_ms: now(),
    };
  }

  step() {
    const items = [];
    for (const dock of this.devices.values()) {
      if (dock.class !== 'dock' || !this.#heard(dock.sn)) continue;
      const s = this.state.get(dock.sn);
      s.wind = Math.max(0, s.wind + Math.random() * 0.4 - 0.2);
      dock.last_heard_ms = now();
      if (dock.children[0]) this.devices.get(dock.children[0]).last_heard_ms = now();
      items.push(...this.#osd(dock));
    }
    for (const device of this.devices.values()) {
      if (device.class === 'robot') device.last_heard_ms = now();
    }
    return items;
  }

  telemetry(sn) {
    const device = this.devices.get(sn);
    if (device?.class === 'robot') return {};
    const dock = device?.class === 'dock' ? device : this.devices.get(device?.gateway_sn);
    if (!dock?.last_heard_ms) return {};
    const s = this.state.get(dock.sn);
    const table =
      device.class === 'dock'
        ? {
            cover_state: [s.cover, ''],
            drone_in_dock: [s.inDock, ''],
            'drone_charge_state.state': [1, ''],
            'drone_charge_state.capacity_percent': [s.battery, '%'],
            supplement_light_state: [s.light, ''],
            emergency_stop_state: [0, ''],
            wind_speed: [s.wind, 'm/s'],
            rainfall: [0, ''],
            environment_temperature: [21.4, '°C'],
            temperature: [24.8, '°C'],
            humidity: [46, '%RH'],
            'network_state.type': [2, ''],
            'network_state.quality': [5, ''],
            'network_state.rate': [812.4, 'KB/s'],
            'wireless_link.sdr_quality': [5, ''],
            'wireless_link.4g_quality': [4, ''],
            'storage.used': [12_400_000, 'KB'],
            'storage.total': [102_400_000, 'KB'],
            mode_code: [0, ''],
          }
        : {
            elevation: [s.height, 'm'],
            horizontal_speed: [s.speed, 'm/s'],
            vertical_speed: [0, 'm/s'],
            attitude_head: [42, '°'],
            home_distance: [s.height * 3, 'm'],
            wind_speed: [s.wind, 'm/s'],
            'battery.capacity_percent': [Math.round(s.battery), '%'],
            'battery.remain_flight_time': [1860, 's'],
            'battery.return_home_power': [18, '%'],
            'position_state.is_fixed': [2, ''],
            'position_state.rtk_number': [28, ''],
            'position_state.gps_number': [19, ''],
            latitude: [this.place(sn).lat, '°'],
            longitude: [this.place(sn).lon, '°'],
            home_latitude: [this.place(dock.sn).lat, '°'],
            home_longitude: [this.place(dock.sn).lon, '°'],
            'distance_limit_status.state': [1, ''],
            'distance_limit_status.distance_limit': [1500, 'm'],
          };
    const at = device.last_heard_ms;
    return Object.fromEntries(
      Object.entries(table).map(([key, [value, unit]]) => [
        key,
        { value, unit, source_ms: at, received_ms: key === 'humidity' ? at - 16_000 : at },
      ]),
    );
  }

  detail(sn) {
    const device = this.devices.get(sn);
    if (!device) return [404, { title: 'No such device', code: 'no_device' }];
    const mission = [...this.missions.values()].reverse().find((m) => m.sn === sn) ?? null;
    return [
      200,
      {
        device,
        telemetry: this.telemetry(sn),
        mission,
        server_time_ms: now(),
        commands: [...this.commands.values()].filter((c) => c.sn === sn).reverse(),
        unknowns: [{ firmware: '10.01.1606', kind: 'field', key: 'osd.foo_bar', count: 12 }],
      },
    ];
  }

  #note(trace, actor, action, extra = {}) {
    const steps = this.traces.get(trace) ?? [];
    const at = now();
    steps.push({
      trace_id: trace,
      at_ms: at,
      actor,
      action,
      action_duration_ms: steps.length ? at - steps.at(-1).at_ms : 0,
      response_code: null,
      sn: null,
      command_id: null,
      mission_id: null,
      method: null,
      detail: null,
      ...extra,
    });
    this.traces.set(trace, steps);
  }

  trace(id) {
    return this.traces.get(id) ?? [];
  }

  command(sn, { method, idempotency_key }) {
    const known = [...this.commands.values()].find((c) => c.idempotency_key === idempotency_key);
    if (known) return [200, known];
    const dock = this.devices.get(sn);
    const command = {
      command_id: randomUUID(),
      trace_id: randomUUID(),
      request_id: randomUUID(),
      request_code: `service_platform.command.${method}`,
      sn,
      method,
      mission_id: null,
      idempotency_key,
      issued_by: 'operator',
      state: 'accepted',
      response_code: null,
      reason: null,
      progress: null,
      counter_action: false,
      accepted_ms: now(),
      expires_ms: now() + 10_000,
      steps: [],
    };
    this.commands.set(command.command_id, command);
    this.#note(command.trace_id, 'service_platform.api', 'request', { method, sn });
    const to = (state, extra = {}) => {
      const last = command.steps.at(-1)?.at_ms ?? command.accepted_ms;
      Object.assign(command, { state }, extra);
      command.steps.push({ step: state, at_ms: now(), action_duration_ms: now() - last });
      this.#note(
        command.trace_id,
        state === 'acknowledged' || state === 'succeeded' ? `device.${sn}` : 'data_core.dock',
        state,
        { method, response_code: command.response_code },
      );
      this.broadcast({ type: 'command', command });
    };
    setTimeout(() => to('journaled'), 20);
    setTimeout(() => to('sent'), 60);
    if (sn.endsWith('4') && method === 'cover_close') {
      setTimeout(
        () =>
          to('unknown', {
            response_code: 'unknown',
            reason: { code: 'lost_reply', message: 'No reply within 10 s.' },
          }),
        1500,
      );
      return [202, command];
    }
    setTimeout(
      () => to('acknowledged', { progress: { percent: 40, step_key: 'open_cover' } }),
      900,
    );
    setTimeout(() => {
      const s = this.state.get(sn);
      if (method.startsWith('supplement')) s.light = method.endsWith('open') ? 1 : 0;
      if (method.startsWith('cover')) s.cover = method.endsWith('open') ? 1 : 0;
      if (method.startsWith('debug'))
        dock.activity = method.endsWith('open') ? 'remote_debugging' : 'idle';
      to('succeeded', { response_code: 'ok' });
      this.broadcast({ type: 'device', device: dock });
    }, 2200);
    return [202, command];
  }

  resolve(id, { outcome, note }) {
    const command = this.commands.get(id);
    Object.assign(command, {
      state: outcome,
      response_code: outcome === 'failed' ? 'failed' : 'ok',
      reason: { code: 'resolved_by_person', message: `Settled by operator: ${note}` },
    });
    this.broadcast({ type: 'command', command });
    return [200, command];
  }

  upload(name, body) {
    if (body.length < 4 || body.toString('latin1', 0, 2) !== 'PK') {
      return [
        422,
        { title: 'Not a KMZ', code: 'bad_kmz', detail: 'The file is not a zip package.' },
      ];
    }
    const wayline = {
      wayline_id: randomUUID(),
      name,
      size_bytes: body.length,
      md5: '0',
      summary: { waypoint_count: 12, length_m: 1840, duration_s: 312 },
    };
    this.waylines.unshift(wayline);
    return [201, wayline];
  }

  start(order) {
    const dock = this.devices.get(order.sn);
    const craft = this.devices.get(dock.children[0]);
    const wayline = this.waylines.find((w) => w.wayline_id === order.wayline_id);
    const mission = {
      mission_id: randomUUID(),
      trace_id: randomUUID(),
      request_id: randomUUID(),
      sn: order.sn,
      wayline_id: order.wayline_id,
      wayline_name: wayline.name,
      waypoint_count: 12,
      issued_by: 'operator',
      idempotency_key: order.idempotency_key,
      state: 'preparing',
      verdict: null,
      reason: null,
      accepted_ms: now(),
      ended_ms: null,
      steps: [],
      progress: {
        percent: null,
        current_step: 0,
        wayline_mission_state: null,
        waypoint_index: null,
        media_count: null,
      },
    };
    this.missions.set(mission.mission_id, mission);
    const s = this.state.get(order.sn);
    let tick = 0;
    const timer = setInterval(() => {
      tick += 1;
      const flying = tick > 6 && tick < 40;
      mission.state = tick < 3 ? 'preparing' : tick < 5 ? 'starting' : 'executing';
      mission.progress = {
        percent: Math.min(100, Math.round((tick / 45) * 100)),
        current_step: tick < 6 ? 7 : tick < 40 ? 24 : 27,
        wayline_mission_state: 6,
        waypoint_index: flying ? Math.floor((tick - 6) / 3) : null,
        media_count: flying ? tick : 0,
      };
      Object.assign(s, {
        height: flying ? 82.4 : 0,
        speed: flying ? 11.8 : 0,
        inDock: flying ? 0 : 1,
        battery: s.battery - 0.2,
      });
      craft.activity = flying ? 'flying_mission' : 'preparing';
      this.moving.get(order.sn).up = flying;
      Object.assign(dock, { mission_id: mission.mission_id, activity: 'working' });
      if (tick >= 45) {
        Object.assign(mission, { state: 'ended', verdict: 'ok', ended_ms: now() });
        Object.assign(dock, { mission_id: null, activity: 'idle' });
        craft.activity = 'standby';
        clearInterval(timer);
      }
      mission.steps.push({
        step: 'progress',
        at_ms: now(),
        action_duration_ms: 1000,
        detail: `${mission.progress.percent} %`,
      });
      for (const device of [dock, craft]) this.broadcast({ type: 'device', device });
      this.broadcast({ type: 'mission', mission });
    }, 1000);
    return [202, mission];
  }

  /** A route around the dock of the mission that flies it. */
  route(wayline) {
    const mission = [...this.missions.values()].find((one) => one.wayline_id === wayline);
    const dock = mission ? this.moving.get(mission.sn) : null;
    if (!dock) return { type: 'FeatureCollection', features: [] };
    const size = dock.radius / 111320;
    const corners = [
      [-1, -1],
      [-0.3, 1],
      [0.4, -1],
      [1, 1],
    ].map(([x, y]) => [dock.lon + (x * size) / 0.8, dock.lat + y * size, 80]);
    const feature = (type, coordinates) => ({
      type: 'Feature',
      properties: {},
      geometry: { type, coordinates },
    });
    const points = corners.map((corner) => feature('Point', corner));
    return { type: 'FeatureCollection', features: [feature('LineString', corners), ...points] };
  }

  /** The last minute of its circle. */
  track(sn) {
    const own = this.moving.get(this.devices.get(sn)?.gateway_sn ?? sn);
    if (!own?.up || this.devices.get(sn).class === 'dock') return { sn, points: [] };
    const points = Array.from({ length: 60 }, (_, index) => {
      const at = now() - (60 - index) * 1000;
      const angle = own.phase + ((at / 1000) * 11.8) / own.radius;
      const reach = own.radius / 111320;
      return [at, own.lon + (Math.cos(angle) * reach) / 0.8, own.lat + Math.sin(angle) * reach, 82];
    });
    return { sn, points, home: null, server_time_ms: now() };
  }

  mission(id) {
    const mission = this.missions.get(id);
    return mission ? [200, mission] : [404, { title: 'No such mission', code: 'no_mission' }];
  }

  enrol({ sn, name }) {
    const device = status(sn, {
      name,
      connection: 'never_seen',
      phase: 'enrolled',
      last_heard_ms: null,
    });
    this.devices.set(sn, device);
    this.state.set(sn, { cover: 0, light: 0, inDock: 1, battery: 0, height: 0, speed: 0, wind: 0 });
    this.broadcast({ type: 'device', device });
    return [
      201,
      {
        sn,
        name,
        mqtt: {
          host: '192.168.0.10',
          port: 1883,
          tls: false,
          username: sn,
          password: 'shown-once',
        },
        pilot2: [
          { field: 'MQTT address', value: 'tcp://192.168.0.10:1883' },
          { field: 'Account', value: sn },
          { field: 'Password', value: 'shown-once' },
        ],
        next: ['Type these values into DJI Pilot 2.', 'Restart the dock.'],
      },
    ];
  }

  remove(sn) {
    this.devices.delete(sn);
    this.broadcast({ type: 'removed', sn });
    return [204];
  }
}
