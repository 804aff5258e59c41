// Flights: one to its verdict, one paused, resumed and brought home by hand.
import { edited } from '../kmz.mjs';
import {
  card,
  check,
  commandState,
  dockNumbers,
  expect,
  forgive,
  kmz,
  missionState,
  openDock,
  orderMission,
  page,
  shot,
  until,
} from '../world.mjs';

const [sn, second] = await dockNumbers();

await check('a file that would break off is refused with what to mend', async () => {
  await openDock(sn);
  await page.click('#new-mission:not([aria-disabled=true])');
  const height = '<wpml:takeOffSecurityHeight>';
  const buffer = edited(kmz.replace('{sn}', sn), `${height}30<`, `${height}3<`);
  const mimeType = 'application/vnd.google-earth.kmz';
  await page.setInputFiles('#kmz', { name: 'low.kmz', mimeType, buffer });
  await page.waitForSelector('.findings li.error');
  const said = await page.locator('.findings').innerText();
  expect(/3 m/.test(said) && /takeOffSecurityHeight/.test(said), `the findings say ${said}`);
  expect((await page.inputValue('#wayline')) === '', 'a refused file is chosen');
  expect(await page.isVisible('#insist'), 'nobody can insist');
  forgive('/api/v1/waylines?name=low');
  await shot('findings');
  await page.click('#device-panel form button.plain');
});

await check(
  'a mission needs every choice and a second press, and flies to verdict ok',
  async () => {
    await openDock(sn);
    await orderMission(sn);
    await page.waitForSelector('[data-mission-state=executing], [data-mission-state=ended]', {
      timeout: 60_000,
    });
    await shot('mission');
    const mission = page.locator('#device-panel [data-mission]');
    await missionState('ended', 300_000);
    const verdict = await mission.getAttribute('data-verdict');
    expect(verdict === 'ok', `the verdict is ${verdict}: ${await mission.innerText()}`);
  },
);

await check('the mission is listed with its verdict', async () => {
  await page.click('nav a[href="/missions"]');
  await page.waitForSelector('tbody tr');
  expect(/완료/.test(await page.locator('tbody tr').first().innerText()), 'no verdict in words');
});

const waylineFlown = async () =>
  page.locator('#device-panel [role=progressbar]').getAttribute('aria-valuenow');

await check('a mission is paused and resumed by one press each', async () => {
  await openDock(second);
  await page.click('#search');
  await orderMission(second);
  await missionState('executing');
  await until('the wayline', async () => Number(await waylineFlown()) >= 25);
  const resume = page.locator('button[data-method=flighttask_recovery]');
  expect((await resume.getAttribute('aria-disabled')) === 'true', 'resume is offered in flight');
  await page.click('button[data-method=flighttask_pause]:not([aria-disabled=true])');
  await missionState('paused');
  await shot('paused');
  await commandState('flighttask_pause', 'succeeded');
  await page.click('button[data-method=flighttask_recovery]:not([aria-disabled=true])');
  await missionState('executing');
  await commandState('flighttask_recovery', 'succeeded');
});

await check('return home: a short press orders nothing', async () => {
  const hold = page.locator('button.hold:not([aria-disabled=true])');
  await hold.hover();
  await page.mouse.down();
  await page.waitForTimeout(600);
  await page.mouse.up();
  await hold.focus();
  await page.keyboard.down('Enter');
  await page.waitForTimeout(600);
  await page.keyboard.up('Enter');
  await page.waitForTimeout(700);
  expect((await card('return_home').count()) === 0, 'a return was ordered by a short press');
});

await check('return home by keyboard alone: one second of Enter, and it comes home', async () => {
  await page.focus('#search');
  for (let presses = 0; presses < 200; presses += 1) {
    if (await page.evaluate(() => document.activeElement?.matches('button.hold'))) break;
    await page.keyboard.press('Tab');
  }
  expect(
    await page.evaluate(() => document.activeElement?.matches('button.hold')),
    'Tab does not reach the return button',
  );
  await page.keyboard.down('Enter');
  await page.waitForTimeout(1300);
  await page.keyboard.up('Enter');
  await card('return_home').waitFor({ timeout: 5000 });
  await commandState('return_home', 'succeeded', 120_000);
  await missionState('ended', 180_000);
  const verdict = await page.getAttribute('#device-panel [data-mission]', 'data-verdict');
  expect(['partially_done', 'canceled', 'ok'].includes(verdict), `the verdict is ${verdict}`);
  expect((await page.locator('[data-command=return_home]').count()) === 1, 'ordered twice');
  await shot('returned');
});
