// Tells the position table how each device is drawn: in which state, whether at all.

import { type FleetState, isAirborne } from '../lib/fleet-state';
import type { Row } from '../state/roster';
import { metresApart } from './mercator';
import { dimmed, hidden, type PositionTable } from './table';

/** Of a dock's record: its aircraft is inside (docs/stream.md). */
const insideBit = 0x4000;
/** Nearer to its dock than this, and not in the air, an aircraft is not drawn beside it. */
const besideM = 40;

/** A dock whose aircraft flies is itself only a dock: the aircraft's symbol says what flies. */
export function dockState(row: Row): FleetState {
  return row.state === 'flying' && row.aircraft ? 'ready' : row.state;
}

export function paint(
  table: PositionTable,
  slotOf: ReadonlyMap<string, number>,
  rows: readonly Row[],
  wanted: (row: Row) => boolean,
): void {
  for (const row of rows) {
    const looks = wanted(row) ? 0 : dimmed;
    const dock = slotOf.get(row.dock.sn);
    if (dock !== undefined) table.paint(dock, dockState(row), looks);
    const craft = row.aircraft ? slotOf.get(row.aircraft.sn) : undefined;
    if (craft === undefined || !row.aircraft) continue;
    table.paint(craft, row.state, isOut(table, row, dock, craft) ? looks : hidden);
  }
}

/** Whether the aircraft is somewhere to be drawn, as far as is known. */
function isOut(table: PositionTable, row: Row, dock: number | undefined, craft: number): boolean {
  if (isAirborne(row.aircraft?.activity)) return true;
  if (dock === undefined || !table.present[dock]) return true;
  if (((table.bits[dock] ?? 0) & insideBit) !== 0) return false;
  const away = metresApart(
    table.lon[dock] ?? 0,
    table.lat[dock] ?? 0,
    table.lon[craft] ?? 0,
    table.lat[craft] ?? 0,
  );
  return away > besideM;
}
