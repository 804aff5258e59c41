// The map's colours are the tokens': read from the page, so that both always agree.

import type { MarkColours } from './marks';
import type { Palette } from './overlay';
import { drawOrder } from './table';

const token: Record<(typeof drawOrder)[number], string> = {
  bringup: '--normal',
  ready: '--normal',
  service: '--service',
  flying: '--flying',
  stale: '--attention',
  offline: '--danger',
  attention: '--attention',
};

function rgb(text: string): [number, number, number] {
  // The build shortens #ffffff to #fff.
  const digits = text.trim().slice(1);
  const whole = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits;
  const hex = Number.parseInt(whole, 16);
  return [(hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];
}

export function readColours(): { palette: Palette; marks: MarkColours } {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    palette: {
      colours: drawOrder.map((state) => rgb(value(token[state]))),
      halo: rgb(value('--map-halo')),
    },
    marks: {
      text: value('--text'),
      halo: value('--map-halo'),
      accent: value('--accent'),
      flying: value('--flying'),
      attention: value('--attention'),
      danger: value('--danger'),
      normal: value('--normal'),
      cluster: value('--raised'),
      font: value('--font'),
    },
  };
}
