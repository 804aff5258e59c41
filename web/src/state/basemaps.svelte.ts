// Which grounds the map may be drawn on: the offline one, and what the operator configured. The
// operator's are fetched through the tower, which keeps their keys. A ground that does not answer
// is said; the offline one lies beneath it all the while.

import type { StyleSpecification } from 'maplibre-gl';
import { ApiError, api } from '../api/client';
import type { Basemap } from '../api/types';
import type { Lang } from '../lib/format';
import { offlineAttribution, offlineStyle } from '../live/style';
import { vectorLayers } from '../live/vector';
import type { Theme } from './theme.svelte';

/** What the map knows the operator's own source by. */
export const operatorSource = 'operator';
/** So many answers in a row are refusals before a ground counts as failed: one may be a gap. */
const failuresToTell = 3;

class Basemaps {
  list: Basemap[] = $state.raw([]);
  /** The ground that does not answer now, and why as far as it is known. */
  failed: { id: string; why: unknown } | null = $state.raw(null);
  /** Counts styles that came, so that a map that waits for one is drawn anew. */
  arrived = $state(0);
  #loaded = false;
  #styles = new Map<string, StyleSpecification>();
  #failures = 0;

  /** Asks the tower once; without an answer the offline ground is all there is. */
  async load(): Promise<void> {
    if (this.#loaded) return;
    this.#loaded = true;
    try {
      this.list = (await api.basemaps()).basemaps;
    } catch {
      this.#loaded = false;
    }
  }

  /** Makes a ground ready; one that is a whole style is fetched, again after a failure. */
  async choose(id: string | undefined): Promise<void> {
    this.failed = null;
    this.#failures = 0;
    const found = this.#find(id);
    if (found?.kind !== 'style' || this.#styles.has(found.id)) return;
    try {
      this.#styles.set(found.id, await api.basemapStyle(found.url));
      this.arrived += 1;
    } catch (why) {
      this.failed = { id: found.id, why };
    }
  }

  /** A part of the ground came, or (with its reason) did not. */
  heard(id: string | undefined, source: string, why: unknown = null): void {
    const found = this.#find(id);
    // Without its style the offline ground is shown, and what comes is of that.
    const isItsOwn =
      found?.kind === 'style' ? this.#styles.has(found.id) : source === operatorSource;
    if (!found || !isItsOwn) return;
    if (why === null) {
      this.#failures = 0;
      this.failed = null;
      return;
    }
    this.#failures += 1;
    if (this.#failures >= failuresToTell) this.failed = { id: found.id, why };
  }

  nameOf(id: string, lang: Lang): string {
    const found = this.#find(id);
    return (lang === 'ko' && found?.name_ko) || found?.name || id;
  }

  attribution(id: string | undefined, lang: Lang): string {
    this.arrived;
    const offline = offlineAttribution[lang];
    const found = this.#find(id);
    if (!found || (found.kind === 'style' && !this.#styles.has(found.id))) return offline;
    // Pictures may cover the offline ground; overlays, vectors and gaps let it be seen.
    const beneath = found.kind === 'overlay' || found.tiles === 'vector' ? offline : '';
    return [found.attribution, beneath].filter(Boolean).join(' · ');
  }

  style(id: string | undefined, theme: Theme, lang: Lang): StyleSpecification {
    const found = this.#find(id);
    const offline = offlineStyle(theme, lang);
    if (!found) return offline;
    if (found.kind === 'style') return this.#styles.get(found.id) ?? offline;
    return found.tiles === 'vector'
      ? withVectors(offline, found, theme, lang)
      : withPictures(offline, found);
  }

  #find(id: string | undefined): Basemap | undefined {
    return this.list.find((one) => one.id === id);
  }
}

/** What every source of tiles has in common. */
function limits(map: Basemap) {
  const url = new URL(map.url, location.origin).href;
  return {
    ...(map.kind === 'pmtiles' ? { url: `pmtiles://${url}` } : { tiles: [decodeURI(url)] }),
    ...(map.min_zoom === null ? {} : { minzoom: map.min_zoom }),
    ...(map.max_zoom === null ? {} : { maxzoom: map.max_zoom }),
    ...(map.bounds ? { bounds: map.bounds as [number, number, number, number] } : {}),
  };
}

/** Pictures over the offline ground; the names stay on top. */
function withPictures(style: StyleSpecification, map: Basemap): StyleSpecification {
  const source = { type: 'raster' as const, tileSize: 256, ...limits(map) };
  const names = style.layers.findIndex((layer) => layer.type === 'symbol');
  const layers = [...style.layers];
  layers.splice(names, 0, { id: operatorSource, type: 'raster', source: operatorSource });
  return { ...style, sources: { ...style.sources, [operatorSource]: source }, layers };
}

/** Shapes over the offline ground; where both name a place, the operator's name has its room. */
function withVectors(
  style: StyleSpecification,
  map: Basemap,
  theme: Theme,
  lang: Lang,
): StyleSpecification {
  const source = { type: 'vector' as const, ...limits(map) };
  const own = vectorLayers(operatorSource, theme, lang);
  const isName = (layer: { type: string }) => layer.type === 'symbol';
  const layers = [
    ...style.layers.filter((layer) => !isName(layer)),
    ...own.filter((layer) => !isName(layer)),
    ...style.layers.filter(isName),
    ...own.filter(isName),
  ];
  return { ...style, sources: { ...style.sources, [operatorSource]: source }, layers };
}

/** The reason a picture of the ground did not come, as the tower said it where it did. */
export async function groundReason(error: unknown): Promise<unknown> {
  const { status, body } = error as { status?: number; body?: Blob };
  if (status === undefined || !(body instanceof Blob)) return error;
  try {
    return new ApiError({ title: '', status, ...JSON.parse(await body.text()) });
  } catch {
    return error;
  }
}

export const basemaps = new Basemaps();
