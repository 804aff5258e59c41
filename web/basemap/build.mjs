// Builds the offline basemap into basemap/out: world.pmtiles (zoom 0–6, Natural Earth) and
// korea.pmtiles (zoom 6–11, official boundaries). Same inputs, same bytes. Runs when its outputs
// are missing or older inputs made them; `--force` runs it in any case.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { GeoJSONVT } from '@maplibre/geojson-vt';
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import { feature, mesh } from 'topojson-client';
import { unpack } from './geometry.mjs';
import { archive } from './pmtiles.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const require = createRequire(import.meta.url);
const atlases = ['world-atlas/countries-50m.json', 'world-atlas/countries-10m.json'].map((name) =>
  require.resolve(name),
);
const inputs = [
  ...readdirSync(here('.'))
    .filter((name) => /\.(mjs|json|gz)$/.test(name))
    .sort()
    .map(here),
  ...atlases,
];
const stamp = inputs
  .reduce((hash, path) => hash.update(readFileSync(path)), createHash('sha256'))
  .digest('hex');
const stampFile = here('out/stamp');
const current =
  ['out/world.pmtiles', 'out/korea.pmtiles', 'out/stamp'].every((name) => existsSync(here(name))) &&
  readFileSync(stampFile, 'utf8') === stamp;
if (current && !process.argv.includes('--force')) process.exit(0);

const southKorea = '410';
const places = JSON.parse(readFileSync(here('places.json'), 'utf8'));
const collection = (features) => ({ type: 'FeatureCollection', features });
const one = (geometry, properties = {}) => ({ type: 'Feature', properties, geometry });
const points = (list) =>
  collection(
    list.map(({ kind, en, ko, size, at }) =>
      one({ type: 'Point', coordinates: at }, { kind, en, ko, size }),
    ),
  );

/** Land and borders of one world atlas. South Korea is marked: closer views draw it in detail. */
function worldLayers(path) {
  const atlas = JSON.parse(readFileSync(path, 'utf8'));
  const { countries } = atlas.objects;
  const land = feature(atlas, countries).features.map(({ id, geometry }) =>
    one(geometry, { detailed: id === southKorea ? 1 : 0 }),
  );
  return {
    land: collection(land),
    border: one(mesh(atlas, countries, (a, b) => a !== b)),
    coast: one(mesh(atlas, countries, (a, b) => a === b && a.id !== southKorea)),
    place: points(places.world),
  };
}

function koreaLayers() {
  const { land, lines } = JSON.parse(gunzipSync(readFileSync(here('korea.json.gz'))).toString());
  const areas = land.map((rings) => one({ type: 'Polygon', coordinates: rings.map(unpack) }));
  const edges = Object.entries(lines).map(([kind, list]) =>
    one({ type: 'MultiLineString', coordinates: list.map(unpack) }, { kind }),
  );
  return { land: collection(areas), line: collection(edges), place: points(places.korea) };
}

/** Every tile of the layers from one zoom to another, as `{ z, x, y, data }`. */
function tiles(layers, fromZoom, toZoom, [west, south, east, north], tolerance) {
  const indices = Object.entries(layers).map(([name, data]) => {
    const options = { maxZoom: toZoom, indexMaxZoom: 5, indexMaxPoints: 0, tolerance, buffer: 64 };
    return [name, new GeoJSONVT(data, options)];
  });
  const found = [];
  for (let z = fromZoom; z <= toZoom; z += 1) {
    const side = 2 ** z;
    const column = (lon) => Math.max(0, Math.min(side - 1, Math.floor(((lon + 180) / 360) * side)));
    const row = (lat) => {
      const sine = Math.sin((lat * Math.PI) / 180);
      const y = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
      return Math.max(0, Math.min(side - 1, Math.floor(y * side)));
    };
    for (let x = column(west); x <= column(east); x += 1) {
      for (let y = row(north); y <= row(south); y += 1) {
        const parts = {};
        for (const [name, index] of indices) {
          const tile = index.getTile(z, x, y);
          if (tile?.features.length) parts[name] = tile;
        }
        if (Object.keys(parts).length === 0) continue;
        found.push({ z, x, y, data: Buffer.from(fromGeojsonVt(parts, { version: 2 })) });
      }
    }
  }
  return found;
}

const everywhere = [-180, -85, 180, 85];
/** Where the world is drawn from the finer atlas at zoom 5 and 6. */
const eastAsia = [110, 22, 150, 52];
const korea = [124, 32.5, 132.5, 39];
const [coarse, fine] = atlases.map(worldLayers);
const near = tiles(fine, 5, 6, eastAsia, 3);
const taken = new Set(near.map(({ z, x, y }) => `${z}/${x}/${y}`));
const far = tiles(coarse, 0, 6, everywhere, 3).filter(
  ({ z, x, y }) => !taken.has(`${z}/${x}/${y}`),
);
const attribution = 'Natural Earth · GeoNames · 국토지리정보원 NGII';

mkdirSync(here('out'), { recursive: true });
for (const [name, list, bounds] of [
  ['world', [...far, ...near], everywhere],
  ['korea', tiles(koreaLayers(), 6, 11, korea, 2), korea],
]) {
  const bytes = archive(list, { bounds, metadata: { name, attribution, vector_layers: [] } });
  writeFileSync(here(`out/${name}.pmtiles`), bytes);
  console.log(`basemap: ${name} ${list.length} tiles, ${(bytes.length / 1024).toFixed(0)} KiB`);
}
writeFileSync(stampFile, stamp);
