// A mission file with one thing changed: its texts are unpacked, edited and stored again.
import { readFileSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';

const centralMark = 0x02014b50;
const endMark = 0x06054b50;
const localMark = 0x04034b50;

/** Entries of a ZIP archive without comment, as `[name, bytes]`. */
function entries(zip) {
  const end = zip.length - 22;
  if (zip.readUInt32LE(end) !== endMark) throw new Error('no ZIP archive');
  let at = zip.readUInt32LE(end + 16);
  const found = [];
  while (zip.readUInt32LE(at) === centralMark) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(from, from + zip.readUInt32LE(at + 20));
    found.push([name, zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)]);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return found;
}

function head(mark, name, bytes, central) {
  const fields = Buffer.alloc(central ? 46 : 30);
  const shift = central ? 2 : 0;
  fields.writeUInt32LE(mark, 0);
  fields.writeUInt16LE(20, 4);
  fields.writeUInt16LE(20, 4 + shift);
  fields.writeUInt16LE(0x21, 12 + shift);
  fields.writeUInt32LE(crc32(bytes), 14 + shift);
  fields.writeUInt32LE(bytes.length, 18 + shift);
  fields.writeUInt32LE(bytes.length, 22 + shift);
  fields.writeUInt16LE(Buffer.byteLength(name), 26 + shift);
  return fields;
}

/** The KMZ at `path` with the first `from` of its waylines replaced. */
export function edited(path, from, to) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, bytes] of entries(readFileSync(path))) {
    let text = bytes.toString('utf8');
    if (name.endsWith('waylines.wpml')) {
      if (!text.includes(from)) throw new Error(`no ${from} in ${name}`);
      text = text.replace(from, to);
    }
    const body = Buffer.from(text);
    const central = head(centralMark, name, body, true);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    const local = [head(localMark, name, body, false), Buffer.from(name), body];
    parts.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endMark, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}
