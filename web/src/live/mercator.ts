// Web Mercator on the unit square, as the map uses it: x to the east, y to the south.

export interface Camera {
  /** Centre on the unit square. */
  x: number;
  y: number;
  zoom: number;
  /** CSS pixels. */
  width: number;
  height: number;
}

export const mercatorX = (lon: number): number => (lon + 180) / 360;

export function mercatorY(lat: number): number {
  const sine = Math.sin((Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

export const longitude = (x: number): number => x * 360 - 180;

export function latitude(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Pixels the whole world is wide. */
export const worldSize = (zoom: number): number => 512 * 2 ** zoom;

/** Where a point of the unit square lies on the screen. */
export function project(camera: Camera, x: number, y: number): [number, number] {
  const size = worldSize(camera.zoom);
  return [(x - camera.x) * size + camera.width / 2, (y - camera.y) * size + camera.height / 2];
}

/** West, south, east, north of what the camera sees, grown by a share of its size on each side. */
export function bounds(camera: Camera, grow = 0): [number, number, number, number] {
  const size = worldSize(camera.zoom);
  const halfX = (camera.width / 2 / size) * (1 + grow * 2);
  const halfY = (camera.height / 2 / size) * (1 + grow * 2);
  const [west, east] = [longitude(camera.x - halfX), longitude(camera.x + halfX)];
  const south = latitude(Math.min(1, camera.y + halfY));
  const north = latitude(Math.max(0, camera.y - halfY));
  return east - west >= 360 ? [-180, south, 180, north] : [west, south, east, north];
}

/** A circle of so many metres around a place, as a closed ring of `[lon, lat]`. */
export function circle(lon: number, lat: number, radiusM: number, steps = 72): [number, number][] {
  const degrees = radiusM / 111_320;
  const narrow = Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: steps + 1 }, (_, step) => {
    const angle = (step / steps) * 2 * Math.PI;
    return [lon + (degrees * Math.cos(angle)) / narrow, lat + degrees * Math.sin(angle)];
  });
}

/** Metres between two places, good enough for telling parked from flying. */
export function metresApart(lonA: number, latA: number, lonB: number, latB: number): number {
  const x = (lonB - lonA) * Math.cos((((latA + latB) / 2) * Math.PI) / 180);
  return Math.hypot(x, latB - latA) * 111_320;
}
