// The map's ground: the offline basemap in the console's own colours, or an operator's basemap.

import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Lang } from '../lib/format';
import type { Theme } from '../state/theme.svelte';

interface Colours {
  sea: string;
  land: string;
  coast: string;
  border: string;
  county: string;
  text: string;
  faint: string;
  seaText: string;
  halo: string;
}

const colours: Record<Theme, Colours> = {
  dark: {
    sea: '#0a1118',
    land: '#16212b',
    coast: '#33475a',
    border: '#40566b',
    county: '#253442',
    text: '#a9b8c5',
    faint: '#7d8f9f',
    seaText: '#4d6579',
    halo: '#101a23',
  },
  light: {
    sea: '#d5e1ea',
    land: '#f6f6f2',
    coast: '#9fb2c1',
    border: '#93a5b3',
    county: '#d9dedf',
    text: '#33444f',
    faint: '#5f717d',
    seaText: '#6d8ba1',
    halo: '#ffffff',
  },
};

export const offlineAttribution: Record<Lang, string> = {
  ko: 'Natural Earth · GeoNames · 국토지리정보원',
  en: 'Natural Earth · GeoNames · NGII (Korea)',
};

const font = ['Pretendard'];

/** Labels of one kind of place. */
function label(
  id: string,
  source: string,
  filter: unknown[],
  options: {
    lang: Lang;
    colour: string;
    halo: string;
    size: unknown;
    min: number;
    max?: number;
    spacing?: number;
  },
): LayerSpecification {
  return {
    id,
    type: 'symbol',
    source,
    'source-layer': 'place',
    minzoom: options.min,
    ...(options.max === undefined ? {} : { maxzoom: options.max }),
    filter: filter as never,
    layout: {
      'text-field': ['get', options.lang],
      'text-font': font,
      'text-size': options.size as never,
      'text-padding': 6,
      'text-letter-spacing': options.spacing ?? 0,
      'symbol-sort-key': ['get', 'size'],
      'text-max-width': 7,
    },
    paint: {
      'text-color': options.colour,
      'text-halo-color': options.halo,
      'text-halo-width': 1.2,
    },
  };
}

const kind = (name: string, largest?: number): unknown[] =>
  largest === undefined
    ? ['==', ['get', 'kind'], name]
    : ['all', ['==', ['get', 'kind'], name], ['<=', ['get', 'size'], largest]];

function labels(c: Colours, lang: Lang): LayerSpecification[] {
  const grow = (from: number, a: number, to: number, b: number) => [
    'interpolate',
    ['linear'],
    ['zoom'],
    from,
    a,
    to,
    b,
  ];
  const town = { lang, colour: c.text, halo: c.halo };
  const faint = { ...town, colour: c.faint };
  return [
    label('district', 'korea', kind('district'), { ...faint, size: 12, min: 10 }),
    label('county', 'korea', kind('county'), { ...faint, size: grow(7.5, 10.5, 11, 13), min: 7.4 }),
    label('city-3', 'korea', kind('city', 3), { ...faint, size: grow(7, 10.5, 11, 14), min: 8 }),
    label('city-2', 'korea', kind('city', 2), {
      ...faint,
      size: grow(7, 11, 11, 15),
      min: 6.8,
      max: 8,
    }),
    label('city-1', 'korea', kind('city', 1), {
      ...town,
      size: grow(6, 12, 11, 18),
      min: 6,
      max: 8,
    }),
    label('city-1-near', 'korea', kind('city', 1), { ...town, size: grow(6, 12, 11, 18), min: 8 }),
    label('world-city-3', 'world', kind('city', 3), { ...faint, size: 11, min: 6 }),
    label('world-city-2', 'world', kind('city', 2), { ...faint, size: 11, min: 4, max: 10 }),
    label('world-city-1', 'world', kind('city', 1), { ...town, size: 12, min: 2.5, max: 10 }),
    label('island', 'world', kind('island', 3), { ...faint, size: 11, min: 7 }),
    label('dokdo', 'world', kind('island', 2), { ...faint, size: 11, min: 6, max: 7 }),
    label('sea', 'world', kind('sea'), {
      ...town,
      colour: c.seaText,
      halo: c.sea,
      size: grow(2, 11, 8, 15),
      min: 1.5,
      max: 10,
      spacing: 0.15,
    }),
  ];
}

/** The offline basemap's style. Its archives are served by the console itself. */
export function offlineStyle(theme: Theme, lang: Lang): StyleSpecification {
  const c = colours[theme];
  const line = (
    id: string,
    source: string,
    layer: string,
    colour: string,
    width: unknown,
    more: Record<string, unknown> = {},
  ): LayerSpecification =>
    ({
      id,
      type: 'line',
      source,
      'source-layer': layer,
      ...more,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': colour, 'line-width': width, ...((more.paint as object) ?? {}) },
    }) as LayerSpecification;
  const only = (name: string) => ({ filter: ['==', ['get', 'kind'], name] });
  const { text: _, ...ground } = c;
  return {
    version: 8,
    sources: {
      world: { type: 'vector', url: 'pmtiles://world' },
      korea: { type: 'vector', url: 'pmtiles://korea' },
    },
    layers: [
      { id: 'sea-ground', type: 'background', paint: { 'background-color': ground.sea } },
      {
        id: 'land',
        type: 'fill',
        source: 'world',
        'source-layer': 'land',
        filter: ['==', ['get', 'detailed'], 0],
        paint: { 'fill-color': c.land, 'fill-antialias': false },
      },
      {
        id: 'land-far',
        type: 'fill',
        source: 'world',
        'source-layer': 'land',
        maxzoom: 6,
        filter: ['==', ['get', 'detailed'], 1],
        paint: { 'fill-color': c.land },
      },
      line('coast', 'world', 'coast', c.coast, 0.8),
      line('border', 'world', 'border', c.border, 1, { paint: { 'line-dasharray': [3, 2] } }),
      {
        id: 'korea-land',
        type: 'fill',
        source: 'korea',
        'source-layer': 'land',
        minzoom: 6,
        paint: { 'fill-color': c.land, 'fill-antialias': false },
      },
      // The official outlines were simplified one by one: close up they leave slivers between them,
      // which look like lakes. Wide lines of land, of one width on the ground, cover them.
      line(
        'korea-seam',
        'korea',
        'line',
        c.land,
        ['interpolate', ['exponential', 2], ['zoom'], 9, 2.5, 19, 2560],
        { minzoom: 9, filter: ['!=', ['get', 'kind'], 'coast'] },
      ),
      line('district-line', 'korea', 'line', c.county, 0.7, { minzoom: 9, ...only('district') }),
      line(
        'county-line',
        'korea',
        'line',
        c.county,
        ['interpolate', ['linear'], ['zoom'], 7, 0.6, 12, 1.4],
        { minzoom: 7, ...only('county') },
      ),
      line('korea-coast', 'korea', 'line', c.coast, 0.8, { minzoom: 6, ...only('coast') }),
      line(
        'province-line',
        'korea',
        'line',
        c.border,
        ['interpolate', ['linear'], ['zoom'], 6, 0.8, 12, 1.8],
        {
          minzoom: 6,
          ...only('province'),
          paint: { 'line-dasharray': [4, 2.5] },
        },
      ),
      ...labels(c, lang),
    ],
  };
}
