// Every page: its address, its language, what assistive software finds in it.
import { readFileSync } from 'node:fs';
import { axe, check, dockNumbers, expect, faults, origin, page, shot, speak } from '../world.mjs';

const [sn] = await dockNumbers();

const newestMission = () =>
  page.evaluate(async () => {
    const authorization = `Bearer ${sessionStorage.getItem('gwanje.token')}`;
    const answer = await fetch('/api/v1/missions', { headers: { authorization } });
    return (await answer.json()).missions[0];
  });

await check('every page answers at its own address after a reload', async () => {
  const mission = await newestMission();
  for (const [path, wanted] of [
    ['/devices', '#enrol-title'],
    ['/system', 'dl'],
    ['/admin/audit', '[data-entry]'],
    ['/admin/tokens', '#create-token'],
    ['/missions', 'tbody tr'],
    ['/schedule', '#new-schedule'],
    ['/flights', '#flights-dock'],
    [`/live/${sn}`, `#device-panel[data-sn="${sn}"]`],
    ['/live?state=ready', '[data-filter=ready][aria-pressed=true]'],
    [`/devices/${sn}`, `[data-bringup="${sn}"]`],
    [`/missions/${mission.mission_id}`, '.mission'],
    [`/traces/${mission.trace_id}`, 'li[data-action]'],
    ['/nowhere', 'a[href="/live"]'],
  ]) {
    await page.goto(origin + path);
    await page.waitForSelector(wanted);
  }
});

await check('no serious accessibility fault, dark and light, on every page', async () => {
  for (const path of [`/live/${sn}`, '/missions', '/schedule', '/flights', '/devices', '/system']) {
    await page.goto(origin + path);
    await page.waitForSelector('main h1, [role=option]');
    await page.waitForTimeout(800);
    await axe(`dark ${path}`);
    await page.click('[aria-label="밝은 화면으로"]');
    await axe(`light ${path}`);
    await page.click('[aria-label="어두운 화면으로"]');
  }
});

const newestFlight = () =>
  page.evaluate(async () => {
    const authorization = `Bearer ${sessionStorage.getItem('gwanje.token')}`;
    const answer = await fetch('/api/v1/flights', { headers: { authorization } });
    return (await answer.json()).flights[0];
  });

const pagesToRead = (mission, flight) => [
  `/live/${sn}`,
  '/missions',
  `/missions/${mission.mission_id}`,
  '/schedule',
  '/flights',
  `/flights/${flight.mission_id}`,
  `/traces/${mission.trace_id}`,
  '/devices',
  `/devices/${sn}`,
  '/system',
  '/admin/people',
  '/admin/sessions',
  '/admin/tokens',
  '/admin/sites',
  '/admin/audit',
];

/** The words of the page as a person reads them, without names, addresses and code. */
const words = () =>
  page.evaluate(() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
    const skipped = '.mono, code, kbd, select, noscript, script, style, #language';
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent.trim();
      if (text && !node.parentElement.closest(skipped)) found.push(text);
    }
    for (const one of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
      if (one.closest(skipped)) continue;
      for (const name of ['aria-label', 'title', 'placeholder']) {
        if (one.getAttribute(name)) found.push(one.getAttribute(name));
      }
    }
    return found;
  });

const dictionary = ['ko', 'ko-tasks']
  .map((name) => readFileSync(new URL(`../../src/i18n/${name}.ts`, import.meta.url), 'utf8'))
  .join('\n');
const keys = new Set([...dictionary.matchAll(/^ {2}'([\w.]+)':/gm)].map((hit) => hit[1]));

async function readEveryPage(wrong) {
  const bad = [];
  for (const path of pagesToRead(await newestMission(), await newestFlight())) {
    await page.goto(origin + path);
    await page.waitForSelector('main h1, #device-panel');
    await page.waitForTimeout(700);
    for (const text of await words()) {
      if (keys.has(text) || /\{\w+\}|undefined|NaN|\[object/.test(text) || wrong(text)) {
        bad.push(`${path}: ${text.slice(0, 80)}`);
      }
    }
  }
  expect(bad.length === 0, bad.slice(0, 8).join('\n'));
}

await check('Korean pages: no key, no placeholder, no English sentence', async () => {
  await speak('ko');
  // Two words of lower-case English in a row make a sentence; single terms (API, RTK, SDR) do not.
  await readEveryPage((text) => /\b[A-Za-z]+ [a-z]{2,}\b/.test(text.replace(/\S*[:/_]\S*/g, '')));
});

await check('English pages: no key, no placeholder, no Korean', async () => {
  await speak('en');
  expect((await page.innerText('nav')).includes('Missions'), 'the menu is not English');
  await shot('live-en');
  await readEveryPage((text) => /[가-힣]/.test(text));
});
await speak('ko');

await check('? shows the help, Escape closes it and not the panel', async () => {
  await page.goto(`${origin}/live/${sn}`);
  await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
  await page.keyboard.press('?');
  await page.waitForSelector('aside[aria-labelledby=help-title]');
  await axe('help');
  await page.keyboard.press('Escape');
  await page.waitForSelector('aside[aria-labelledby=help-title]', { state: 'detached' });
  expect((await page.locator('#device-panel').count()) === 1, 'the panel closed too');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#device-panel', { state: 'detached' });
});

await check('no console error, no policy violation, no outside request so far', async () => {
  expect(faults.length === 0, JSON.stringify(faults.slice(0, 5)));
});
