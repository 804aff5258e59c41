// People and rights: an account is made and signed in to, what it lacks is said, a token is made and
// revoked, and the audit has it all.
import { axe, browser, check, expect, origin, page, shot, speak, until } from '../world.mjs';

const email = 'kim@example.kr';
let password = '';

/** What the API says to this token. */
const status = async (token, path = '/api/v1/devices') => {
  const answer = await fetch(origin + path, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
};

await speak('ko');

await check('an administrator makes a person with a role; the password is shown once', async () => {
  await page.goto(`${origin}/admin/people`);
  await page.fill('#person-email', email);
  await page.selectOption('#person-role', 'operator');
  await page.click('#create-person:not([aria-disabled=true])');
  await page.waitForSelector(`[data-made="${email}"]`);
  password = await page.innerText('#made-password');
  expect(password.length >= 20, `the password is ${password}`);
  const row = page.locator(`[data-person="${email}"]`);
  await row.waitFor();
  expect((await row.innerText()).includes('운용자'), 'the role is not shown');
  await shot('admin-people');
  await page.reload();
  await row.waitFor();
  expect((await page.locator('#made-password').count()) === 0, 'the password is still shown');
});

await check('that person signs in and is told which right is missing', async () => {
  const context = await browser.newContext({
    locale: 'ko-KR',
    viewport: { width: 1440, height: 900 },
  });
  const kim = await context.newPage();
  await kim.goto(origin);
  await kim.fill('#email', email);
  await kim.fill('#password', password);
  await kim.click('#by-account button[type=submit]');
  await kim.waitForSelector('nav');
  await kim.goto(`${origin}/admin/people`);
  await kim.waitForSelector('[data-lacks=people]');
  expect(
    (await kim.innerText('[data-lacks=people]')).includes('‘people’'),
    'the right is not named',
  );
  expect(
    (await kim.getAttribute('#create-person', 'aria-disabled')) === 'true',
    'an operator may press the button',
  );
  await kim.goto(`${origin}/admin/audit`);
  await kim.waitForSelector('[data-lacks=audit]');
  await kim.goto(`${origin}/admin/sessions`);
  await kim.waitForSelector('[data-session]');
  expect((await kim.locator('[data-session]').count()) === 1, 'not one session');
  // An administrator ends it: the console is signed out.
  await page.goto(`${origin}/admin/sessions`);
  await page.selectOption('#sessions-of', { label: email });
  await page.locator('[data-session] button').click();
  await kim.waitForSelector('#by-account', { timeout: 30_000 });
  await context.close();
});

await check('a token is made, shown once, works, and is revoked', async () => {
  await page.goto(`${origin}/admin/tokens`);
  await page.fill('#token-name', 'e2e');
  await page.click('#create-token:not([aria-disabled=true])');
  await page.waitForSelector('[data-made=e2e]');
  const token = await page.innerText('#made-token');
  await shot('admin-tokens');
  expect((await status(token)) === 200, 'the token does not work');
  expect((await status(token, '/api/v1/people')) === 403, 'it may more than it was made for');
  await page.locator('[data-token=e2e] button').click();
  await until('its end', async () => (await status(token)) === 401);
});

await check('sites are made, and a dock is moved', async () => {
  await page.goto(`${origin}/admin/sites`);
  await page.fill('#site-name', 'E2E');
  await page.click('#create-site:not([aria-disabled=true])');
  await page.waitForSelector('[data-site=E2E]');
  const select = page.locator('[data-dock] select').first();
  await select.selectOption({ label: 'E2E' });
  await until(
    'the move',
    async () => (await page.innerText('[data-site=E2E]')).match(/기기 [1-9]/) !== null,
  );
  await shot('admin-sites');
});

await check('the audit shows who did it, is filtered and whole', async () => {
  await page.goto(`${origin}/admin/audit`);
  for (const action of ['device.move', 'token.revoke', 'token.create', 'account.create']) {
    await page.waitForSelector(`[data-entry="${action}"]`);
  }
  await shot('admin-audit');
  await page.fill('#audit-action', 'token');
  await page.click('#audit-search');
  await until('only tokens', async () => {
    const kinds = await page.$$eval('[data-entry]', (rows) => rows.map((row) => row.dataset.entry));
    return kinds.length >= 2 && kinds.every((kind) => kind.startsWith('token.'));
  });
  await page.fill('#audit-action', '');
  await page.fill('#audit-actor', `user:${email}`);
  await page.click('#audit-search');
  await page.waitForSelector('[data-entry=sign_in]');
  await page.click('#audit-verify');
  await page.waitForSelector('[data-verdict=true]');
  const text = await page.innerText('main');
  expect(!text.includes(password), 'a password is in the audit');
});

await check('no serious accessibility fault on the pages of people and rights', async () => {
  for (const tab of ['people', 'sessions', 'tokens', 'sites', 'audit']) {
    await page.goto(`${origin}/admin/${tab}`);
    await page.waitForSelector('main h1');
    await page.waitForTimeout(600);
    await axe(`dark ${tab}`);
    await shot(`admin-${tab}-ko`);
  }
});
