// What is written and drawn around the symbols: numbers of clusters, the selected device's track,
// route, fence and home, names. On plain 2D canvases, drawn only when something of it changed.

import { type Cluster, clusterRadius } from './clusters';
import { type Camera, mercatorX, mercatorY, project } from './mercator';

export interface MarkColours {
  text: string;
  halo: string;
  accent: string;
  flying: string;
  attention: string;
  danger: string;
  normal: string;
  cluster: string;
  font: string;
}

/** Everything about the selected device that the map shows beside its symbol. */
export interface Selected {
  label: string;
  /** Unit square. */
  at: [number, number] | null;
  lastKnown: string | null;
  track: readonly [number, number][];
  route: readonly [number, number][];
  nextWaypoint: number | null;
  home: [number, number] | null;
  fence: readonly [number, number][];
}

export interface Hover {
  label: string;
  detail: string;
  x: number;
  y: number;
}

export function sizeCanvas(canvas: HTMLCanvasElement, camera: Camera): CanvasRenderingContext2D {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(camera.width * ratio), Math.round(camera.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, camera.width, camera.height);
  return context;
}

function trace(
  context: CanvasRenderingContext2D,
  camera: Camera,
  points: readonly [number, number][],
): void {
  context.beginPath();
  points.forEach(([lon, lat], index) => {
    const [x, y] = project(camera, mercatorX(lon), mercatorY(lat));
    if (index === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
}

/** Under the symbols: fence, route, track, home. Degrees. */
export function drawGround(
  context: CanvasRenderingContext2D,
  camera: Camera,
  selected: Selected,
  colours: MarkColours,
): void {
  context.lineJoin = 'round';
  if (selected.fence.length > 1) {
    trace(context, camera, selected.fence);
    context.setLineDash([2, 5]);
    context.lineWidth = 1.5;
    context.strokeStyle = colours.attention;
    context.stroke();
  }
  if (selected.route.length > 1) {
    trace(context, camera, selected.route);
    context.setLineDash([7, 5]);
    context.lineWidth = 2;
    context.strokeStyle = colours.normal;
    context.stroke();
  }
  context.setLineDash([]);
  selected.route.forEach(([lon, lat], index) => {
    const [x, y] = project(camera, mercatorX(lon), mercatorY(lat));
    const next = index === selected.nextWaypoint;
    context.beginPath();
    context.arc(x, y, next ? 5 : 2.5, 0, Math.PI * 2);
    context.fillStyle = next ? colours.flying : colours.normal;
    context.fill();
  });
  if (selected.track.length > 1) {
    trace(context, camera, selected.track);
    context.lineWidth = 2.5;
    context.strokeStyle = colours.flying;
    context.globalAlpha = 0.85;
    context.stroke();
    context.globalAlpha = 1;
  }
  if (selected.home) drawHome(context, camera, selected.home, colours);
}

function drawHome(
  context: CanvasRenderingContext2D,
  camera: Camera,
  [lon, lat]: [number, number],
  colours: MarkColours,
): void {
  const [x, y] = project(camera, mercatorX(lon), mercatorY(lat));
  context.beginPath();
  context.arc(x, y, 15, 0, Math.PI * 2);
  context.lineWidth = 1.5;
  context.strokeStyle = colours.text;
  context.stroke();
  context.font = `700 10px ${colours.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  outlined(context, 'H', x, y - 22, colours);
}

/** Over the symbols: the ring and name of the selected device, clusters, the name pointed at. */
export function drawClusters(
  context: CanvasRenderingContext2D,
  camera: Camera,
  clusters: readonly Cluster[],
  colours: MarkColours,
): void {
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const cluster of clusters) {
    const [x, y] = project(camera, cluster.x, cluster.y);
    const radius = clusterRadius(cluster.count);
    if (x < -radius || y < -radius || x > camera.width + radius || y > camera.height + radius) {
      continue;
    }
    const tone = cluster.abnormal
      ? cluster.worst === 5
        ? colours.danger
        : colours.attention
      : colours.normal;
    context.beginPath();
    context.arc(x, y, radius, 0, Math.PI * 2);
    context.fillStyle = colours.cluster;
    context.fill();
    context.lineWidth = cluster.abnormal ? 3 : 1.5;
    context.strokeStyle = tone;
    context.stroke();
    if (cluster.flying > 0) {
      const share = (cluster.flying / cluster.count) * Math.PI * 2;
      context.beginPath();
      context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + Math.max(0.3, share));
      context.lineWidth = 3;
      context.strokeStyle = colours.flying;
      context.stroke();
    }
    context.fillStyle = cluster.abnormal ? tone : colours.text;
    context.font = `600 ${cluster.count > 999 ? 11 : 12}px ${colours.font}`;
    context.fillText(short(cluster.count), x, y + (cluster.abnormal ? -3 : 0.5));
    if (cluster.abnormal) {
      context.font = `700 10px ${colours.font}`;
      context.fillText(cluster.worst === 5 ? '✕' : '!', x, y + 8);
    }
  }
}

const short = (count: number): string =>
  count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`;

export function drawSelected(
  context: CanvasRenderingContext2D,
  camera: Camera,
  selected: Selected,
  colours: MarkColours,
): void {
  if (!selected.at) return;
  const [x, y] = project(camera, ...selected.at);
  context.beginPath();
  context.arc(x, y, 16, 0, Math.PI * 2);
  context.lineWidth = 2;
  context.strokeStyle = colours.accent;
  if (selected.lastKnown) context.setLineDash([4, 3]);
  context.stroke();
  context.setLineDash([]);
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.font = `600 13px ${colours.font}`;
  outlined(context, selected.label, x + 22, y - (selected.lastKnown ? 7 : 0), colours);
  if (selected.lastKnown) {
    context.font = `500 11px ${colours.font}`;
    outlined(context, selected.lastKnown, x + 22, y + 9, colours);
  }
}

export function drawHover(
  context: CanvasRenderingContext2D,
  camera: Camera,
  hover: Hover,
  colours: MarkColours,
): void {
  context.font = `600 12px ${colours.font}`;
  const width = Math.max(
    context.measureText(hover.label).width,
    context.measureText(hover.detail).width,
  );
  const left = Math.min(hover.x + 14, camera.width - width - 24);
  const top = Math.min(hover.y + 12, camera.height - 48);
  context.fillStyle = colours.cluster;
  context.strokeStyle = colours.normal;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(left, top, width + 16, 40, 5);
  context.fill();
  context.stroke();
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillStyle = colours.text;
  context.fillText(hover.label, left + 8, top + 12);
  context.font = `400 12px ${colours.font}`;
  context.fillText(hover.detail, left + 8, top + 28);
}

function outlined(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  colours: MarkColours,
): void {
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  context.strokeStyle = colours.halo;
  context.strokeText(text, x, y);
  context.fillStyle = colours.text;
  context.fillText(text, x, y);
}
