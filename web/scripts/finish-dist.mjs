// After the build: the API viewer, the licences, and the budget. Fails when the shell is too big.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const modules = join(root, 'node_modules');
const budgetsKib = { js: 120, css: 40 };

const viewer = join(dist, 'api-docs');
mkdirSync(viewer, { recursive: true });
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
  copyFileSync(join(modules, 'swagger-ui-dist', name), join(viewer, name));
}
for (const name of ['index.html', 'start.js', 'page.css']) {
  copyFileSync(join(root, 'api-docs', name), join(viewer, name));
}

const licences = [
  ['Pretendard (SIL Open Font License 1.1)', 'pretendard/dist/LICENSE.txt'],
  ['Svelte (MIT)', 'svelte/LICENSE.md'],
  ['Swagger UI (Apache License 2.0)', 'swagger-ui-dist/LICENSE'],
  ['Swagger UI notice', 'swagger-ui-dist/NOTICE'],
  ['Swagger UI: bundled packages', 'swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt'],
];
writeFileSync(
  join(dist, 'licences.txt'),
  licences
    .map(([title, path]) => `${title}\n\n${readFileSync(join(modules, path), 'utf8').trim()}\n`)
    .join(`\n${'='.repeat(80)}\n\n`),
);

const assets = join(dist, 'assets');
const sizes = { js: 0, css: 0 };
for (const name of readdirSync(assets)) {
  const kind = name.split('.').at(-1);
  if (kind in sizes) sizes[kind] += gzipSync(readFileSync(join(assets, name))).length / 1024;
}
let over = false;
for (const [kind, kib] of Object.entries(sizes)) {
  const fits = kib <= budgetsKib[kind];
  over ||= !fits;
  console.log(
    `${kind}: ${kib.toFixed(1)} KiB gz of ${budgetsKib[kind]} ${fits ? 'ok' : 'TOO BIG'}`,
  );
}
const page = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//.test(page)) {
  console.error('index.html holds something the content security policy forbids');
  over = true;
}
console.log(
  `viewer: ${(statSync(join(viewer, 'swagger-ui-bundle.js')).size / 1024).toFixed(0)} KiB`,
);
process.exit(over ? 1 : 0);
