// Writes a PMTiles archive, version 3 (protomaps/PMTiles, spec/v3): a header of 127 bytes, a root
// directory, metadata, leaf directories, tiles by their place on the Hilbert curve. Equal tiles
// (open sea, inland) are stored once. What a reader of the console needs, and nothing more.
import { gzipSync } from 'node:zlib';

const headerBytes = 127;
/** The header and the root directory must fit into the first 16 KiB. */
const rootBytes = 16384 - headerBytes;
const gzip = 2;
const vectorTile = 1;

/** The number of a tile: all lower zooms first, then along the Hilbert curve of its own. */
export function tileId(z, x, y) {
  let id = (4 ** z - 1) / 3;
  let [a, b] = [x, y];
  for (let side = 2 ** (z - 1); side >= 1; side /= 2) {
    const rx = Math.floor(a / side) % 2;
    const ry = Math.floor(b / side) % 2;
    id += side * side * ((3 * rx) ^ ry);
    if (ry === 0) {
      if (rx === 1) {
        a = side - 1 - (a % side);
        b = side - 1 - (b % side);
      }
      [a, b] = [b % side, a % side];
    }
  }
  return id;
}

function varint(value, out) {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

/** Entries `{ id, run, length, offset }`; a run of 0 points to a leaf directory. */
function directory(entries) {
  const out = [];
  varint(entries.length, out);
  let last = 0;
  for (const { id } of entries) {
    varint(id - last, out);
    last = id;
  }
  for (const { run } of entries) varint(run, out);
  for (const { length } of entries) varint(length, out);
  entries.forEach(({ offset }, at) => {
    const before = entries[at - 1];
    const follows = before && offset === before.offset + before.length;
    varint(follows ? 0 : offset + 1, out);
  });
  return gzipSync(Uint8Array.from(out), { level: 9 });
}

/** Root and leaves: all in the root where they fit. */
function directories(entries) {
  const root = directory(entries);
  if (root.length <= rootBytes) return { root, leaves: Buffer.alloc(0) };
  for (let size = 4096; ; size *= 2) {
    const parts = [];
    const pointers = [];
    let offset = 0;
    for (let at = 0; at < entries.length; at += size) {
      const leaf = directory(entries.slice(at, at + size));
      pointers.push({ id: entries[at].id, run: 0, length: leaf.length, offset });
      parts.push(leaf);
      offset += leaf.length;
    }
    const above = directory(pointers);
    if (above.length <= rootBytes) return { root: above, leaves: Buffer.concat(parts) };
  }
}

/** The archive's bytes. `tiles` are `{ z, x, y, data }`, uncompressed. */
export function archive(tiles, { bounds, metadata }) {
  const sorted = tiles
    .map(({ z, x, y, data }) => ({ z, id: tileId(z, x, y), data: gzipSync(data, { level: 9 }) }))
    .sort((a, b) => a.id - b.id);
  const entries = [];
  const contents = [];
  const stored = new Map();
  let end = 0;
  for (const { id, data } of sorted) {
    const key = data.toString('latin1');
    const known = stored.get(key);
    const last = entries.at(-1);
    if (known !== undefined && last?.offset === known && last.id + last.run === id) {
      last.run += 1;
      continue;
    }
    const offset = known ?? end;
    if (known === undefined) {
      stored.set(key, end);
      contents.push(data);
      end += data.length;
    }
    entries.push({ id, run: 1, length: data.length, offset });
  }
  const { root, leaves } = directories(entries);
  const about = gzipSync(JSON.stringify(metadata), { level: 9 });
  const zooms = sorted.map((tile) => tile.z);

  const header = Buffer.alloc(headerBytes);
  header.write('PMTiles', 0, 'latin1');
  header.writeUInt8(3, 7);
  let at = headerBytes;
  [root.length, about.length, leaves.length, end].forEach((length, index) => {
    header.writeBigUInt64LE(BigInt(at), 8 + index * 16);
    header.writeBigUInt64LE(BigInt(length), 16 + index * 16);
    at += length;
  });
  const addressed = entries.reduce((sum, entry) => sum + entry.run, 0);
  [addressed, entries.length, contents.length].forEach((count, index) => {
    header.writeBigUInt64LE(BigInt(count), 72 + index * 8);
  });
  header.writeUInt8(1, 96); // tiles lie in the order of the directory
  header.writeUInt8(gzip, 97);
  header.writeUInt8(gzip, 98);
  header.writeUInt8(vectorTile, 99);
  header.writeUInt8(Math.min(...zooms), 100);
  header.writeUInt8(Math.max(...zooms), 101);
  const [west, south, east, north] = bounds;
  const corners = [west, south, east, north].map((degrees) => Math.round(degrees * 1e7));
  corners.forEach((value, index) => {
    header.writeInt32LE(value, 102 + index * 4);
  });
  header.writeUInt8(Math.min(...zooms), 118);
  header.writeInt32LE(Math.round(((west + east) / 2) * 1e7), 119);
  header.writeInt32LE(Math.round(((south + north) / 2) * 1e7), 123);
  return Buffer.concat([header, root, about, leaves, ...contents]);
}
