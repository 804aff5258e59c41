// Photos of a flight: seen small, one downloaded, what is missing said.
import { readFile } from 'node:fs/promises';
import { check, expect, origin, page, shot } from '../world.mjs';

await check('the photos of a flight are shown, each with its place and its file', async () => {
  await page.goto(`${origin}/media`);
  await page.waitForSelector('[data-download]', { timeout: 60_000 });
  await page.waitForSelector('.thumb img', { timeout: 30_000 });
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.click('[data-download]'),
  ]);
  const file = await readFile(await download.path());
  expect(file[0] === 0xff && file[1] === 0xd8, 'what came down is no JPEG');
  expect(/^DJI_\d{4}_W\.JPG$/.test(download.suggestedFilename()), download.suggestedFilename());
  await shot('media');
});
