// The fleet's symbols: one square of pixels each, its shape told by distance, drawn in one call.
// Class is the outline (dock: square, aircraft: dart, robot: circle); state is colour and a second
// shape (filled, hollow, crossed, ringed), so that colour is never alone.

export const vertexShader = `#version 300 es
precision highp float;
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 places;   // from, to: unit square, relative to the anchor
layout(location = 2) in vec2 timing;   // began, duration: ms
layout(location = 3) in vec4 look;     // heading (radians), class, state, opacity
uniform vec2 offset;                   // anchor minus camera centre, unit square
uniform vec2 scale;                    // unit square to clip space
uniform vec2 pixel;                    // CSS pixels to clip space
uniform float now;
uniform float size;
uniform float device;                  // device pixels a CSS pixel
out vec2 at;
flat out vec3 kind;
flat out float turn;
void main() {
  float part = timing.y > 0.0 ? clamp((now - timing.x) / timing.y, 0.0, 1.0) : 1.0;
  vec2 place = mix(places.xy, places.zw, part) + offset;
  // An aircraft is drawn larger than its dock, what is not normal larger still.
  float radius = size * (look.y > 0.5 && look.y < 1.5 ? 1.3 : 1.0) * (look.z >= 4.0 ? 1.2 : 1.0);
  vec2 clip = place * scale * vec2(1.0, -1.0);
  gl_Position = vec4(clip + corner * (radius + 3.0) * pixel, 0.0, 1.0);
  at = corner * (radius + 3.0) / radius;
  kind = look.yzw;
  turn = look.x;
}`;

export const fragmentShader = `#version 300 es
precision highp float;
in vec2 at;
flat in vec3 kind;                     // class, state, opacity
flat in float turn;
uniform float size;
uniform float device;
uniform vec3 colours[7];
uniform vec3 halo;
out vec4 colour;

float box(vec2 p, float r) { vec2 d = abs(p) - r; return max(d.x, d.y); }
float dart(vec2 p) {
  vec2 q = vec2(abs(p.x), p.y);
  float side = dot(q - vec2(0.0, 0.95), normalize(vec2(1.75, 0.72)));
  float notch = dot(q - vec2(0.0, -0.38), normalize(vec2(-0.52, -0.78)));
  return max(side, notch);
}
float shape(vec2 p) {
  if (kind.x < 0.5) return box(p, 0.66);
  if (kind.x < 1.5) {
    float c = cos(turn), s = sin(turn);
    return dart(mat2(c, s, -s, c) * p);
  }
  return length(p) - 0.74;
}
float cross2(vec2 p) {
  vec2 q = abs(vec2(p.x + p.y, p.x - p.y)) * 0.7071;
  return max(min(q.x, q.y) - 0.19, max(q.x, q.y) - 0.95);
}
void main() {
  int state = int(kind.y + 0.5);       // bringup ready service flying stale offline attention
  float soft = 1.0 / (size * device);
  float d = shape(at);
  float edge;
  if (state == 5) edge = min(cross2(at), max(abs(d + 0.06) - 0.11, -1.0));
  else if (state == 4 || state == 0) edge = abs(d + 0.1) - 0.13;
  else if (state == 2) edge = min(abs(d + 0.08) - 0.11, length(at) - 0.26);
  else if (state == 6) edge = min(d + 0.14, abs(abs(at.x) + abs(at.y) - 1.22) - 0.09);
  else edge = d;
  float ink = 1.0 - smoothstep(-soft, soft, edge);
  // A halo of the ground's colour keeps a symbol legible on others and on any basemap.
  float around = (1.0 - smoothstep(0.0, 0.26, min(edge, d))) * 0.85;
  float all = max(ink, around) * kind.z;
  if (all < 0.01) discard;
  vec3 mixed = mix(halo, colours[state], ink);
  colour = vec4(mixed * all, all);
}`;
