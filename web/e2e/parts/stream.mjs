// The live stream's line breaks off in the middle, and the page goes on where it was.
import { browser, check, dockNumbers, expect, origin, page, until } from '../world.mjs';

// A dock that no other part works with.
const sn = (await dockNumbers()).at(-2);

/** Orders something of the dock past the page. */
async function order(method, bearer) {
  const answer = await page.evaluate(
    async ([dock, what, token]) => {
      const response = await fetch(`/api/v1/devices/${dock}/commands`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ method: what, idempotency_key: crypto.randomUUID() }),
      });
      return { status: response.status, body: await response.json() };
    },
    [sn, method, bearer],
  );
  expect([200, 202].includes(answer.status), JSON.stringify(answer));
}

await check('after a gap the stream resumes, and nothing that happened is missed', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const other = await context.newPage();
  const bearer = await page.evaluate(() => sessionStorage.getItem('gwanje.token'));
  await other.addInitScript((token) => sessionStorage.setItem('gwanje.token', token), bearer);
  const opened = [];
  const frames = [];
  let server;
  let line;
  let cut = false;
  await other.routeWebSocket('**/api/v1/stream**', (socket) => {
    if (cut) {
      socket.close();
      return;
    }
    opened.push(socket.url());
    line = socket;
    server = socket.connectToServer();
    server.onMessage((message) => {
      if (typeof message === 'string') frames.push(JSON.parse(message).type);
      socket.send(message);
    });
  });
  await other.goto(`${origin}/live/${sn}?view=list`);
  await other.waitForSelector(`#device-panel[data-sn="${sn}"]`);
  await until('a snapshot', async () => frames.includes('snapshot'));

  cut = true;
  await line.close();
  await server.close();
  await other.waitForSelector('[data-banner]');
  // What happens meanwhile.
  await order('debug_mode_open', bearer);

  frames.length = 0;
  cut = false;
  await until('the line again', async () => opened.length > 1, 40_000);
  expect(/resume=/.test(opened.at(-1)), `it did not ask to resume: ${opened.at(-1)}`);
  await until('the answer', async () => frames.includes('resumed'));
  expect(!frames.includes('snapshot'), 'everything was sent anew');
  await other.waitForSelector('[data-command=debug_mode_open]');
  await other.waitForSelector('[data-banner]', { state: 'detached' });
  await order('debug_mode_close', bearer);
  await other.waitForSelector('[data-command=debug_mode_close][data-command-state=succeeded]');
  await context.close();
});
