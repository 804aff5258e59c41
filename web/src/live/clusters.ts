// Far out, symbols would lie on each other: devices of one cell of the screen become one mark with
// their number. What needs a person stays a symbol of its own unless a whole cell is in trouble.

import { type Camera, project } from './mercator';
import { drawOrder, hidden, type PositionTable, rank } from './table';

/** Closer than this nothing is gathered. */
export const gatherBelowZoom = 9;
/** With fewer devices than this in reach a screen holds them all. */
const gatherFrom = 400;
const cellPx = 56;
/** As many devices of one cell stay symbols. */
const few = 3;
const troubled = 4;
const firstAbnormal = rank('stale');

export interface Cluster {
  x: number;
  y: number;
  count: number;
  flying: number;
  /** Rank of the most urgent state in it (`drawOrder`). */
  worst: number;
  abnormal: boolean;
}

export interface Gathered {
  clusters: Cluster[];
  /** By slot: told by a cluster. */
  slots: Uint8Array;
}

/** Gathers on a grid that stays where it is while the map is moved within one zoom level. */
export function gather(table: PositionTable, zoom: number): Gathered | null {
  if (zoom >= gatherBelowZoom) return null;
  let drawn = 0;
  for (let slot = 0; slot < table.size; slot += 1) {
    if (table.present[slot] && !table.looks[slot]) drawn += 1;
  }
  if (drawn < gatherFrom) return null;

  // Half zoom levels: marks keep their distance, and do not dance while one zooms.
  const cells = (512 * 2 ** (Math.floor(zoom * 2) / 2)) / cellPx;
  const found = new Map<number, number[]>();
  for (let slot = 0; slot < table.size; slot += 1) {
    if (!table.present[slot] || table.looks[slot]) continue;
    const abnormal = (table.state[slot] ?? 0) >= firstAbnormal ? 1 : 0;
    const column = Math.floor((table.toX[slot] ?? 0) * cells);
    const row = Math.floor((table.toY[slot] ?? 0) * cells);
    const key = (row * 65_536 + column) * 2 + abnormal;
    const list = found.get(key);
    if (list) list.push(slot);
    else found.set(key, [slot]);
  }
  const slots = new Uint8Array(table.size);
  const clusters: Cluster[] = [];
  for (const [key, members] of found) {
    const abnormal = key % 2 === 1;
    if (members.length <= (abnormal ? troubled : few)) continue;
    const cluster: Cluster = { x: 0, y: 0, count: members.length, flying: 0, worst: 0, abnormal };
    for (const slot of members) {
      slots[slot] = 1;
      cluster.x += (table.toX[slot] ?? 0) / members.length;
      cluster.y += (table.toY[slot] ?? 0) / members.length;
      const state = table.state[slot] ?? 0;
      if (drawOrder[state] === 'flying') cluster.flying += 1;
      cluster.worst = Math.max(cluster.worst, state);
    }
    clusters.push(cluster);
  }
  clusters.sort((a, b) => a.worst - b.worst || a.count - b.count);
  return { clusters, slots };
}

export const clusterRadius = (count: number): number => 10 + Math.min(14, Math.log2(count) * 1.5);

/** The cluster under a point of the screen. */
export function clusterAt(
  camera: Camera,
  clusters: readonly Cluster[],
  px: number,
  py: number,
): Cluster | null {
  for (const cluster of clusters.toReversed()) {
    const [x, y] = project(camera, cluster.x, cluster.y);
    if (Math.hypot(x - px, y - py) <= clusterRadius(cluster.count)) return cluster;
  }
  return null;
}

/** Whether anything may be drawn of a slot. */
export const isShown = (table: PositionTable, slot: number): boolean =>
  table.present[slot] === 1 && ((table.looks[slot] ?? hidden) & hidden) === 0;
