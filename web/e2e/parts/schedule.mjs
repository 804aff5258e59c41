// A recurring mission: made in words, shown in its week, paused, changed, ended.
import { readFileSync } from 'node:fs';
import { check, dockNumbers, expect, forgive, kmz, origin, page, shot, until } from '../world.mjs';

const [sn] = await dockNumbers();
const row = page.locator('tr[data-schedule="아침 순찰"]');

/** A wayline of that dock's place, by the API as programs do it. */
await page.evaluate(
  async ({ origin, bytes }) => {
    const authorization = `Bearer ${sessionStorage.getItem('gwanje.token')}`;
    const body = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const headers = { authorization, 'content-type': 'application/octet-stream' };
    await fetch(`${origin}/api/v1/waylines?name=E2E`, { method: 'POST', headers, body });
  },
  { origin, bytes: readFileSync(kmz.replace('{sn}', sn)).toString('base64') },
);

await check('a recurring mission is made in words, with its next times shown before', async () => {
  await page.click('nav a[href="/schedule"]');
  await page.click('#new-schedule');
  await page.fill('#schedule-name', '아침 순찰');
  await page.selectOption('#schedule-dock', sn);
  await page.selectOption('#schedule-wayline', { label: 'E2E' });
  await page.fill('#schedule-altitude', '100');
  await page.selectOption('#schedule-lost', 'return_home');
  await page.check('input[name=often][value=weekly]');
  expect(
    (await page.getAttribute('#save-schedule', 'aria-disabled')) === 'true',
    'it can be made without a day',
  );
  for (const day of ['MO', 'WE', 'FR']) await page.click(`button[data-day=${day}]`);
  await until('the next times', async () => (await page.locator('.next span').count()) === 5);
  await shot('schedule-form');
  await page.click('#save-schedule');
  await row.waitFor();
  expect(/월 수 금 09:00/.test(await row.innerText()), `it says ${await row.innerText()}`);
});

await check('a rule that is none is refused with what is wrong', async () => {
  await page.click('#new-schedule');
  await page.check('input[name=often][value=expert]');
  await page.fill('#schedule-rrule', 'FREQ=YEARLY');
  await page.waitForSelector('.next [role=alert]');
  const said = await page.locator('.next [role=alert]').innerText();
  expect(/YEARLY/.test(said) && /[가-힣]/.test(said), `it says ${said}`);
  forgive('/api/v1/schedules/preview');
  await page.click('form button.plain >> text=취소');
});

await check('its times stand in a week, and a pause is shown there', async () => {
  await page.click('button[aria-label="다음 주"]');
  const planned = page.locator('.week [data-kind=planned]');
  await until('three times in the next week', async () => (await planned.count()) === 3);
  await shot('schedule-week');
  await row.locator('button[data-do=pause]').click();
  await row.locator('button[data-do=resume]').waitFor();
  const dark = page.locator('.week [data-kind=dark]');
  await until('none of them is flown', async () => (await dark.count()) === 3);
  await row.locator('button[data-do=resume]').click();
  await until('they are flown again', async () => (await planned.count()) === 3);
});

await check('it is ended by two presses', async () => {
  await row.locator('button', { hasText: '삭제' }).click();
  await row.locator('button.arm').click();
  await row.waitFor({ state: 'detached' });
});
