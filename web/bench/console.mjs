// The Live page with ten thousand moving devices, in headless Chromium with WebGL in software: how
// much processor time its renderer takes for one update a second, whether memory stays level,
// whether a tick is missed, how many bytes an update is. Fails when a goal is missed.
// node bench/console.mjs [--minutes 1] [--json]; `cargo xtask bench console` runs it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openBrowser } from '../e2e/browser.mjs';

const goals = { cpu_ms: 35, bytes: 24, growth_mib: 8 };
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const minutes = option('minutes', 1);
const warmUpS = 20;
const moving = 10_000;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A tower that says where 5,000 aircraft and 5,000 robots are, around one town. */
async function startTower(port) {
  const script = fileURLToPath(new URL('../dev/fake-tower.mjs', import.meta.url));
  const options = { docks: moving / 2, robots: moving / 2, flying: 1, calm: 1, dense: 1, port };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const tower = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(tower.stdout, 'data');
  return { tower, link: String(line).trim() };
}

/** Notes what comes over the line, without keeping it. */
function watchSocket() {
  const Original = window.WebSocket;
  window.line = { bytes: 0, updates: 0, ticks: 0, merged: 0, late: 0, lastTick: null, skipped: 0 };
  window.WebSocket = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        if (!(data instanceof ArrayBuffer)) return;
        const view = new DataView(data);
        const { line } = window;
        line.bytes += data.byteLength + 4;
        line.updates += view.getUint16(20, true);
        line.merged += view.getUint16(22, true);
        if (view.getUint16(4, true) & 2) return;
        const tick = view.getUint32(16, true);
        if (line.lastTick !== null) line.skipped += Math.max(0, tick - line.lastTick - 1);
        line.lastTick = tick;
        line.ticks += 1;
        // A page that is busy hears of a tick when the next one is already due.
        if (Date.now() - view.getFloat64(8, true) > 1000) line.late += 1;
      });
    }
  };
}

async function rendererSeconds(session) {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const all = processInfo.filter((one) => one.type === 'renderer');
  return all.reduce((sum, one) => sum + one.cpuTime, 0);
}

async function heapMib(page) {
  await page.send('HeapProfiler.collectGarbage');
  const { metrics } = await page.send('Performance.getMetrics');
  return metrics.find((one) => one.name === 'JSHeapUsedSize').value / 1024 / 1024;
}

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const { tower, link } = await startTower(port);
const { browser, page, faults } = await openBrowser(origin);
let result;
try {
  await page.addInitScript(watchSocket);
  await page.goto(link);
  await page.waitForSelector('#device-list');
  await page.goto(`${origin}/live?at=127.385,36.35,9.6`);
  await page.waitForSelector('.map[data-map=ready]');
  await page.waitForTimeout(warmUpS * 1000);

  const system = await browser.newBrowserCDPSession();
  const own = await page.context().newCDPSession(page);
  await own.send('Performance.enable');
  const heaps = [await heapMib(own)];
  const before = {
    cpu: await rendererSeconds(system),
    line: await page.evaluate(() => ({ ...window.line })),
  };
  let gcSeconds = 0;
  for (let minute = 0; minute < minutes; minute += 1) {
    await page.waitForTimeout(60_000);
    const begun = await rendererSeconds(system);
    heaps.push(await heapMib(own));
    gcSeconds += (await rendererSeconds(system)) - begun;
  }
  const after = {
    cpu: await rendererSeconds(system),
    line: await page.evaluate(() => ({ ...window.line })),
  };
  const delta = (name) => after.line[name] - before.line[name];
  const ticks = delta('ticks');
  result = {
    devices: moving,
    minutes,
    software_gl: (await page.getAttribute('.map', 'data-software')) === 'true',
    ticks,
    updates_per_tick: Math.round(delta('updates') / ticks),
    // Collecting garbage for the measurement is not the page's work.
    cpu_ms: Number((((after.cpu - before.cpu - gcSeconds) * 1000) / ticks).toFixed(1)),
    bytes: Number((delta('bytes') / delta('updates')).toFixed(2)),
    missed: delta('merged') + delta('skipped'),
    late: delta('late'),
    heap_mib: heaps.map((value) => Number(value.toFixed(1))),
    growth_mib: Number((heaps.at(-1) - heaps[0]).toFixed(1)),
    faults: faults.length,
  };
  if (process.env.GWANJE_SHOTS)
    await page.screenshot({ path: `${process.env.GWANJE_SHOTS}/bench.png` });
} finally {
  await browser.close();
  tower.kill();
}

const met = {
  cpu_ms: result.cpu_ms <= goals.cpu_ms,
  bytes: result.bytes <= goals.bytes,
  growth_mib: result.growth_mib <= goals.growth_mib,
  missed: result.missed === 0,
  faults: result.faults === 0,
};
if (process.argv.includes('--json')) console.log(JSON.stringify({ ...result, met }));
else {
  const mark = (name) => (met[name] ? 'ok' : 'MISSED');
  console.log(
    `${result.updates_per_tick} updates a second for ${minutes} min, ${result.ticks} ticks`,
  );
  console.log(`renderer CPU an update: ${result.cpu_ms} ms of ${goals.cpu_ms}  ${mark('cpu_ms')}`);
  console.log(`bytes a device update:  ${result.bytes} of ${goals.bytes}  ${mark('bytes')}`);
  console.log(`heap each minute (MiB): ${result.heap_mib.join(', ')}  ${mark('growth_mib')}`);
  console.log(`ticks missed: ${result.missed}, late: ${result.late}  ${mark('missed')}`);
  console.log(
    `console errors, policy violations, outside requests: ${result.faults}  ${mark('faults')}`,
  );
}
process.exit(Object.values(met).every(Boolean) ? 0 : 1);
