// Two pilots and one aircraft: asking, handing over, taking over, losing the line.
import {
  browser,
  check,
  dockNumbers,
  expect,
  openDock,
  origin,
  page,
  shot,
  until,
} from '../world.mjs';

const [sn] = (await dockNumbers()).slice(4);
const password = 'a long and only password';

/** An account with a role everywhere, made by who is signed in on the page. */
const account = (email, role) =>
  page.evaluate(
    async ({ email, password, role }) => {
      const headers = {
        authorization: `Bearer ${sessionStorage.getItem('gwanje.token')}`,
        'content-type': 'application/json',
      };
      const call = async (method, path, body) => {
        const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        return answer.status === 204 ? null : answer.json();
      };
      const made = await call('POST', '/auth/v1/admin/users', { email, password });
      await call('PUT', `/api/v1/people/${made.id}/roles`, { roles: [{ role, site_id: null }] });
    },
    { email, password, role },
  );

/** A console of their own, at the dock. */
async function consoleOf(email) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'ko-KR',
    colorScheme: 'dark',
  });
  const own = await context.newPage();
  own.setDefaultTimeout(15_000);
  await own.goto(`${origin}/live/${sn}`);
  await own.fill('#email', email);
  await own.fill('#password', password);
  await own.click('#by-account button[type=submit]');
  await own.waitForSelector(`#device-panel[data-sn="${sn}"]`);
  return own;
}
const stands = (who, how, timeout = 15_000) =>
  who.waitForSelector(`[data-authority=${how}]`, { timeout });
const act = (who, what) => who.click(`[data-authority-act=${what}]:not([aria-disabled=true])`);

let park;
let lee;

await check('one pilot takes a dock, the other sees who has it and cannot command', async () => {
  await account('park@site.test', 'pilot');
  await account('lee@site.test', 'pilot');
  [park, lee] = [await consoleOf('park@site.test'), await consoleOf('lee@site.test')];
  await stands(park, 'free');
  await act(park, 'take');
  await stands(park, 'mine');
  await stands(lee, 'other');
  const said = await lee.locator('[data-authority]').innerText();
  expect(said.includes('park@site.test'), `the other reads ${said}`);
  const start = await lee.getAttribute('#new-mission', 'aria-disabled');
  expect(start === 'true', 'the other may start a mission');
  expect(
    (await park.getAttribute('#new-mission', 'aria-disabled')) !== 'true',
    'its holder may not',
  );
});

await check('who asks is shown to the holder, wherever they are, and handed the dock', async () => {
  await act(lee, 'ask');
  await lee.fill('[data-authority-note]', '현장에서 기체가 보입니다');
  await lee.keyboard.press('Enter');
  await park.click('nav a[href="/missions"]');
  await park.waitForSelector(`[data-asking="${sn}"]`);
  const said = await park.locator(`[data-asking="${sn}"]`).innerText();
  expect(/lee@site\.test/.test(said) && /현장에서/.test(said), `the holder reads ${said}`);
  await act(park, 'hand-over');
  await stands(lee, 'mine');
  await park.goBack();
  await stands(park, 'other');
});

await check('an equal cannot take over, an administrator can, with a reason', async () => {
  await act(park, 'take-over');
  await park.fill('[data-authority-note]', '바람');
  await park.keyboard.press('Enter');
  await park.waitForSelector('[data-authority] [role=alert]');
  await stands(lee, 'mine');
  await openDock(sn);
  await stands(page, 'other');
  await shot('authority-other');
  await act(page, 'take-over');
  const now = page.locator('[data-authority] form button');
  expect((await now.getAttribute('aria-disabled')) === 'true', 'no reason is asked for');
  await page.fill('[data-authority-note]', '비상 착륙장 정리');
  await page.keyboard.press('Enter');
  await stands(page, 'mine');
  await stands(lee, 'other');
  await shot('authority-mine');
});

await check('given back it is free; whoever loses the line loses it by silence', async () => {
  await act(page, 'release');
  await stands(page, 'free');
  await act(lee, 'take');
  await stands(lee, 'mine');
  await stands(park, 'other');
  // Longer than the silence that ends it: an open console keeps it.
  await page.waitForTimeout(17_000);
  await stands(park, 'other');
  await lee.context().setOffline(true);
  await stands(park, 'free', 40_000);
  await act(park, 'take');
  await stands(park, 'mine');
  await lee.context().setOffline(false);
  await until('the one who is back to see it', async () =>
    /park@site\.test/.test(await lee.locator('[data-authority]').innerText()),
  );
  await act(park, 'release');
  await park.context().close();
  await lee.context().close();
});
