// What every part of the browser test uses: the page, the checks, and short words for what an
// operator does and sees.
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
export const origin = need('GWANJE_URL').replace(/\/$/, '');
export const signIn = need('GWANJE_SIGNIN');
export const kmz = need('GWANJE_KMZ');
export const docks = Number(process.env.GWANJE_DOCKS ?? 1);
export const fault = process.env.GWANJE_FAULT;
export const silentDock = process.env.GWANJE_SILENT_SN;
export const apiToken = process.env.GWANJE_TOKEN;
const shots = process.env.GWANJE_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

export const { browser, page, faults } = await openBrowser(origin);
export const tally = { passed: 0, failed: 0 };

export async function check(name, act) {
  const begun = Date.now();
  try {
    await act();
    tally.passed += 1;
    console.log(`ok   ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    tally.failed += 1;
    console.log(`FAIL ${name}: ${String(error).split('\n').slice(0, 4).join(' | ')}`);
    if (shots) await page.screenshot({ path: join(shots, `failed-${tally.failed}.png`) });
  }
}

export function expect(holds, what) {
  if (!holds) throw new Error(what);
}

export async function shot(name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Docks in these states, by the counts in the top bar. */
export const counted = (...states) =>
  page.evaluate(
    (names) =>
      names
        .map((name) => Number(document.querySelector(`[data-filter=${name}] b`)?.textContent ?? 0))
        .reduce((sum, count) => sum + count, 0),
    states,
  );
/** Docks that are heard. */
export const onlineDocks = () => counted('flying', 'ready', 'attention', 'service');

export async function until(what, holds, timeoutMs = 60_000) {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await page.waitForTimeout(200);
  }
}

/** The serial numbers of all docks, in order. A wayline belongs to a place: the demo has one each. */
export const dockNumbers = () =>
  page.evaluate(async () => {
    const authorization = `Bearer ${sessionStorage.getItem('gwanje.token')}`;
    const answer = await fetch('/api/v1/devices', { headers: { authorization } });
    const { devices } = await answer.json();
    return devices
      .filter((device) => device.class === 'dock')
      .map((device) => device.sn)
      .sort();
  });

/** Reads the console in this language from here on. */
export async function speak(language) {
  if ((await page.getAttribute('html', 'lang')) !== language) await page.click('#language');
  expect((await page.getAttribute('html', 'lang')) === language, `html lang is not ${language}`);
}

/** A refusal that was asked for: the browser reports it in its console too. */
export function forgive(path) {
  const at = faults.findIndex((one) => one.url?.endsWith(path) && /status of 4\d\d/.test(one.text));
  if (at >= 0) faults.splice(at, 1);
}

/** Opens a dock's panel at its own address. */
export async function openDock(sn) {
  await page.goto(`${origin}/live/${sn}`);
  await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
}

export const card = (method) => page.locator(`[data-command=${method}]`).first();
export const commandState = (method, state, timeout = 60_000) =>
  page
    .locator(`[data-command=${method}][data-command-state=${state}]`)
    .first()
    .waitFor({ timeout });
export const press = (method) =>
  page.click(`[data-method=${method}] button:not([aria-disabled=true])`);
export const missionState = (state, timeout = 60_000) =>
  page.waitForSelector(`#device-panel [data-mission-state=${state}]`, { timeout });

/** Orders a mission with the dock's own file, through the whole form; what stops it is a failure. */
export async function orderMission(sn) {
  await page.click('#new-mission:not([aria-disabled=true])');
  await page.setInputFiles('#kmz', kmz.replace('{sn}', sn));
  await until('the upload', async () => (await page.inputValue('#wayline')) !== '');
  expect(
    (await page.getAttribute('#review-mission', 'aria-disabled')) === 'true',
    'it can start without return height and lost-link action',
  );
  await page.fill('#rth-altitude', '100');
  await page.selectOption('#lost-link', 'return_home');
  await page.click('#review-mission:not([aria-disabled=true])');
  await shot('review');
  await page.click('#start-mission');
}

export async function axe(where) {
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
