// After the build: the licences and the budget. Fails when the shell is too big.
// The API's viewer at /api-docs/ is the server's own; nothing of it is in here.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const modules = join(root, 'node_modules');
const budgetsKib = { js: 120, css: 40 };

const licences = [
  ['Pretendard (SIL Open Font License 1.1)', 'pretendard/dist/LICENSE.txt'],
  ['Svelte (MIT)', 'svelte/LICENSE.md'],
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
process.exit(over ? 1 : 0);
