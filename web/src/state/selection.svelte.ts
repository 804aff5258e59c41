// What the map shows of the selected device beside its symbol: where it came from, where it is to
// go, its home and its fence. All of it heard or planned, nothing guessed.

import { api } from '../api/client';
import { numberOf } from '../lib/readings';
import type { Selected } from '../live/marks';
import { circle, metresApart } from '../live/mercator';
import { fleet } from './fleet.svelte';
import type { Row } from './roster';
import { missionOf } from './views.svelte';

type Point = [number, number];

/** As many points of a track are drawn; nearer than this to the last one, none is added. */
const kept = 2000;
const leastM = 1.5;

class Selection {
  /** The planned route of the mission under way. */
  route: readonly Point[] = $state.raw([]);
  #wayline: string | null = null;
  #moving: string | null = null;
  #track: Point[] = [];

  marks(row: Row, slot: number | null, lastKnown: string | null): Selected {
    const mission = missionOf(row.dock.sn);
    const flying = mission !== null && mission.state !== 'ended';
    this.#wantRoute(flying ? mission.wayline_id : null);
    this.#wantTrack(row.aircraft?.sn ?? row.dock.sn);
    const home = homeOf(row);
    return {
      label: row.label,
      at: slot === null ? null : fleet.positions.shown(slot, performance.now()),
      lastKnown,
      track: this.#track,
      route: flying ? this.route : [],
      nextWaypoint: flying ? mission.progress.waypoint_index : null,
      home,
      fence: home ? fenceOf(row, home) : [],
    };
  }

  /** Nothing is selected any more. */
  leave(): void {
    this.#wantRoute(null);
    this.#moving = null;
    this.#track = [];
  }

  /** The tower remembers half an hour; from then on every position seen here is added. */
  #wantTrack(sn: string): void {
    if (sn === this.#moving) {
      this.#extend(sn);
      return;
    }
    this.#moving = sn;
    this.#track = [];
    api.track(sn).then(
      ({ points }) => {
        if (this.#moving !== sn) return;
        this.#track = [...points.map(([, lon, lat]): Point => [lon, lat]), ...this.#track];
      },
      // Without it the track begins where the device was selected.
      () => {},
    );
  }

  #extend(sn: string): void {
    const slot = fleet.slotOf.get(sn);
    const table = fleet.positions;
    if (slot === undefined || !table.present[slot] || table.classOf(slot) === 0) return;
    const here: Point = [table.lon[slot] ?? 0, table.lat[slot] ?? 0];
    const last = this.#track.at(-1);
    if (last && metresApart(last[0], last[1], here[0], here[1]) < leastM) return;
    this.#track.push(here);
    if (this.#track.length > kept) this.#track.splice(0, kept / 10);
  }

  #wantRoute(wayline: string | null): void {
    if (wayline === this.#wayline) return;
    this.#wayline = wayline;
    this.route = [];
    if (wayline === null) return;
    api.waylineRoute(wayline).then(
      ({ features }) => {
        if (this.#wayline !== wayline) return;
        this.route = features.flatMap(({ geometry }): Point[] =>
          geometry.type === 'Point' ? [[geometry.coordinates[0], geometry.coordinates[1]]] : [],
        );
      },
      // A file that gave way to others has no route to draw any more.
      () => {},
    );
  }
}

/** Where the aircraft returns to, by its own word; else its dock. */
function homeOf(row: Row): Point | null {
  const craft = row.aircraft ? fleet.telemetry.get(row.aircraft.sn) : undefined;
  const [lat, lon] = [numberOf(craft?.home_latitude), numberOf(craft?.home_longitude)];
  if (lat !== null && lon !== null && (lat !== 0 || lon !== 0)) return [lon, lat];
  if (!row.aircraft) return null;
  const slot = fleet.slotOf.get(row.dock.sn);
  if (slot === undefined || !fleet.positions.present[slot]) return null;
  return [fleet.positions.lon[slot] ?? 0, fleet.positions.lat[slot] ?? 0];
}

/** The distance limit that is set in the aircraft, around its home. */
function fenceOf(row: Row, home: Point): Point[] {
  const craft = row.aircraft ? fleet.telemetry.get(row.aircraft.sn) : undefined;
  const on = numberOf(craft?.['distance_limit_status.state']) === 1;
  const radius = numberOf(craft?.['distance_limit_status.distance_limit']);
  return on && radius !== null && radius > 0 ? circle(home[0], home[1], radius) : [];
}

export const selection = new Selection();
