// Every view is an address. Pure parsing and printing; state/router.svelte.ts does the moving.

import { type FleetState, fleetStates } from './fleet-state';

/** The Live page: who is selected, what is filtered, and what of it is shown how. */
export interface LiveRoute {
  page: 'live';
  sn: string | null;
  state: FleetState | null;
  query: string;
  /** Map and list beside each other where absent. */
  view?: 'map' | 'list' | undefined;
  /** Where the map stands: `longitude,latitude,zoom`. */
  at?: MapPlace | undefined;
  /** The map follows the selected device. */
  follow?: boolean | undefined;
  /** The operator's basemap; the offline one where absent. */
  base?: string | undefined;
}

export interface MapPlace {
  lon: number;
  lat: number;
  zoom: number;
}

/** People and what they may, and who did what. */
export const adminTabs = ['people', 'sessions', 'tokens', 'sites', 'audit'] as const;
export type AdminTab = (typeof adminTabs)[number];

export type Route =
  | LiveRoute
  | { page: 'missions'; id: string | null }
  | { page: 'schedule' }
  | { page: 'flights'; id: string | null }
  | { page: 'trace'; id: string }
  | { page: 'devices'; sn: string | null }
  | { page: 'media'; sn: string | null; flight: string | null }
  | { page: 'system' }
  | { page: 'admin'; tab: AdminTab }
  | { page: 'missing'; path: string };

export function parseRoute(path: string, search: string): Route {
  const parts = path.split('/').filter(Boolean).map(decode);
  const [page, id, ...rest] = parts;
  if (rest.length === 0) {
    switch (page) {
      case undefined:
      case 'live': {
        const params = new URLSearchParams(search);
        const state = fleetStates.find((name) => name === params.get('state')) ?? null;
        return {
          page: 'live',
          sn: id ?? null,
          state,
          query: params.get('q') ?? '',
          ...more(params),
        };
      }
      case 'missions':
        return { page: 'missions', id: id ?? null };
      case 'schedule':
        if (!id) return { page: 'schedule' };
        break;
      case 'flights':
        return { page: 'flights', id: id ?? null };
      case 'traces':
        if (id) return { page: 'trace', id };
        break;
      case 'devices':
        return { page: 'devices', sn: id ?? null };
      case 'admin': {
        const tab = adminTabs.find((name) => name === (id ?? 'people'));
        if (tab) return { page: 'admin', tab };
        break;
      }
      case 'media':
        return { page: 'media', sn: id ?? null, flight: new URLSearchParams(search).get('flight') };
      case 'system':
        if (!id) return { page: 'system' };
        break;
    }
  }
  return { page: 'missing', path };
}

export function printRoute(route: Route): string {
  switch (route.page) {
    case 'live': {
      const params = new URLSearchParams();
      if (route.state) params.set('state', route.state);
      if (route.query) params.set('q', route.query);
      if (route.view) params.set('view', route.view);
      if (route.at) params.set('at', printPlace(route.at));
      if (route.follow && route.sn) params.set('follow', '1');
      if (route.base) params.set('base', route.base);
      const search = params.toString();
      return `/live${segment(route.sn)}${search ? `?${search}` : ''}`;
    }
    case 'missions':
      return `/missions${segment(route.id)}`;
    case 'schedule':
      return '/schedule';
    case 'flights':
      return `/flights${segment(route.id)}`;
    case 'trace':
      return `/traces${segment(route.id)}`;
    case 'devices':
      return `/devices${segment(route.sn)}`;
    case 'media': {
      const flight = route.flight ? `?flight=${encodeURIComponent(route.flight)}` : '';
      return `/media${segment(route.sn)}${flight}`;
    }
    case 'system':
      return '/system';
    case 'admin':
      return `/admin/${route.tab}`;
    case 'missing':
      return route.path;
  }
}

function more(params: URLSearchParams): Partial<LiveRoute> {
  const view = params.get('view');
  const at = parsePlace(params.get('at'));
  const base = params.get('base');
  return {
    ...(view === 'map' || view === 'list' ? { view } : {}),
    ...(at ? { at } : {}),
    ...(params.get('follow') === '1' ? { follow: true } : {}),
    ...(base && /^[\w.-]{1,64}$/.test(base) ? { base } : {}),
  };
}

export function parsePlace(text: string | null): MapPlace | null {
  const parts = (text ?? '').split(',').map(Number);
  const [lon, lat, zoom] = parts;
  if (parts.length !== 3 || lon === undefined || lat === undefined || zoom === undefined)
    return null;
  const fits = Math.abs(lon) <= 180 && Math.abs(lat) <= 85.1 && zoom >= 0 && zoom <= 22;
  return fits ? { lon, lat, zoom } : null;
}

function printPlace({ lon, lat, zoom }: MapPlace): string {
  const digits = Math.max(2, Math.min(6, Math.round(zoom / 3) + 1));
  return `${Number(lon.toFixed(digits))},${Number(lat.toFixed(digits))},${Number(zoom.toFixed(2))}`;
}

function segment(text: string | null): string {
  return text ? `/${encodeURIComponent(text)}` : '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
