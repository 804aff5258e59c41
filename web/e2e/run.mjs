// The console against a running tower: what an operator does, in a real browser.
// GWANJE_URL          http://127.0.0.1:8080
// GWANJE_SIGNIN       the one-time sign-in link the tower printed
// GWANJE_KMZ          a wayline file to fly; {sn} stands for the dock's serial number
// GWANJE_DOCKS        docks that must come online (default 1)
// GWANJE_SN           the dock that can fly the KMZ (default: the lowest serial number)
// GWANJE_KILL_BROKER  command that kills the broker; without it that check is left out, and said so
// GWANJE_SHOTS        folder for screenshots (optional)
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';

const need = (name) => {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set; see the head of e2e/run.mjs`);
    process.exit(2);
  }
  return value;
};
const origin = need('GWANJE_URL').replace(/\/$/, '');
const signIn = need('GWANJE_SIGNIN');
const kmz = need('GWANJE_KMZ');
const docks = Number(process.env.GWANJE_DOCKS ?? 1);
const killBroker = process.env.GWANJE_KILL_BROKER;
const shots = process.env.GWANJE_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const { browser, page, faults } = await openBrowser(origin);
let passed = 0;
let failed = 0;

async function check(name, act) {
  const begun = Date.now();
  try {
    await act();
    passed += 1;
    console.log(`ok   ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error).split('\n').slice(0, 4).join(' | ')}`);
    if (shots) await page.screenshot({ path: join(shots, `failed-${failed}.png`) });
  }
}

function expect(holds, what) {
  if (!holds) throw new Error(what);
}

async function shot(name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Docks that are heard, by the counts in the top bar. */
const onlineDocks = () =>
  page.evaluate(() =>
    ['flying', 'ready', 'attention', 'service']
      .map((state) => Number(document.querySelector(`[data-filter=${state}] b`)?.textContent ?? 0))
      .reduce((sum, count) => sum + count, 0),
  );

async function until(what, holds, timeoutMs = 60_000) {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await page.waitForTimeout(200);
  }
}

/** A wayline belongs to a place; the demo's belongs to its first dock. */
const lowestDock = () =>
  page.evaluate(async () => {
    const authorization = `Bearer ${sessionStorage.getItem('gwanje.token')}`;
    const answer = await fetch('/api/v1/devices', { headers: { authorization } });
    const { devices } = await answer.json();
    return devices
      .filter((device) => device.class === 'dock')
      .map((device) => device.sn)
      .sort()[0];
  });

const card = (method) => page.locator(`[data-command=${method}]`).first();
const commandState = (method, state, timeout = 60_000) =>
  page
    .locator(`[data-command=${method}][data-command-state=${state}]`)
    .first()
    .waitFor({ timeout });
const press = (method) => page.click(`[data-method=${method}] button:not([aria-disabled=true])`);

async function axe(where) {
  await page.evaluate(
    readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
  );
  const result = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ['violations'] }),
  );
  const bad = result.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  const told = bad.map((one) => `${one.id}: ${one.nodes[0]?.html.slice(0, 120)}`);
  expect(bad.length === 0, `${where}: ${told.join('; ')}`);
}

let sn = '';

await check('the sign-in link opens the console and leaves the address', async () => {
  await page.goto(signIn);
  await page.waitForSelector('#device-list');
  expect(!page.url().includes('signin'), `the code stays in ${page.url()}`);
});

await check(`the list fills with ${docks} docks online`, async () => {
  await until('all docks online', async () => (await onlineDocks()) >= docks, 120_000);
  const size = await page.getAttribute('[role=option]', 'aria-setsize');
  expect(Number(size) >= docks, `the list holds ${size}`);
  await shot('live-ko');
});

await check('only the rows in view are drawn and arrow keys move through all', async () => {
  await page.focus('#device-list');
  await page.keyboard.press('End');
  await page.waitForSelector('[role=option][aria-selected=true]');
  const last = await page.getAttribute('[role=option][aria-selected=true]', 'aria-posinset');
  expect(Number(last) >= docks, `End went to ${last}`);
  expect((await page.locator('[role=option]').count()) <= 60, 'too many rows are drawn');
});

await check('search and state filter narrow the list, and are in the address', async () => {
  await page.keyboard.press('/');
  await page.keyboard.type('no-such-dock');
  await until('an empty list', async () => (await page.locator('[role=option]').count()) === 0);
  expect(page.url().includes('q=no-such-dock'), page.url());
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=option]');
  await page.click('[data-filter=ready]');
  expect(page.url().includes('state=ready'), page.url());
  await page.waitForSelector('[role=option][data-state=ready]');
  await page.click('[data-filter=ready]');
});

await check('a device shows its values with unit and age', async () => {
  sn = process.env.GWANJE_SN ?? (await lowestDock());
  await page.fill('#search', sn);
  await page.click(`[role=option][data-sn="${sn}"]`);
  await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
  const wind = page.locator('[data-key=wind_speed]').first();
  await until('a wind speed', async () => /\d.*m\/s.*\d+\s?초/s.test(await wind.innerText()));
  await until('a mode that is known', async () =>
    /도크 안/.test(await page.locator('[data-key=drone_in_dock]').first().innerText()),
  );
  expect(new URL(page.url()).pathname === `/live/${sn}`, page.url());
});

await check('the cover without debug mode: the button is disabled and says why', async () => {
  const button = page.locator('[data-method=cover_open] button');
  expect((await button.getAttribute('aria-disabled')) === 'true', 'the button is enabled');
  const why = await page
    .locator(`[id="${await button.getAttribute('aria-describedby')}"]`)
    .innerText();
  expect(/점검 모드/.test(why), `it says: ${why}`);
  await button.click({ force: true });
  await page.waitForTimeout(500);
  expect((await card('cover_open').count()) === 0, 'a command was sent all the same');
});

await check('debug mode takes two presses, and the dock confirms it', async () => {
  await press('debug_mode_open');
  expect((await card('debug_mode_open').count()) === 0, 'one press was enough');
  await page.click('[data-method=debug_mode_open] button.arm');
  await commandState('debug_mode_open', 'succeeded');
  await page.waitForSelector(
    '[data-method=supplement_light_open] button:not([aria-disabled=true])',
    {
      timeout: 30_000,
    },
  );
});

await check('a light command goes sent, accepted, done, in this order', async () => {
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => {
      const one = document.querySelector('[data-command=supplement_light_open]');
      if (!one) return;
      const marks = [...one.querySelectorAll('[data-stage]')].map((mark) => mark.dataset.mark);
      const text = marks.join(' ');
      if (window.seen.at(-1) !== text) window.seen.push(text);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await press('supplement_light_open');
  await commandState('supplement_light_open', 'succeeded');
  const seen = await page.evaluate(() => window.seen);
  expect(seen.at(-1) === 'ok ok ok', `ended as ${seen}`);
  const rank = { todo: 0, now: 1, ok: 2 };
  const sums = seen.map((text) => text.split(' ').reduce((sum, mark) => sum + rank[mark], 0));
  expect(sums.length > 1, `it was done at once: ${seen}`);
  expect(
    sums.every((sum, at) => at === 0 || sum > sums[at - 1]),
    `out of order: ${seen}`,
  );
  await shot('command-ko');
});

await check('the trace leads from the request to the dock and back', async () => {
  await card('supplement_light_open').locator('a').click();
  await page.waitForSelector('li[data-action]');
  const actors = await page.locator('li .actor').allInnerTexts();
  expect(
    actors.some((actor) => actor.startsWith('device.')),
    `actors: ${actors}`,
  );
  expect(
    actors.some((actor) => actor.startsWith('service_platform')),
    `actors: ${actors}`,
  );
  await shot('trace-ko');
  await page.goBack();
  await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
});

await check('debug mode is left again', async () => {
  await press('debug_mode_close');
  await commandState('debug_mode_close', 'succeeded');
  await page.waitForSelector('#new-mission:not([aria-disabled=true])', { timeout: 30_000 });
});

await check(
  'a mission needs every choice and a second press, and flies to verdict ok',
  async () => {
    await page.click('#new-mission');
    await page.setInputFiles('#kmz', kmz.replace('{sn}', sn));
    await until('the upload', async () => (await page.inputValue('#wayline')) !== '');
    expect(
      (await page.getAttribute('#review-mission', 'aria-disabled')) === 'true',
      'it can start without return height and lost-link action',
    );
    await page.fill('#rth-altitude', '100');
    await page.selectOption('#lost-link', 'return_home');
    await page.click('#review-mission:not([aria-disabled=true])');
    await shot('review-ko');
    await page.click('#start-mission');
    const mission = page.locator('#device-panel [data-mission]');
    await page.waitForSelector('[data-mission-state=executing], [data-mission-state=ended]', {
      timeout: 60_000,
    });
    await shot('mission-ko');
    await page.waitForSelector('[data-mission-state=ended]', { timeout: 300_000 });
    const verdict = await mission.getAttribute('data-verdict');
    expect(verdict === 'ok', `the verdict is ${verdict}: ${await mission.innerText()}`);
  },
);

await check('the mission is listed with its verdict', async () => {
  await page.click('nav a[href="/missions"]');
  await page.waitForSelector('tbody tr');
  expect(/완료/.test(await page.locator('tbody tr').first().innerText()), 'no verdict in words');
});

await check('every page answers at its own address after a reload', async () => {
  for (const [path, wanted] of [
    ['/devices', '#enrol-title'],
    ['/system', 'dl'],
    ['/missions', 'tbody tr'],
    [`/live/${sn}`, `#device-panel[data-sn="${sn}"]`],
  ]) {
    await page.goto(origin + path);
    await page.waitForSelector(wanted);
  }
});

await check('no serious accessibility fault, dark and light, on every page', async () => {
  for (const path of [`/live/${sn}`, '/missions', '/devices', '/system']) {
    await page.goto(origin + path);
    await page.waitForSelector('main h1, [role=option]');
    await page.waitForTimeout(800);
    await axe(`dark ${path}`);
    await page.click('[aria-label="밝은 화면으로"]');
    await axe(`light ${path}`);
    await page.click('[aria-label="어두운 화면으로"]');
  }
});

await check('the language switches, and no Korean is left but names', async () => {
  await page.goto(`${origin}/live/${sn}`);
  await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
  await page.click('#language');
  expect((await page.getAttribute('html', 'lang')) === 'en', 'html lang is not en');
  expect((await page.innerText('nav')).includes('Missions'), 'the menu is not English');
  await shot('live-en');
  for (const path of ['/missions', '/devices', '/system']) {
    await page.click(`nav a[href="${path}"]`);
    const title = await page.innerText('h1');
    expect(/^[\x20-\x7e]+$/.test(title), `${path} is titled ${title}`);
  }
  await page.click('nav a[href="/live"]');
});

await check('no console error, no policy violation, no outside request so far', async () => {
  expect(faults.length === 0, JSON.stringify(faults.slice(0, 5)));
});

if (killBroker) {
  await check('the death of the broker shows, and its return too', async () => {
    await page.goto(`${origin}/live/${sn}`);
    await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
    const child = spawn(killBroker, { shell: true, stdio: 'ignore' });
    await page.waitForSelector('[data-banner=broker]', { timeout: 20_000 });
    const why = await page.locator('#why-mission').innerText({ timeout: 5000 });
    expect(/broker/i.test(why), `the mission button says: ${why}`);
    await shot('broker-lost-en');
    await new Promise((done) => (child.exitCode === null ? child.once('exit', done) : done()));
    await page.waitForSelector('[data-banner=broker]', { state: 'detached', timeout: 60_000 });
    await until('all docks back', async () => (await onlineDocks()) >= docks, 120_000);
  });
} else {
  console.log('left out: the death of the broker (GWANJE_KILL_BROKER is not set)');
}

await check('sign-out ends the session', async () => {
  await page.click('button[aria-label^="Sign out"]');
  await page.waitForSelector('input[type=password]');
  expect((await page.evaluate(() => sessionStorage.length)) === 0, 'the token is still there');
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
