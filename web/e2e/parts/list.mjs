// Signing in and the list of docks.
import { check, docks, expect, onlineDocks, page, shot, signIn, until } from '../world.mjs';

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
