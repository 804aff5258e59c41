// The live map: MapLibre for the ground, three canvases above it for what moves. This module is a
// chunk of its own, loaded when a map is first shown. It decides nothing about devices: what is
// drawn is in the position table, what is selected comes from the page.

import 'maplibre-gl/dist/maplibre-gl.css';
import {
  AttributionControl,
  Map as GroundMap,
  type MapMouseEvent,
  ScaleControl,
  type StyleSpecification,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { registerBasemaps } from './basemaps';
import { type Cluster, clusterAt, gather } from './clusters';
import {
  drawClusters,
  drawGround,
  drawHover,
  drawSelected,
  type Hover,
  type MarkColours,
  type Selected,
  sizeCanvas,
} from './marks';
import { bounds, type Camera, latitude, longitude, mercatorX, mercatorY } from './mercator';
import { FleetOverlay, type Palette } from './overlay';
import type { PositionTable } from './table';

export { addArchive } from './basemaps';

setWorkerUrl(workerUrl);

export interface MapEvents {
  /** A symbol was clicked, or (null) the ground. */
  pick: (slot: number | null) => void;
  /** The map stands still somewhere else. */
  moved: (view: { lon: number; lat: number; zoom: number; byHand: boolean }) => void;
  describe: (slot: number) => { label: string; detail: string } | null;
  /** A part of the ground's source came, or did not: then with the error. */
  ground: (source: string, error: unknown) => void;
  /** The graphics context was lost: the map must be built anew. */
  lost: () => void;
}

export interface MapOptions {
  box: HTMLElement;
  table: PositionTable;
  style: StyleSpecification;
  view: { lon: number; lat: number; zoom: number };
  palette: Palette;
  colours: MarkColours;
  /** Credentials for tiles that come through the tower. */
  authorise: (url: string) => Record<string, string> | null;
  events: MapEvents;
}

const gatherEveryMs = 900;

export class LiveMap {
  readonly ground: GroundMap;
  readonly overlay: FleetOverlay;
  selected: Selected | null = null;
  clusters: readonly Cluster[] = [];
  #table: PositionTable;
  #events: MapEvents;
  #colours: MarkColours;
  #under: HTMLCanvasElement;
  #over: HTMLCanvasElement;
  #hover: Hover | null = null;
  #hoverSlot: number | null = null;
  #frame = 0;
  #gatheredAt = 0;
  #gatheredVersion = -1;
  #gatheredZoom = -1;
  #drawnMarks = false;
  #byHand = false;
  #closed = false;

  constructor(options: MapOptions) {
    registerBasemaps();
    this.#table = options.table;
    this.#events = options.events;
    this.#colours = options.colours;
    this.ground = new GroundMap({
      container: options.box,
      style: options.style,
      center: [options.view.lon, options.view.lat],
      zoom: options.view.zoom,
      minZoom: 1,
      maxZoom: 19,
      attributionControl: false,
      // The sources always stand open: the button that would fold them is never shown.
      locale: { 'AttributionControl.ToggleAttribution': '' },
      // North is up: the overlay's mathematics and an operator's sense of place stay simple.
      dragRotate: false,
      touchPitch: false,
      pitchWithRotate: false,
      maxPitch: 0,
      fadeDuration: 0,
      refreshExpiredTiles: false,
      localIdeographFontFamily: 'Pretendard',
      transformRequest: (url: string) => {
        const headers = options.authorise(url);
        return headers ? { url, headers } : { url };
      },
    });
    this.ground.touchZoomRotate.disableRotation();
    this.ground.keyboard.disableRotation();
    this.ground.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left');
    this.ground.addControl(new AttributionControl({ compact: false }), 'bottom-right');

    this.#under = this.#canvas('under');
    const symbols = this.#canvas('symbols');
    this.#over = this.#canvas('over');
    this.overlay = new FleetOverlay(symbols, options.table, options.palette, () =>
      options.events.lost(),
    );
    this.#listen();
  }

  /** Something changed: draw with the next frame. */
  invalidate(): void {
    if (this.#frame !== 0 || this.#closed) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  camera(): Camera {
    const centre = this.ground.getCenter();
    const box = this.ground.getContainer();
    return {
      x: mercatorX(centre.lng),
      y: mercatorY(centre.lat),
      zoom: this.ground.getZoom(),
      width: box.clientWidth,
      height: box.clientHeight,
    };
  }

  /** West, south, east, north, somewhat more than is seen. */
  bbox(): [number, number, number, number] {
    return bounds(this.camera(), 0.25);
  }

  go(lon: number, lat: number, zoom: number | null, smooth: boolean): void {
    const target = { center: [lon, lat] as [number, number], zoom: zoom ?? this.ground.getZoom() };
    if (smooth && !this.overlay.software) this.ground.easeTo({ ...target, duration: 500 });
    else this.ground.jumpTo(target);
  }

  fit([west, south, east, north]: [number, number, number, number]): void {
    this.ground.fitBounds([west, south, east, north], { padding: 60, maxZoom: 12, animate: false });
  }

  zoomBy(steps: number): void {
    this.ground.zoomTo(this.ground.getZoom() + steps, { animate: !this.overlay.software });
  }

  /** What the map is called for those who do not see it. */
  name(title: string): void {
    this.ground.getCanvas().setAttribute('aria-label', title);
  }

  restyle(style: StyleSpecification): void {
    this.ground.setStyle(style, { diff: true });
  }

  recolour(palette: Palette, colours: MarkColours): void {
    this.overlay.palette = palette;
    this.#colours = colours;
    this.invalidate();
  }

  destroy(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    this.overlay.destroy();
    this.ground.remove();
  }

  #canvas(name: string): HTMLCanvasElement {
    const canvas = document.createElement('canvas');
    canvas.className = `fleet-canvas ${name}`;
    canvas.setAttribute('aria-hidden', 'true');
    this.ground.getCanvasContainer().append(canvas);
    return canvas;
  }

  #listen(): void {
    const map = this.ground;
    // Drawn in the same frame as the ground, so that symbols and ground move as one.
    map.on('render', () => this.#draw());
    map.on('resize', () => this.invalidate());
    map.on('mousemove', (event) => this.#point(event));
    map.on('mouseout', () => this.#setHover(null, 0, 0));
    map.on('click', (event) => this.#click(event));
    map.on('movestart', (event) => {
      if (event.originalEvent) this.#byHand = true;
    });
    map.on('moveend', () => {
      const centre = map.getCenter();
      this.#events.moved({
        lon: centre.lng,
        lat: centre.lat,
        zoom: map.getZoom(),
        byHand: this.#byHand,
      });
      this.#byHand = false;
    });
    // A basemap that does not answer is said on the page, not in the browser's console.
    map.on('error', (event) => {
      const { sourceId } = event as { sourceId?: string };
      console.warn(`map: ${event.error?.message ?? 'error'}`);
      this.#events.ground(sourceId ?? '', event.error ?? event);
    });
    map.on('sourcedata', (event) => {
      if (event.tile) this.#events.ground(event.sourceId, null);
    });
  }

  #draw(): void {
    if (this.#closed) return;
    const now = performance.now();
    const camera = this.camera();
    if (camera.width === 0 || camera.height === 0) return;
    this.#gather(camera, now);
    this.overlay.draw(camera, now);
    this.#drawMarks(camera, now);
    if (this.overlay.moving(now)) this.invalidate();
  }

  #gather(camera: Camera, now: number): void {
    const zoom = Math.floor(camera.zoom * 2);
    const same = zoom === this.#gatheredZoom;
    if (same && this.#gatheredVersion === this.#table.version) return;
    if (same && now - this.#gatheredAt < gatherEveryMs) return;
    this.#gatheredZoom = zoom;
    this.#gatheredVersion = this.#table.version;
    this.#gatheredAt = now;
    const found = gather(this.#table, camera.zoom);
    if (!found && this.clusters.length === 0) return;
    this.clusters = found?.clusters ?? [];
    this.overlay.gather(found?.slots ?? null);
  }

  #drawMarks(camera: Camera, now: number): void {
    const wanted = this.selected !== null || this.clusters.length > 0 || this.#hover !== null;
    if (!wanted && !this.#drawnMarks) return;
    this.#drawnMarks = wanted;
    const under = sizeCanvas(this.#under, camera);
    // Numbers of what is normal lie under the symbols of what is not.
    const [normal, abnormal] = [false, true].map((wanted) =>
      this.clusters.filter((cluster) => cluster.abnormal === wanted),
    );
    drawClusters(under, camera, normal ?? [], this.#colours);
    if (this.selected) drawGround(under, camera, this.selected, this.#colours);
    const over = sizeCanvas(this.#over, camera);
    drawClusters(over, camera, abnormal ?? [], this.#colours);
    if (this.selected) {
      if (this.selectedSlot !== null && this.#table.present[this.selectedSlot]) {
        const at = this.overlay.software ? Number.POSITIVE_INFINITY : now;
        this.selected.at = this.#table.shown(this.selectedSlot, at);
      }
      drawSelected(over, camera, this.selected, this.#colours);
    }
    if (this.#hover) drawHover(over, camera, this.#hover, this.#colours);
  }

  /** The slot the ring follows. */
  selectedSlot: number | null = null;

  #point(event: MapMouseEvent): void {
    const { x, y } = event.point;
    const slot = this.overlay.hit(this.camera(), x, y, performance.now());
    this.#setHover(slot, x, y);
  }

  #setHover(slot: number | null, x: number, y: number): void {
    if (slot === this.#hoverSlot) return;
    this.#hoverSlot = slot;
    const told = slot === null ? null : this.#events.describe(slot);
    this.#hover = told ? { ...told, x, y } : null;
    this.ground.getCanvas().style.cursor = told ? 'pointer' : '';
    this.invalidate();
  }

  #click(event: MapMouseEvent): void {
    const { x, y } = event.point;
    const camera = this.camera();
    const slot = this.overlay.hit(camera, x, y, performance.now());
    if (slot !== null) {
      this.#events.pick(slot);
      return;
    }
    const cluster = clusterAt(camera, this.clusters, x, y);
    if (cluster) {
      this.go(longitude(cluster.x), latitude(cluster.y), Math.min(16, camera.zoom + 1.6), true);
      return;
    }
    this.#events.pick(null);
  }
}
