// The map of a flight that is over: its track, its route, and where the aircraft was at one time.

import 'maplibre-gl/dist/maplibre-gl.css';
import { Map as GroundMap, Marker, type StyleSpecification, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import type { WaylineRoute } from '../api/types';
import { registerBasemaps } from './basemaps';

setWorkerUrl(workerUrl);

type Lines = [number, number][][];

export class ReplayMap {
  readonly #map: GroundMap;
  readonly #marker: Marker;
  readonly #arrow: HTMLElement;
  #shown = false;

  constructor(
    box: HTMLElement,
    style: StyleSpecification,
    track: Lines,
    route: WaylineRoute | null,
    colours: { track: string; route: string },
    authorise: (url: string) => Record<string, string> | null,
  ) {
    registerBasemaps();
    const flat = track.flat();
    const lons = flat.map(([lon]) => lon);
    const lats = flat.map(([, lat]) => lat);
    const has = flat.length > 0;
    this.#map = new GroundMap({
      container: box,
      style,
      ...(has
        ? {
            bounds: [
              [Math.min(...lons) - 0.0005, Math.min(...lats) - 0.0005],
              [Math.max(...lons) + 0.0005, Math.max(...lats) + 0.0005],
            ],
            fitBoundsOptions: { padding: 24, maxZoom: 17 },
          }
        : { center: [127.8, 36.2], zoom: 6 }),
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      localIdeographFontFamily: 'Pretendard',
      transformRequest: (url: string) => {
        const headers = authorise(url);
        return headers ? { url, headers } : { url };
      },
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.on('load', () => {
      if (route) {
        this.#lines(
          'route',
          route.features.flatMap(({ geometry }) =>
            geometry.type === 'LineString'
              ? [geometry.coordinates.map(([lon, lat]): [number, number] => [lon, lat])]
              : [],
          ),
          colours.route,
          [2, 2],
        );
      }
      this.#lines('track', track, colours.track);
    });
    this.#arrow = document.createElement('div');
    this.#arrow.className = 'replay-aircraft';
    this.#arrow.textContent = '▲';
    this.#arrow.style.color = colours.track;
    this.#arrow.style.fontSize = '20px';
    this.#arrow.style.textShadow = '0 0 3px #000, 0 0 3px #000';
    this.#marker = new Marker({ element: this.#arrow, rotationAlignment: 'map' });
  }

  #lines(id: string, lines: Lines, colour: string, dash?: number[]): void {
    this.#map.addSource(id, {
      type: 'geojson',
      data: {
        type: 'Feature',
        properties: {},
        geometry: { type: 'MultiLineString', coordinates: lines.filter((line) => line.length > 1) },
      },
    });
    this.#map.addLayer({
      id,
      type: 'line',
      source: id,
      paint: {
        'line-color': colour,
        'line-width': dash ? 1.5 : 2.5,
        ...(dash ? { 'line-dasharray': dash } : {}),
      },
    });
  }

  /** Where the aircraft was; nothing where that is not known. */
  stand(at: { lon: number; lat: number; heading: number | null } | null): void {
    if (!at) {
      this.#marker.remove();
      this.#shown = false;
      return;
    }
    this.#marker.setLngLat([at.lon, at.lat]).setRotation(at.heading ?? 0);
    if (!this.#shown) this.#marker.addTo(this.#map);
    this.#shown = true;
  }

  destroy(): void {
    this.#map.remove();
  }
}
