// How an operator's vector archive is drawn: by the layer names of the two schemas in which such
// archives come, Protomaps' (version 4) and OpenMapTiles', in the console's own colours, so that
// the fleet stands out on any ground. A layer that an archive does not have is not drawn.

import type { FilterSpecification, LayerSpecification } from 'maplibre-gl';
import type { Lang } from '../lib/format';
import type { Theme } from '../state/theme.svelte';

interface Colours {
  land: string;
  water: string;
  green: string;
  building: string;
  road: string;
  main: string;
  rail: string;
  border: string;
  text: string;
  faint: string;
  halo: string;
}

const colours: Record<Theme, Colours> = {
  dark: {
    land: '#16212b',
    water: '#0a1118',
    green: '#17282a',
    building: '#22313e',
    road: '#2c3b49',
    main: '#43566a',
    rail: '#35434f',
    border: '#40566b',
    text: '#a9b8c5',
    faint: '#7d8f9f',
    halo: '#101a23',
  },
  light: {
    land: '#f6f6f2',
    water: '#d5e1ea',
    green: '#e6eedf',
    building: '#e4e4df',
    road: '#dcdedd',
    main: '#c3c9cc',
    rail: '#c9c9c9',
    border: '#93a5b3',
    text: '#33444f',
    faint: '#5f717d',
    halo: '#ffffff',
  },
};

/** What a feature is called in either schema: `kind` in Protomaps', `class` in OpenMapTiles'. */
const kind = ['coalesce', ['get', 'kind'], ['get', 'class'], ''];
const isOneOf = (...names: string[]) =>
  ['match', kind, names, true, false] as unknown as FilterSpecification;

const greens = ['park', 'forest', 'wood', 'grass', 'grassland', 'nature_reserve', 'cemetery'];
const motorways = ['highway', 'motorway', 'trunk', 'major_road', 'primary', 'secondary'];
const others = ['medium_road', 'minor_road', 'tertiary', 'minor', 'service', 'track', 'other'];
const paths = ['path', 'pedestrian'];
const runways = ['aeroway', 'runway', 'taxiway'];

/** Wider with each zoom: `[zoom, pixels]`. */
const wide = (...stops: [number, number][]) => [
  'interpolate',
  ['exponential', 1.6],
  ['zoom'],
  ...stops.flat(),
];

/** Layers of the archive that the style knows as `source`, from the ground up, names on top. */
export function vectorLayers(source: string, theme: Theme, lang: Lang): LayerSpecification[] {
  const c = colours[theme];
  const fill = (
    id: string,
    layer: string,
    colour: string,
    more: { only?: FilterSpecification; minzoom?: number } = {},
  ): LayerSpecification => {
    // A river that is drawn as a line lies in the same layer as the lakes.
    const areas = ['==', ['geometry-type'], 'Polygon'];
    return {
      id: `${source}-${id}`,
      type: 'fill',
      source,
      'source-layer': layer,
      ...(more.minzoom === undefined ? {} : { minzoom: more.minzoom }),
      filter: (more.only ? ['all', areas, more.only] : areas) as FilterSpecification,
      paint: { 'fill-color': colour },
    };
  };
  const line = (id: string, layer: string, colour: string, width: unknown, more: object = {}) =>
    ({
      id: `${source}-${id}`,
      type: 'line',
      source,
      'source-layer': layer,
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': colour, 'line-width': width },
      ...more,
    }) as LayerSpecification;
  const name = [
    'coalesce',
    ['get', `name:${lang}`],
    ['get', `name_${lang}`],
    ['get', 'name'],
  ] as unknown as string;
  const names = (id: string, layer: string, size: unknown, more: object = {}) =>
    ({
      id: `${source}-${id}`,
      type: 'symbol',
      source,
      'source-layer': layer,
      paint: { 'text-color': c.text, 'text-halo-color': c.halo, 'text-halo-width': 1.2 },
      ...more,
      layout: {
        'text-field': name,
        'text-font': ['Pretendard'],
        'text-size': size,
        'text-padding': 6,
        'text-max-width': 8,
        ...((more as { layout?: object }).layout ?? {}),
      },
    }) as LayerSpecification;

  const roads = ['roads', 'transportation'].flatMap((layer) => [
    line(`${layer}-path`, layer, c.road, 1, {
      minzoom: 14,
      filter: isOneOf(...paths),
      paint: { 'line-color': c.main, 'line-width': 1, 'line-dasharray': [2, 2] },
    }),
    line(`${layer}-other`, layer, c.road, wide([10, 0.4], [14, 2], [18, 12]), {
      minzoom: 10,
      filter: isOneOf(...others),
    }),
    line(`${layer}-rail`, layer, c.rail, wide([8, 0.6], [18, 2.5]), { filter: isOneOf('rail') }),
    line(`${layer}-runway`, layer, c.main, wide([10, 1.5], [14, 8], [18, 60]), {
      filter: isOneOf(...runways),
    }),
    line(`${layer}-main`, layer, c.main, wide([6, 0.4], [10, 1.4], [14, 4], [18, 18]), {
      filter: isOneOf(...motorways),
    }),
  ]);
  const along = { 'symbol-placement': 'line', 'text-max-angle': 30 };
  const faint = { 'text-color': c.faint, 'text-halo-color': c.halo, 'text-halo-width': 1.2 };
  const largeFirst = {
    'symbol-sort-key': ['coalesce', ['get', 'min_zoom'], ['get', 'rank'], 99],
  };
  return [
    fill('earth', 'earth', c.land),
    ...['landcover', 'landuse', 'park'].map((layer) =>
      fill(layer, layer, c.green, layer === 'park' ? {} : { only: isOneOf(...greens) }),
    ),
    fill('water', 'water', c.water),
    ...['water', 'waterway'].map((layer) =>
      line(`${layer}-line`, layer, c.water, wide([8, 0.5], [14, 2], [18, 8]), {
        filter: ['==', ['geometry-type'], 'LineString'],
      }),
    ),
    ...['buildings', 'building'].map((layer) => fill(layer, layer, c.building, { minzoom: 13.5 })),
    ...roads,
    ...['boundaries', 'boundary'].map((layer) =>
      line(layer, layer, c.border, wide([4, 0.7], [12, 1.6]), {
        layout: { 'line-join': 'round' },
        paint: {
          'line-color': c.border,
          'line-width': wide([4, 0.7], [12, 1.6]),
          'line-dasharray': [4, 2.5],
        },
      }),
    ),
    ...['roads', 'transportation_name'].map((layer) =>
      names(`${layer}-name`, layer, 11, { minzoom: 14, layout: along, paint: faint }),
    ),
    ...['places', 'place'].map((layer) =>
      names(`${layer}-name`, layer, wide([4, 11], [10, 13], [16, 16]), { layout: largeFirst }),
    ),
  ];
}
