// Which grounds the map may be drawn on: the offline one, and what the operator configured. The
// operator's are fetched through the tower, which keeps their keys.

import type { StyleSpecification } from 'maplibre-gl';
import { api } from '../api/client';
import type { Basemap } from '../api/types';
import type { Lang } from '../lib/format';
import { offlineAttribution, offlineStyle } from '../live/style';
import type { Theme } from './theme.svelte';

class Basemaps {
  list: Basemap[] = $state.raw([]);
  #loaded = false;

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

  attribution(id: string | undefined, lang: Lang): string {
    const offline = offlineAttribution[lang];
    const found = this.list.find((one) => one.id === id);
    if (!found) return offline;
    return [found.attribution, found.kind === 'overlay' ? offline : ''].filter(Boolean).join(' · ');
  }

  style(id: string | undefined, theme: Theme, lang: Lang): StyleSpecification | string {
    const found = this.list.find((one) => one.id === id);
    const offline = offlineStyle(theme, lang);
    if (!found) return offline;
    const url = new URL(found.url, location.origin).href;
    switch (found.kind) {
      case 'style':
        return url;
      case 'pmtiles':
      case 'raster':
      case 'overlay':
        return withRaster(offline, found, url);
    }
  }
}

/** Pictures over the offline ground; the names stay on top. */
function withRaster(style: StyleSpecification, map: Basemap, url: string): StyleSpecification {
  const source = {
    type: 'raster' as const,
    tileSize: 256,
    ...(map.kind === 'pmtiles' ? { url: `pmtiles://${url}` } : { tiles: [decodeURI(url)] }),
    ...(map.min_zoom === null ? {} : { minzoom: map.min_zoom }),
    ...(map.max_zoom === null ? {} : { maxzoom: map.max_zoom }),
    ...(map.bounds ? { bounds: map.bounds as [number, number, number, number] } : {}),
  };
  const names = style.layers.findIndex((layer) => layer.type === 'symbol');
  const layers = [...style.layers];
  layers.splice(names, 0, { id: 'operator', type: 'raster', source: 'operator' });
  return { ...style, sources: { ...style.sources, operator: source }, layers };
}

export const basemaps = new Basemaps();
