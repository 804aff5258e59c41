// The operator's own grounds: vectors from an archive, pictures, a whole style, and one whose
// server is away. Each is chosen on the map and looked at: by its colours on the screen.
import { check, dockNumbers, expect, faults, origin, page, shot, speak, until } from '../world.mjs';

const place = process.env.GWANJE_GROUNDS;
const [sn] = await dockNumbers();

/** The colour in the middle of a small part of the page, as red, green, blue. */
async function colourAt(x, y) {
  const png = await page.screenshot({ clip: { x, y, width: 1, height: 1 } });
  return page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = 1;
    canvas.height = 1;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }, png.toString('base64'));
}

/** Part of the map where nothing but ground is: left of the middle, `share` of its width. */
async function groundColour(share) {
  const box = await page.locator('.map[data-map]').boundingBox();
  return colourAt(box.x + box.width * share, box.y + box.height * 0.7);
}
const near = (colour, wanted) => colour.every((value, at) => Math.abs(value - wanted[at]) <= 6);

async function choose(base, zoom = 12) {
  await page.goto(
    `${origin}/live/${sn}?at=${place},${zoom}&view=map${base ? `&base=${base}` : ''}`,
  );
  await page.waitForSelector('.map[data-map=ready]');
}

async function seen(base, share, wanted) {
  await choose(base);
  let last = [];
  await until(`the ground ${base} in ${wanted}`, async () => {
    last = await groundColour(share);
    return near(last, wanted);
  }).catch((error) => {
    throw new Error(`${error.message}; it is ${last}`);
  });
}

if (place) {
  await check('an archive of vectors is drawn in the colours of the console', async () => {
    await speak('ko');
    // The lake in the west, in the dark scheme's water; its land is beside it.
    await seen('town', 0.2, [0x0a, 0x11, 0x18]);
    expect(near(await groundColour(0.8), [0x16, 0x21, 0x2b]), 'there is no land in the east');
    await shot('ground-town-ko');
    expect(/© Town/.test(await page.innerText('.attribution')), 'it is not said whose work it is');
  });

  await check('pictures through the tower lie over the offline ground', async () => {
    await seen('photo', 0.2, [180, 120, 40]);
    await shot('ground-photo');
  });

  await check('a whole style comes through the tower', async () => {
    await seen('styled', 0.2, [40, 120, 180]);
    await page.selectOption('#map-ground', 'photo');
    await until('the other ground', async () => near(await groundColour(0.2), [180, 120, 40]));
    expect(new URL(page.url()).searchParams.get('base') === 'photo', page.url());
    await page.selectOption('#map-ground', '');
    await until('the offline ground', async () => !near(await groundColour(0.2), [180, 120, 40]));
    expect(!new URL(page.url()).searchParams.has('base'), page.url());
  });

  await check('a ground that does not answer is said, with its reason', async () => {
    for (const [base, ko] of [
      ['away', '먼 지도'],
      ['lost', '없는 양식'],
    ]) {
      await choose(base);
      const note = page.locator('.no-ground');
      await note.waitFor({ timeout: 20_000 });
      const text = await note.innerText();
      expect(text.includes(ko) && /배경 지도 서버/.test(text), text);
      // The offline ground lies beneath: its land, in the dark scheme.
      await until('the offline ground', async () =>
        near(await groundColour(0.8), [0x16, 0x21, 0x2b]),
      );
      await shot(`ground-${base}-ko`);
      const asked = page.waitForResponse((answer) => answer.url().includes(`/basemaps/${base}/`));
      await note.locator('button').click();
      expect((await asked).status() === 502, 'it did not ask again');
      await note.waitFor({ timeout: 20_000 });
    }
    await choose('');
    await page.locator('.no-ground').waitFor({ state: 'detached' });
    // The browser tells of each refusal too; these were asked for.
    const others = faults.filter((one) => !/basemaps\/(away|lost)\//.test(one.url ?? ''));
    faults.splice(0, faults.length, ...others);
  });
} else {
  console.log('left out: grounds of an operator (GWANJE_GROUNDS is not set)');
}
