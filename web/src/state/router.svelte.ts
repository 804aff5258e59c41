import { type LiveRoute, parseRoute, printRoute, type Route } from '../lib/route';

class Router {
  route: Route = $state.raw(parseRoute(location.pathname, location.search));

  constructor() {
    window.addEventListener('popstate', () => {
      this.route = parseRoute(location.pathname, location.search);
    });
  }

  /** The Live page's address, as it is or, from another page, as it begins. */
  get live(): LiveRoute {
    const { route } = this;
    return route.page === 'live' ? route : { page: 'live', sn: null, state: null, query: '' };
  }

  /** Changes parts of the Live page's address, keeping the rest. */
  goLive(changes: Partial<LiveRoute>, replace = false): void {
    this.go({ ...this.live, ...changes }, replace);
  }

  /** Goes to a view. `replace` for changes nobody wants to step back through (typing, arrows). */
  go(route: Route, replace = false): void {
    const address = printRoute(route);
    if (address === printRoute(this.route)) return;
    if (address !== location.pathname + location.search) {
      history[replace ? 'replaceState' : 'pushState'](null, '', address);
    }
    this.route = route;
  }
}

export const router = new Router();

/** Click handler for links inside the console: plain clicks stay in the page. */
export function follow(route: Route) {
  return (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    router.go(route);
  };
}
