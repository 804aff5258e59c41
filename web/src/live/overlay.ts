// Draws the fleet on its own WebGL2 canvas above the map. One upload a tick, one call a frame; it
// draws only when the camera moved or something moves. On software GL it draws on ticks only.

import { type Camera, project, worldSize } from './mercator';
import { fragmentShader, vertexShader } from './shaders';
import { dimmed, drawOrder, hidden, type PositionTable } from './table';

const floats = 10;
/** Above this many metres off the anchor single precision shows; the instances are rebuilt. */
const anchorSpan = 1 / 4096;

export interface Palette {
  /** By `drawOrder`, red-green-blue from 0 to 1. */
  colours: [number, number, number][];
  halo: [number, number, number];
}

export class NoWebGl extends Error {}

export class FleetOverlay {
  /** Slow drawing in software: no movement between ticks. */
  readonly software: boolean;
  /** Time spent drawing, ms, for measurement. */
  spentMs = 0;
  frames = 0;
  #gl: WebGL2RenderingContext;
  #canvas: HTMLCanvasElement;
  #table: PositionTable;
  #program: WebGLProgram;
  #buffer: WebGLBuffer;
  #data = new Float32Array(0);
  #count = 0;
  #built = -1;
  #anchor: [number, number] = [0, 0];
  #epoch = performance.now();
  #palette: Palette;
  #places = new Map<string, WebGLUniformLocation | null>();
  /** Slots that are told by a cluster and not drawn themselves. */
  #gathered: Uint8Array | null = null;
  #lost = false;
  #onLost: () => void;

  constructor(
    canvas: HTMLCanvasElement,
    table: PositionTable,
    palette: Palette,
    onLost: () => void,
  ) {
    const gl = canvas.getContext('webgl2', {
      antialias: false,
      depth: false,
      stencil: false,
      premultipliedAlpha: true,
      powerPreference: 'high-performance',
    });
    if (!gl) throw new NoWebGl('this browser offers no WebGL 2');
    this.#gl = gl;
    this.#canvas = canvas;
    this.#table = table;
    this.#palette = palette;
    this.#onLost = onLost;
    this.software = isSoftware(gl);
    this.#program = link(gl);
    this.#buffer = this.#layOut();
    canvas.addEventListener('webglcontextlost', this.#contextLost);
  }

  set palette(palette: Palette) {
    this.#palette = palette;
  }

  gather(slots: Uint8Array | null): void {
    this.#gathered = slots;
    this.#built = -1;
  }

  /** Whether any symbol is still on its way. */
  moving(nowMs: number): boolean {
    return !this.software && nowMs < this.#table.movingUntilMs;
  }

  draw(camera: Camera, nowMs: number): void {
    if (this.#lost) return;
    const begun = performance.now();
    const gl = this.#gl;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(camera.width * ratio);
    const height = Math.round(camera.height * ratio);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#build(camera);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.#count > 0) {
      const world = worldSize(camera.zoom);
      gl.useProgram(this.#program);
      gl.uniform2f(this.#at('offset'), this.#anchor[0] - camera.x, this.#anchor[1] - camera.y);
      gl.uniform2f(this.#at('scale'), (2 * world) / camera.width, (2 * world) / camera.height);
      gl.uniform2f(this.#at('pixel'), 2 / camera.width, 2 / camera.height);
      gl.uniform1f(this.#at('now'), this.software ? 1e12 : nowMs - this.#epoch);
      gl.uniform1f(this.#at('size'), symbolRadius(camera.zoom));
      gl.uniform1f(this.#at('device'), ratio);
      gl.uniform3fv(this.#at('colours'), this.#palette.colours.flat());
      gl.uniform3fv(this.#at('halo'), this.#palette.halo);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#count);
    }
    this.frames += 1;
    this.spentMs += performance.now() - begun;
  }

  /** The device under a point of the canvas; the one drawn last wins. */
  hit(camera: Camera, px: number, py: number, nowMs: number): number | null {
    const table = this.#table;
    const reach = symbolRadius(camera.zoom) + 5;
    let best: number | null = null;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < table.size; slot += 1) {
      if (!table.present[slot] || table.looks[slot] !== 0 || this.#gathered?.[slot]) continue;
      const [x, y] = project(camera, ...table.shown(slot, this.software ? 1e15 : nowMs));
      const away = Math.hypot(x - px, y - py);
      if (away > reach) continue;
      // A more urgent symbol lies on top: it is taken when two are about as near.
      const score = away - (table.state[slot] ?? 0) * 1.5;
      if (score < bestScore) {
        bestScore = score;
        best = slot;
      }
    }
    return best;
  }

  destroy(): void {
    this.#canvas.removeEventListener('webglcontextlost', this.#contextLost);
    this.#gl.deleteBuffer(this.#buffer);
    this.#gl.deleteProgram(this.#program);
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #contextLost = (event: Event): void => {
    event.preventDefault();
    this.#lost = true;
    this.#onLost();
  };

  #at(name: string): WebGLUniformLocation | null {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#gl.getUniformLocation(this.#program, name);
      this.#places.set(name, place);
    }
    return place;
  }

  /** Fills the instances anew when the table changed, or the camera went far from the anchor. */
  #build(camera: Camera): void {
    const off = Math.max(
      Math.abs(camera.x - this.#anchor[0]),
      Math.abs(camera.y - this.#anchor[1]),
    );
    const deep = camera.zoom > 10;
    if (this.#built === this.#table.version && !(deep && off > anchorSpan)) return;
    this.#built = this.#table.version;
    this.#anchor = [camera.x, camera.y];
    const table = this.#table;
    if (this.#data.length < table.size * floats) {
      this.#data = new Float32Array(table.size * floats);
    }
    const data = this.#data;
    let at = 0;
    for (let wanted = 0; wanted < drawOrder.length; wanted += 1) {
      for (let slot = 0; slot < table.size; slot += 1) {
        if (table.state[slot] !== wanted || !table.present[slot]) continue;
        const looks = table.looks[slot] ?? hidden;
        if (looks & hidden || this.#gathered?.[slot]) continue;
        data[at] = (table.fromX[slot] ?? 0) - this.#anchor[0];
        data[at + 1] = (table.fromY[slot] ?? 0) - this.#anchor[1];
        data[at + 2] = (table.toX[slot] ?? 0) - this.#anchor[0];
        data[at + 3] = (table.toY[slot] ?? 0) - this.#anchor[1];
        data[at + 4] = (table.beganMs[slot] ?? 0) - this.#epoch;
        data[at + 5] = table.moveMs[slot] ?? 0;
        data[at + 6] = ((table.heading[slot] ?? 0) * Math.PI) / 180;
        data[at + 7] = table.classOf(slot);
        data[at + 8] = wanted;
        data[at + 9] = looks & dimmed ? 0.16 : 1;
        at += floats;
      }
    }
    this.#count = at / floats;
    const gl = this.#gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data.subarray(0, at), gl.DYNAMIC_DRAW);
  }

  #layOut(): WebGLBuffer {
    const gl = this.#gl;
    const corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    const instances = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, instances);
    const parts: [number, number, number][] = [
      [1, 4, 0],
      [2, 2, 4],
      [3, 4, 6],
    ];
    for (const [place, size, first] of parts) {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, floats * 4, first * 4);
      gl.vertexAttribDivisor(place, 1);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    return instances;
  }
}

/** Pixels from the middle of a symbol to its edge. */
export function symbolRadius(zoom: number): number {
  return Math.max(6, Math.min(12, 6.5 + (zoom - 6) * 0.75));
}

/** Whether the GPU is a program. */
export function isSoftware(gl: WebGL2RenderingContext): boolean {
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const name = String(gl.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new NoWebGl('the graphics context is gone');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
      throw new Error(gl.getShaderInfoLog(shader) ?? 'a shader does not compile');
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}
