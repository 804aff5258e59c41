// Enrolling a dock, what its diagnosis says, and removing it.
import { check, expect, forgive, origin, page, shot } from '../world.mjs';

const newcomer = 'E2E-DOCK-1';
const entry = page.locator(`[data-bringup="${newcomer}"]`);

await check('a dock is enrolled, and its password is shown once', async () => {
  await page.goto(`${origin}/devices`);
  await page.fill('#enrol-sn', 'not a serial number');
  const submit = page.locator('form button.primary');
  expect((await submit.getAttribute('aria-disabled')) === 'true', 'a bad number can be enrolled');
  await page.fill('#enrol-sn', newcomer);
  await page.fill('#enrol-name', 'E2E');
  await submit.click();
  await page.waitForSelector('[data-enrolled]');
  const values = await page.locator('[data-enrolled] code').allInnerTexts();
  const password = values.find((value) => value.length >= 16 && value !== newcomer);
  expect(password, `no password among ${values.length} values`);
  await shot('enrolled');
  await page.click('nav a[href="/system"]');
  await page.click('nav a[href="/devices"]');
  await page.waitForSelector('#enrol-sn');
  const kept = await page.evaluate(
    (secret) => document.documentElement.outerHTML.includes(secret),
    password,
  );
  expect(!kept, 'the password is still on the page');
});

await check('a dock that never connected says so, and what to check', async () => {
  await entry.waitFor();
  await entry.locator('[data-reason=never_connected]').waitFor();
  expect(/Pilot 2/.test(await entry.innerText()), await entry.innerText());
  await shot('bringup');
});

await check('enrolling it again is refused in words', async () => {
  await page.fill('#enrol-sn', newcomer);
  await page.click('form button.primary');
  const refusal = page.locator('.problem');
  await refusal.waitFor();
  expect(/이미 등록/.test(await refusal.innerText()), await refusal.innerText());
  forgive('/api/v1/docks');
});

await check('a dock is removed by two presses', async () => {
  await page.goto(`${origin}/devices/${newcomer}`);
  const remove = entry.locator('button').first();
  await remove.click();
  expect((await entry.count()) === 1, 'one press was enough');
  await entry.locator('button.arm').click();
  await entry.waitFor({ state: 'detached' });
});
