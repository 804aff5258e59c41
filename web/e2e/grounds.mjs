// Grounds of an operator for the browser test: a vector archive of a small town around a place, and
// a server of picture tiles and of a style. `node e2e/grounds.mjs FOLDER LON LAT` writes
// FOLDER/town.pmtiles and FOLDER/gwanje.toml, then serves until its standard input ends. The ground
// `away` has a server that answers with errors.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { GeoJSONVT } from '@maplibre/geojson-vt';
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import { archive } from '../basemap/pmtiles.mjs';

const [, , folder, lonText, latText] = process.argv;
const [lon, lat] = [Number(lonText), Number(latText)];

/** A rectangle around the place, degrees. */
const box = (west, south, east, north) => ({
  type: 'Polygon',
  coordinates: [
    [
      [lon + west, lat + south],
      [lon + east, lat + south],
      [lon + east, lat + north],
      [lon + west, lat + north],
      [lon + west, lat + south],
    ],
  ],
});
const line = (...points) => ({
  type: 'LineString',
  coordinates: points.map(([x, y]) => [lon + x, lat + y]),
});
const one = (geometry, properties = {}) => ({ type: 'Feature', properties, geometry });
const layer = (...features) => ({ type: 'FeatureCollection', features });

// The names of Protomaps' schema, version 4.
const layers = {
  earth: layer(one(box(-0.5, -0.5, 0.5, 0.5), { kind: 'earth' })),
  water: layer(
    one(box(-0.5, -0.5, -0.02, 0.5), { kind: 'lake' }),
    one(line([0.02, -0.4], [0.1, 0.4]), { kind: 'river' }),
  ),
  landuse: layer(one(box(0.01, 0.01, 0.03, 0.03), { kind: 'park' })),
  roads: layer(
    one(line([-0.01, -0.3], [0, 0.3]), { kind: 'highway', name: '바닷길' }),
    one(line([-0.01, 0], [0.3, 0.01]), { kind: 'minor_road' }),
  ),
  buildings: layer(one(box(0.004, 0.002, 0.006, 0.004), { kind: 'building' })),
  places: layer(
    one(
      { type: 'Point', coordinates: [lon + 0.01, lat + 0.005] },
      { kind: 'locality', name: 'Harbour', 'name:ko': '항구', 'name:en': 'Harbour' },
    ),
  ),
};

const grid = (z) => {
  const side = 2 ** z;
  const row = (degrees) => {
    const sine = Math.sin((degrees * Math.PI) / 180);
    return Math.floor((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * side);
  };
  const column = (degrees) => Math.floor(((degrees + 180) / 360) * side);
  return [column(lon - 0.5), column(lon + 0.5), row(lat + 0.5), row(lat - 0.5)];
};
const tiles = [];
const zooms = [6, 12];
const cut = Object.entries(layers).map(([name, data]) => [
  name,
  new GeoJSONVT(data, { maxZoom: zooms[1], indexMaxZoom: 5, indexMaxPoints: 0, buffer: 64 }),
]);
for (let z = zooms[0]; z <= zooms[1]; z += 1) {
  const [west, east, north, south] = grid(z);
  for (let x = west; x <= east; x += 1) {
    for (let y = north; y <= south; y += 1) {
      const parts = cut.flatMap(([name, index]) => {
        const tile = index.getTile(z, x, y);
        return tile?.features.length ? [[name, tile]] : [];
      });
      if (parts.length === 0) continue;
      const data = Buffer.from(fromGeojsonVt(Object.fromEntries(parts), { version: 2 }));
      tiles.push({ z, x, y, data });
    }
  }
}
const bounds = [lon - 0.5, lat - 0.5, lon + 0.5, lat + 0.5];
writeFileSync(
  join(folder, 'town.pmtiles'),
  archive(tiles, { bounds, metadata: { name: 'town', attribution: '', vector_layers: [] } }),
);

/** A PNG of one colour, 256 by 256. */
function picture(red, green, blue) {
  const crcOf = (bytes) => {
    let crc = ~0;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
  };
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crcOf(body));
    return Buffer.concat([length, body, crc]);
  };
  const head = Buffer.from([0, 0, 1, 0, 0, 0, 1, 0, 8, 2, 0, 0, 0]);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(256 * 3)]);
  for (let at = 1; at < row.length; at += 3) row.set([red, green, blue], at);
  const rows = Buffer.concat(Array.from({ length: 256 }, () => row));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const colours = { photo: picture(180, 120, 40), styled: picture(40, 120, 180) };
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://upstream');
  const [, name] = pathname.split('/');
  if (pathname === '/style.json') {
    const here = `http://127.0.0.1:${server.address().port}`;
    const source = { type: 'raster', tileSize: 256, tiles: [`${here}/styled/{z}/{x}/{y}.png`] };
    response.writeHead(200, { 'content-type': 'application/json' });
    const layers = [{ id: 'styled', type: 'raster', source: 'styled' }];
    response.end(JSON.stringify({ version: 8, sources: { styled: source }, layers }));
  } else if (colours[name]) {
    response.writeHead(200, { 'content-type': 'image/png' });
    response.end(colours[name]);
  } else {
    response.writeHead(503, { 'content-type': 'text/plain' });
    response.end('away');
  }
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const upstream = `http://127.0.0.1:${server.address().port}`;
const maps = [
  [
    'town',
    'Town',
    '동네',
    `kind = "pmtiles"\nfile = ${JSON.stringify(join(folder, 'town.pmtiles'))}`,
  ],
  ['photo', 'Photo', '사진', `kind = "raster"\nurl = "${upstream}/photo/{z}/{x}/{y}.png"`],
  ['styled', 'Style', '양식', `kind = "style"\nurl = "${upstream}/style.json"`],
  ['away', 'Away', '먼 지도', `kind = "raster"\nurl = "${upstream}/away/{z}/{x}/{y}.png"`],
  ['lost', 'Lost style', '없는 양식', `kind = "style"\nurl = "${upstream}/lost.json"`],
];
writeFileSync(
  join(folder, 'gwanje.toml'),
  maps
    .map(
      ([id, name, ko, source]) =>
        `[[basemap]]\nid = "${id}"\nname = "${name}"\nname_ko = "${ko}"\n${source}\nattribution = "© ${name}"\n`,
    )
    .join('\n'),
);
console.log('ready');
process.stdin.resume();
await once(process.stdin, 'end');
server.close();
server.closeAllConnections();
