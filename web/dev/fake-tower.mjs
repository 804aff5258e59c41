// A tower for designing screens: speaks the API, obeys nothing and proves nothing. Tests use the
// real one. `node dev/fake-tower.mjs [--docks 1000] [--robots 100]
// [--flying 0.3] [--calm 1] [--port 8099]`, then open the printed link. `POST /fake/NAME` breaks
// something: `freeze` (nothing is said any more), `broker`, `dead` (connections are cut and refused).
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { flood, orderAlarm } from './fake-alarms.mjs';
import { Fleet } from './fake-fleet.mjs';
import { Client } from './fake-stream.mjs';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const port = option('port', 8099);
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const started = Date.now();
const token = 'dev-token';
const sockets = new Map();
const site = { name: 'Saemangeum', time_zone: 'Asia/Seoul' };
const fleet = new Fleet(option('docks', 20), broadcast, {
  flying: option('flying', 0.1),
  robots: option('robots', 0),
  calm: option('calm', 0) === 1,
  dense: option('dense', 0) === 1,
});
fleet.items = fleet.step();
if (option('flood', 0))
  fleet.alarms.push(...flood([...fleet.devices.keys()].slice(0, option('flood', 0))));

const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.mjs': 'text/javascript',
};

function broadcast(frame) {
  const text = JSON.stringify(frame);
  for (const socket of sockets.keys()) socket.send(text);
}

function serveFile(path, response) {
  const wanted = path.endsWith('/') ? `${path}index.html` : path;
  const file = join(dist, normalize(wanted));
  const found =
    file.startsWith(dist) && existsSync(file) && extname(file) ? file : join(dist, 'index.html');
  response.writeHead(200, {
    'content-type': types[extname(found)] ?? 'application/octet-stream',
    'content-security-policy': csp,
    'x-content-type-options': 'nosniff',
  });
  response.end(readFileSync(found));
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function system() {
  return {
    version: '0.1.0-dev',
    started_ms: started,
    server_time_ms: Date.now(),
    threads: 1,
    links: fleet.links,
    broker: {
      kind: 'mosquitto (child)',
      stats: { 'clients/connected': 23, 'messages/received': 18211 },
    },
    store: {
      kind: 'embedded',
      ready: true,
      detail: 'the database answers',
      records_waiting: 0,
      events_waiting: 0,
      rows_written: 18211,
      rows_dropped: 0,
      spooled_bytes: 0,
    },
    loop: {
      stall_ms: { p50: 0.08, p99: 1.9, max: 24.2 },
      slow: [{ task: 'dock SIMDK20000003', ms: 24, at_ms: started }],
    },
    bus: { DeviceOsd: { written: 9120, coalesced: 31, full: 0, readers: 2, depth: 1 } },
    unknowns: [{ firmware: '10.01.1606', kind: 'field', key: 'osd.foo_bar', count: 12 }],
    site,
  };
}

const routes = [
  ['GET', /^\/system$/, () => [200, system()]],
  ['POST', /^\/session$/, () => [200, { token, expires_ms: Date.now() + 3.6e6, who: 'operator' }]],
  ['DELETE', /^\/session$/, () => [204]],
  ['GET', /^\/devices\/([^/]+)$/, ([sn]) => fleet.detail(sn)],
  ['POST', /^\/devices\/([^/]+)\/commands$/, ([sn], body) => fleet.command(sn, JSON.parse(body))],
  ['POST', /^\/commands\/([^/]+)\/resolve$/, ([id], body) => fleet.resolve(id, JSON.parse(body))],
  ['GET', /^\/waylines$/, () => [200, { waylines: fleet.waylines }]],
  ['POST', /^\/waylines$/, (_, body, query) => fleet.upload(query.get('name'), body)],
  ['GET', /^\/basemaps$/, () => [200, { basemaps: [] }]],
  ['GET', /^\/waylines\/([^/]+)\/route$/, ([id]) => [200, fleet.route(id)]],
  ['GET', /^\/devices\/([^/]+)\/track$/, ([sn]) => [200, fleet.track(sn)]],
  ['GET', /^\/missions$/, () => [200, { missions: [...fleet.missions.values()].reverse() }]],
  ['GET', /^\/missions\/([^/]+)$/, ([id]) => fleet.mission(id)],
  ['POST', /^\/missions$/, (_, body) => fleet.start(JSON.parse(body))],
  ['GET', /^\/traces\/([^/]+)$/, ([id]) => [200, { trace_id: id, steps: fleet.trace(id) }]],
  ['POST', /^\/docks$/, (_, body) => fleet.enrol(JSON.parse(body))],
  ['DELETE', /^\/docks\/([^/]+)$/, ([sn]) => fleet.remove(sn)],
  ['GET', /^\/alarms$/, () => [200, { alarms: fleet.alarms }]],
  [
    'POST',
    /^\/alarms\/([^/]+)\/(acknowledge|shelve|unshelve)$/,
    ([id, what], body) => orderAlarm(fleet, id, what, JSON.parse(body || '{}')),
  ],
  [
    'GET',
    /^\/openapi\.json$/,
    () => [
      200,
      {
        openapi: '3.1.0',
        info: { title: 'Gwanje', version: '0' },
        paths: { '/healthz': { get: { responses: { 200: { description: 'ok' } } } } },
      },
    ],
  ],
];

/** Faults, for looking at how the console shows them. */
function fault(name) {
  if (name === 'freeze') fleet.frozen = !fleet.frozen;
  if (name === 'dead') {
    fleet.dead = !fleet.dead;
    if (fleet.dead) for (const stream of sockets.keys()) stream.terminate();
  }
  if (name === 'broker') {
    for (const link of fleet.links) {
      Object.assign(link, { connected: !link.connected, since_ms: Date.now() });
      broadcast({ type: 'link', link, seq: 1 });
    }
  }
  let [bytes, updates] = [0, 0];
  for (const client of sockets.values()) {
    bytes += client.sentBytes;
    updates += client.sentUpdates;
  }
  return JSON.stringify({ bytes, updates });
}

async function answer(request, response) {
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'POST' && url.pathname.startsWith('/fake/')) {
    return response.end(fault(url.pathname.slice('/fake/'.length)));
  }
  if (!url.pathname.startsWith('/api/v1/')) return serveFile(url.pathname, response);
  const path = url.pathname.slice('/api/v1'.length);
  const open = path === '/session' && request.method === 'POST';
  const body = await readBody(request);
  let status = 404;
  let value = { title: 'Not found', code: 'not_found' };
  if (!open && request.headers.authorization !== `Bearer ${token}`) {
    [status, value] = [401, { title: 'Unauthorised', code: 'unauthorised' }];
  } else {
    for (const [method, pattern, handle] of routes) {
      const match = method === request.method && pattern.exec(path);
      if (match)
        [status, value] = handle(match.slice(1).map(decodeURIComponent), body, url.searchParams);
    }
  }
  const problem = status >= 400;
  response.writeHead(status, {
    'content-type': problem ? 'application/problem+json' : 'application/json',
  });
  response.end(
    value === undefined
      ? ''
      : JSON.stringify(problem ? { type: 'about:blank', status, ...value } : value),
  );
}

const server = createServer((request, response) => void answer(request, response));
const streams = new WebSocketServer({ noServer: true, handleProtocols: () => 'gwanje.v2' });
server.on('upgrade', (request, socket, head) => {
  if (!(request.headers['sec-websocket-protocol'] ?? '').includes(`bearer.${token}`)) {
    socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    return;
  }
  if (fleet.dead) return socket.destroy();
  streams.handleUpgrade(request, socket, head, (stream) => {
    const client = new Client(fleet, (data) => stream.send(data));
    sockets.set(stream, client);
    stream.on('close', () => sockets.delete(stream));
    stream.on('message', (data) => client.hear(JSON.parse(String(data))));
    stream.send(
      JSON.stringify({
        type: 'hello',
        version: '0',
        protocol: 'gwanje.v2',
        epoch: started,
        seq: 1,
        server_time_ms: Date.now(),
        who: 'operator',
        site,
      }),
    );
    stream.send(JSON.stringify(fleet.snapshot()));
  });
});

setInterval(() => {
  if (!fleet.frozen) fleet.items = fleet.step();
  for (const client of sockets.values()) {
    client.positions(false);
    client.osd();
    client.telemetry();
  }
  broadcast({ type: 'tick', server_time_ms: Date.now(), seq: 1 });
}, 1000);

server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${port}/#signin=${randomUUID()}`);
});
