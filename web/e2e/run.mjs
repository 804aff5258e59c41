// The console against a running tower: what an operator does, in a real browser.
// GWANJE_URL        http://127.0.0.1:8080
// GWANJE_SIGNIN     the one-time sign-in link the tower printed
// GWANJE_KMZ        a wayline file to fly; {sn} stands for the dock's serial number
// GWANJE_DOCKS      docks that must come online (default 1)
// GWANJE_SN         the dock whose commands are tried (default: the lowest serial number)
// GWANJE_SILENT_SN  a dock that answers no command (optional)
// GWANJE_TOKEN      the API token, for signing in by hand (optional)
// GWANJE_FAULT      program that takes one of tower-stop, tower-continue, tower-kill, docks-stop,
//                   docks-continue, broker-kill (optional)
// GWANJE_GROUNDS    LON,LAT of the grounds of web/e2e/grounds.mjs (optional)
// GWANJE_PARTS      some of the parts, by comma; `list` signs in and comes first (optional)
// GWANJE_SHOTS      folder for screenshots (optional)
// What is left out for want of one of these is said.
import { browser, check, expect, page, tally } from './world.mjs';

const parts = [
  'list',
  'live',
  'grounds',
  'commands',
  'missions',
  'flights',
  'schedule',
  'media',
  'devices',
  'authority',
  'people',
  'pages',
  'stream',
  'faults',
];
const wanted = process.env.GWANJE_PARTS?.split(',') ?? parts;
for (const part of parts.filter((name) => wanted.includes(name))) {
  await import(`./parts/${part}.mjs`);
}

await check('sign-out ends the session', async () => {
  await page.click('#sign-out');
  await page.waitForSelector('input[type=password]');
  expect((await page.evaluate(() => sessionStorage.length)) === 0, 'the token is still there');
});

await browser.close();
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 ? 0 : 1);
