// Every view is an address. Pure parsing and printing; state/router.svelte.ts does the moving.

import { type FleetState, fleetStates } from './fleet-state';

export type Route =
  | { page: 'live'; sn: string | null; state: FleetState | null; query: string }
  | { page: 'missions'; id: string | null }
  | { page: 'trace'; id: string }
  | { page: 'devices'; sn: string | null }
  | { page: 'system' }
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
        return { page: 'live', sn: id ?? null, state, query: params.get('q') ?? '' };
      }
      case 'missions':
        return { page: 'missions', id: id ?? null };
      case 'traces':
        if (id) return { page: 'trace', id };
        break;
      case 'devices':
        return { page: 'devices', sn: id ?? null };
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
      const search = params.toString();
      return `/live${segment(route.sn)}${search ? `?${search}` : ''}`;
    }
    case 'missions':
      return `/missions${segment(route.id)}`;
    case 'trace':
      return `/traces${segment(route.id)}`;
    case 'devices':
      return `/devices${segment(route.sn)}`;
    case 'system':
      return '/system';
    case 'missing':
      return route.path;
  }
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
