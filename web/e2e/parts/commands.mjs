// One dock: its values, its commands, and the trace of one.
import {
  card,
  check,
  commandState,
  dockNumbers,
  expect,
  origin,
  page,
  press,
  shot,
  until,
} from '../world.mjs';

const sn = process.env.GWANJE_SN ?? (await dockNumbers())[0];

await check('a device shows its values with unit and age', async () => {
  // Without the map: drawing it in software would hide how the steps of a command follow.
  await page.goto(`${origin}/live?view=list`);
  await page.waitForSelector('#device-list');
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
