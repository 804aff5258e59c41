// A headless Chromium that remembers everything a page should not have done.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const candidates = [process.env.GWANJE_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const flags = [
  '--headless',
  '--no-sandbox',
  // WebGL in software: there is no GPU where tests run.
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens a browser; `faults` collects console errors, policy violations and outside requests. */
export async function openBrowser(origin) {
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium found; set GWANJE_CHROMIUM to its path');
  const browser = await chromium.launch({ executablePath, args: flags });
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'ko-KR',
    colorScheme: 'dark',
  });
  const faults = [];
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    const url = message.location().url;
    if (message.type() === 'error') faults.push({ kind: 'console', text: message.text(), url });
  });
  page.on('pageerror', (error) => faults.push({ kind: 'exception', text: String(error) }));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const inside = url.host === new URL(origin).host || ['data:', 'blob:'].includes(url.protocol);
    if (!inside) faults.push({ kind: 'outside', text: request.url() });
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return { browser, page, faults };
}
