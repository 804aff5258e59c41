// The little geometry that the basemap needs, on longitude and latitude in degrees.

/** Douglas-Peucker on a line or ring; ends stay. */
export function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const keep = new Uint8Array(points.length);
  keep[0] = 1;
  keep[points.length - 1] = 1;
  // A ring begins where it ends: its farthest point divides it first.
  const stack = [[0, points.length - 1]];
  while (stack.length > 0) {
    const [from, to] = stack.pop();
    let worst = tolerance * tolerance;
    let at = -1;
    for (let i = from + 1; i < to; i += 1) {
      const off = offLine(points[i], points[from], points[to]);
      if (off > worst) {
        worst = off;
        at = i;
      }
    }
    if (at < 0) continue;
    keep[at] = 1;
    stack.push([from, at], [at, to]);
  }
  return points.filter((_, index) => keep[index] === 1);
}

/** Squared distance of a point from a segment. */
function offLine([px, py], [ax, ay], [bx, by]) {
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy;
  const along =
    length === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / length));
  const x = ax + along * dx - px;
  const y = ay + along * dy - py;
  return x * x + y * y;
}

const scale = 1e5;

/** Points as differences of whole hundred-thousandths of a degree: short, and exact to a metre. */
export function pack(points) {
  let [x, y] = [0, 0];
  return points.flatMap(([lon, lat]) => {
    const next = [Math.round(lon * scale), Math.round(lat * scale)];
    const step = [next[0] - x, next[1] - y];
    [x, y] = next;
    return step;
  });
}

export function unpack(steps) {
  const points = [];
  let [x, y] = [0, 0];
  for (let at = 0; at < steps.length; at += 2) {
    x += steps[at];
    y += steps[at + 1];
    points.push([x / scale, y / scale]);
  }
  return points;
}

/** Neighbours' outlines do not share their vertices; closer than this they are one border. */
const near = 0.004;

/**
 * The outlines cut into what they are: `coast`, or what `kindOf` says of the two regions a border
 * lies between. A border is kept once, from the region of the lower code.
 */
export function borders(regions, kindOf) {
  const cells = new Map();
  const cell = (x, y) => `${Math.floor(x / near)},${Math.floor(y / near)}`;
  const segments = (ring, visit) => {
    for (let i = 1; i < ring.length; i += 1) {
      const [a, b] = [ring[i - 1], ring[i]];
      const steps = Math.max(1, Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / near));
      for (let step = 0; step <= steps; step += 1) {
        const part = step / steps;
        visit(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part);
      }
    }
  };
  for (const { code, polygons } of regions) {
    for (const ring of polygons.flat()) {
      segments(ring, (x, y) => {
        const key = cell(x, y);
        const found = cells.get(key);
        if (found) found.add(code);
        else cells.set(key, new Set([code]));
      });
    }
  }
  // Both ends of a segment must be near the other region: a coast that only ends at a border is none.
  const neighbours = ([x, y], code) => {
    const found = new Set();
    for (const dx of [-near / 2, near / 2]) {
      for (const dy of [-near / 2, near / 2]) {
        for (const other of cells.get(cell(x + dx, y + dy)) ?? []) found.add(other);
      }
    }
    found.delete(code);
    return found;
  };
  const lines = {};
  for (const { code, polygons } of regions) {
    for (const ring of polygons.flat()) {
      let kind = null;
      let line = [];
      const end = () => {
        if (kind && line.length > 1) lines[kind] = [...(lines[kind] ?? []), line];
        line = [];
      };
      let before = neighbours(ring[0], code);
      for (let i = 1; i < ring.length; i += 1) {
        const after = neighbours(ring[i], code);
        const shared = [...before].filter((other) => after.has(other)).sort();
        const other = shared[0];
        const now = other === undefined ? 'coast' : code < other ? kindOf(code, other) : null;
        if (now !== kind) {
          end();
          kind = now;
          line = [ring[i - 1]];
        }
        line.push(ring[i]);
        before = after;
      }
      end();
    }
  }
  return lines;
}

/** A point well inside the largest polygon: the centre of the widest stretch among some scan lines. */
export function labelPoint(polygons) {
  const size = (ring) => {
    let sum = 0;
    for (let i = 1; i < ring.length; i += 1) {
      sum += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
    }
    return Math.abs(sum);
  };
  const largest = Math.max(...polygons.map(([outer]) => size(outer)));
  // The middle of everything that is not tiny, then the best inside point on a scan line.
  const large = polygons.filter(([outer]) => size(outer) > largest / 8);
  const ys = large.flatMap(([outer]) => outer.map((point) => point[1]));
  const xs = large.flatMap(([outer]) => outer.map((point) => point[0]));
  const middle = (Math.min(...xs) + Math.max(...xs)) / 2;
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  let best = { score: -Infinity, at: [middle, (low + high) / 2] };
  for (let step = 1; step < 24; step += 1) {
    const y = low + ((high - low) * step) / 24;
    const off = Math.abs(step - 12) / 12;
    for (const [from, to] of stretches(large, y)) {
      const centre = (from + to) / 2;
      const score = (to - from) * (1 - off * 0.7) - Math.abs(centre - middle) * 0.35;
      if (score > best.score) best = { score, at: [centre, y] };
    }
  }
  return best.at;
}

/** Where a scan line runs through the polygons. */
function stretches(polygons, y) {
  const crossings = [];
  for (const ring of polygons.flat()) {
    for (let i = 1; i < ring.length; i += 1) {
      const [[ax, ay], [bx, by]] = [ring[i - 1], ring[i]];
      if (ay > y !== by > y) crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    }
  }
  crossings.sort((a, b) => a - b);
  const found = [];
  for (let i = 1; i < crossings.length; i += 2) found.push([crossings[i - 1], crossings[i]]);
  return found;
}
