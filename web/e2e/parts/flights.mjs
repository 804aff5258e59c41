// Flights that the part before flew: found, replayed, given out.
import { check, expect, page, shot, until } from '../world.mjs';

await check('a flight is found by its verdict and opened', async () => {
  await page.click('nav a[href="/flights"]');
  await page.waitForSelector('tbody tr');
  await page.selectOption('#flights-verdict', 'ok');
  await until('only good ones', async () => {
    const texts = await page.locator('tbody tr td:first-child').allInnerTexts();
    return texts.length > 0 && texts.every((text) => /완료/.test(text));
  });
  await shot('flights');
  await page.locator('tbody tr a').first().click();
  await page.waitForSelector('#scrubber');
});

const clock = async () => Number(await page.getAttribute('.replay .clock', 'data-now'));

await check('it is replayed with its map, charts and what was decided on one clock', async () => {
  await page.waitForSelector('.map canvas');
  await until('four charts', async () => (await page.locator('.uplot canvas').count()) === 4);
  const begun = await clock();
  expect(begun > 0, 'there is no clock');
  await page.selectOption('#replay-speed', '60');
  await page.click('#play');
  await until('it to play', async () => (await clock()) > begun);
  await until(
    'its end',
    async () => (await page.getAttribute('#play', 'aria-pressed')) === 'false',
  );
  expect((await clock()) > begun + 60_000, 'the clock stood');
  const ended = page.locator('li[data-kind=step]', { hasText: '끝남' }).last();
  await ended.locator('button').click();
  expect((await page.locator('li.current').count()) === 1, 'nothing is current');
  await page.waitForSelector('.replay-aircraft');
  await shot('flight');
});

await check('it is given out as a file', async () => {
  for (const [format, mark] of [
    ['csv', 'time,epoch_ms'],
    ['gpx', '<trkpt'],
  ]) {
    const download = page.waitForEvent('download');
    await page.click(`button[data-export=${format}]`);
    const stream = await (await download).createReadStream();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    expect(text.includes(mark), `${format} begins ${text.slice(0, 80)}`);
  }
});
