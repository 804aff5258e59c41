export type Theme = 'dark' | 'light';

const themeKey = 'gwanje.theme';

function initial(): Theme {
  const stored = localStorage.getItem(themeKey);
  if (stored === 'dark' || stored === 'light') return stored;
  return window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

class ThemeChoice {
  current: Theme = $state(initial());

  constructor() {
    this.#apply();
  }

  toggle(): void {
    this.current = this.current === 'dark' ? 'light' : 'dark';
    localStorage.setItem(themeKey, this.current);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.current;
  }
}

export const theme = new ThemeChoice();
