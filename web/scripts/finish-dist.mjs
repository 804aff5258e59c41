// After the build: the licences and the budget. Fails when the shell is too big.
// The API's viewer at /api-docs/ is the server's own; nothing of it is in here.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const modules = join(root, 'node_modules');
/** Of the console: what everybody loads first; what the map library weighs; any other lazy part. */
const budgetsKib = { shell: 120, map: 460, lazy: 60, css: 40, basemap: 3072 };

const licences = [
  ['Pretendard (SIL Open Font License 1.1)', 'pretendard/dist/LICENSE.txt'],
  ['Svelte (MIT)', 'svelte/LICENSE.md'],
  ['MapLibre GL JS (BSD 3-Clause) and what it holds', 'maplibre-gl/LICENSE.txt'],
  ['uPlot (MIT)', 'uplot/LICENSE'],
  ['world-atlas (ISC); Natural Earth is in the public domain', 'world-atlas/LICENSE'],
];
/** Its package carries the name of its licence (BSD 3-Clause) alone. */
const pmtiles = `PMTiles (BSD 3-Clause)

Copyright 2021 and later, Protomaps LLC. All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided
that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions and
   the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and
   the following disclaimer in the documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or
   promote products derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A
PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED
TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION)
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING
NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
POSSIBILITY OF SUCH DAMAGE.
`;
const data = `Map data

Natural Earth (naturalearthdata.com), public domain.
GeoNames (geonames.org), CC BY 4.0: positions of towns; changed: selected and named anew.
National Geographic Information Institute of Korea (국토지리정보원, NGII), "Spatial Information Co-use",
base date 2023-09-15, open data without restriction by data.go.kr: boundaries of South Korea; changed:
simplified, borders and coast told apart.
`;
writeFileSync(
  join(dist, 'licences.txt'),
  licences
    .map(([title, path]) => `${title}\n\n${readFileSync(join(modules, path), 'utf8').trim()}\n`)
    .concat(pmtiles, data)
    .join(`\n${'='.repeat(80)}\n\n`),
);

const assets = join(dist, 'assets');
const shell = new Set(
  readFileSync(join(dist, 'index.html'), 'utf8').match(/assets\/[\w.-]+\.js/g) ?? [],
);
/** Which budget a file counts on; each lazy part is measured by itself, the others together. */
function budgetOf(name) {
  if (name.endsWith('.css')) return 'css';
  if (name.endsWith('.pmtiles')) return 'basemap';
  if (!name.endsWith('.js')) return null;
  if (shell.has(`assets/${name}`)) return 'shell';
  // What the live map and a flight's have in common lies in `basemaps`.
  return /^map-|^basemaps-|^replay-|^maplibre-gl/.test(name) ? 'map' : 'lazy';
}
const sums = { shell: 0, map: 0, lazy: 0, css: 0, basemap: 0 };
for (const name of readdirSync(assets)) {
  const kind = budgetOf(name);
  if (!kind) continue;
  const bytes = readFileSync(join(assets, name));
  const kib = (kind === 'basemap' ? bytes : gzipSync(bytes)).length / 1024;
  sums[kind] = kind === 'lazy' ? Math.max(sums.lazy, kib) : sums[kind] + kib;
}
let over = false;
for (const [kind, kib] of Object.entries(sums)) {
  const fits = kib <= budgetsKib[kind];
  over ||= !fits;
  const told = `${kib.toFixed(1)} KiB${kind === 'basemap' ? '' : ' gz'} of ${budgetsKib[kind]}`;
  console.log(
    `${kind === 'lazy' ? 'largest lazy part' : kind}: ${told} ${fits ? 'ok' : 'TOO BIG'}`,
  );
}
const page = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//.test(page)) {
  console.error('index.html holds something the content security policy forbids');
  over = true;
}
process.exit(over ? 1 : 0);
