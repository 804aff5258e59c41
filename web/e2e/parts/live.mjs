// The map: what stands and moves on it, picking, following, its address, its language; and the
// page without a map.
import {
  axe,
  browser,
  check,
  dockNumbers,
  docks,
  expect,
  missionState,
  openDock,
  orderMission,
  origin,
  page,
  shot,
  until,
} from '../world.mjs';

const numbers = await dockNumbers();
// The last docks: the first ones fly in other parts.
const sn = numbers.at(-1);
const map = page.locator('.map[data-map]');
const numbersOf = async (name) =>
  ((await map.getAttribute(name)) ?? '').split(',').filter(Boolean).map(Number);

/** Where a place lies on the page, by the map's own standing. */
async function onPage([lon, lat]) {
  const [centreLon, centreLat, zoom] = await numbersOf('data-standing');
  const box = await map.boundingBox();
  const size = 512 * 2 ** zoom;
  const y = (degrees) => {
    const sine = Math.sin((degrees * Math.PI) / 180);
    return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
  };
  return [
    box.x + box.width / 2 + ((lon - centreLon) / 360) * size,
    box.y + box.height / 2 + (y(lat) - y(centreLat)) * size,
  ];
}

await check('the map is drawn and shows the whole fleet', async () => {
  await page.goto(`${origin}/live`);
  await page.waitForSelector('.map[data-map=ready]');
  await until('a place to stand', async () => (await numbersOf('data-standing')).length === 3);
  expect(
    /Natural Earth/.test(await page.innerText('.attribution')),
    'the map names no sources of its data',
  );
  expect(
    (await page.locator('.fleet-canvas.symbols').count()) === 1,
    'there is no canvas for symbols',
  );
  await page.waitForTimeout(1500);
  await shot('map-ko');
});

await check(
  'a device chosen in the list is brought into sight; its symbol can be picked',
  async () => {
    await openDock(sn);
    await until('where it is', async () => (await numbersOf('data-selected-at')).length === 2);
    const place = await numbersOf('data-selected-at');
    await until('the map there', async () => {
      const standing = await numbersOf('data-standing');
      return Math.hypot(standing[0] - place[0], standing[1] - place[1]) < 0.5;
    });
    await page.keyboard.press('Escape');
    await page.waitForSelector('#device-panel', { state: 'detached' });
    await page.waitForTimeout(300);
    await page.mouse.click(...(await onPage(place)));
    await page.waitForSelector(`#device-panel[data-sn="${sn}"]`, { timeout: 5000 });
    expect(new URL(page.url()).pathname === `/live/${sn}`, page.url());
  },
);

await check('where the map stands is an address', async () => {
  await page.goto(`${origin}/live/${sn}?at=127.5,36.5,8.5&view=map`);
  await page.waitForSelector('.live[data-view=map] .map[data-map=ready]');
  await until('the standing', async () => (await numbersOf('data-standing')).length === 3, 8000);
  const [lon, lat, zoom] = await numbersOf('data-standing');
  const off = Math.abs(lon - 127.5) + Math.abs(lat - 36.5) + Math.abs(zoom - 8.5);
  expect(off < 0.1, `it stands at ${lon}, ${lat}, ${zoom}`);
  expect((await page.locator('#device-list').count()) === 0, 'the list is there all the same');
});

await check('L and M choose list or map, F follows, / searches: by keyboard alone', async () => {
  await page.goto(`${origin}/live/${sn}`);
  await page.waitForSelector('.map[data-map=ready]');
  await page.keyboard.press('m');
  await page.waitForSelector('.live[data-view=list]');
  expect((await page.locator('.map').count()) === 0, 'the map is still there');
  await page.keyboard.press('m');
  await page.waitForSelector('.live[data-view=both] .map[data-map=ready]');
  await page.keyboard.press('f');
  await page.waitForSelector('#map-follow[aria-pressed=true]');
  expect(page.url().includes('follow=1'), page.url());
  await page.keyboard.press('f');
  await page.waitForSelector('#map-follow[aria-pressed=false]');
  await page.keyboard.press('/');
  await page.keyboard.type(sn);
  await until('one row', async () => (await page.locator('[role=option]').count()) === 1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await until(
    'the panel to hold the keys',
    () => page.evaluate(() => document.activeElement?.id === 'device-panel'),
    5000,
  );
  await page.focus('#search');
  await page.keyboard.press('Escape');
});

await check('an aircraft that flies moves on the map, and leaves a track', async () => {
  await openDock(sn);
  await page.waitForSelector('#new-mission:not([aria-disabled=true])');
  await orderMission(sn);
  await missionState('executing');
  await until('a first place', async () => (await numbersOf('data-selected-at')).length === 2);
  const dock = await numbersOf('data-selected-at');
  await until('another place', async () => {
    const now = await numbersOf('data-selected-at');
    return Math.hypot(now[0] - dock[0], now[1] - dock[1]) > 1e-4;
  });
  await page.waitForTimeout(2500);
  await shot('map-flight');
  await axe('live with a flight');
});

await check('at 200 % zoom nothing is cut off, and the list is in reach', async () => {
  const size = page.viewportSize();
  await page.setViewportSize({ width: size.width / 2, height: size.height / 2 });
  try {
    await page.goto(`${origin}/live/${sn}`);
    await page.waitForSelector(`#device-panel[data-sn="${sn}"]`);
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wide <= 1, `the page is ${wide} px too wide`);
    await page.locator('#device-list').scrollIntoViewIfNeeded();
    expect(await page.locator('#device-list').isVisible(), 'the list is not there');
  } finally {
    await page.setViewportSize(size);
  }
});

await check('without WebGL the list carries on, and the page says so', async () => {
  const context = await browser.newContext({
    locale: 'ko-KR',
    viewport: { width: 1280, height: 800 },
  });
  const other = await context.newPage();
  const token = await page.evaluate(() => sessionStorage.getItem('gwanje.token'));
  await other.addInitScript((bearer) => {
    sessionStorage.setItem('gwanje.token', bearer);
    const original = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return /webgl/.test(kind) ? null : original.call(this, kind, ...rest);
    };
  }, token);
  await other.goto(`${origin}/live`);
  await other.waitForSelector('.map[data-map=webgl]');
  await other.waitForSelector('[role=option]');
  const size = await other.getAttribute('[role=option]', 'aria-setsize');
  expect(Number(size) >= docks, `the list holds ${size}`);
  await other.click('[role=option]');
  await other.waitForSelector('#device-panel');
  await context.close();
});
