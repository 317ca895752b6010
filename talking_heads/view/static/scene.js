// Draws heads side by side with WebGL2: vertex colours, three soft studio lights, one shadow.

const SHADOW_SIZE = 1024;

// The head turns about its neck, whose vertices take a share of the angle.
const TURNED = `
uniform vec3 turn, pivot;
vec3 turned(vec3 p, float share) {
  float whole = length(turn);
  float angle = whole * share;
  if (angle < 1e-7) return p;
  vec3 k = turn / whole;
  return p * cos(angle) + cross(k, p) * sin(angle) + k * dot(k, p) * (1.0 - cos(angle));
}`;

const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 color;
layout(location = 3) in float share;
uniform mat4 camera, projection, light;
out vec3 seen, facing, tint;
out vec4 shade;
out float gloss;${TURNED}
void main() {
  vec3 at = pivot + turned(position - pivot, share);
  vec3 out_of = turned(normal, share);
  vec4 place = camera * vec4(at, 1.0);
  seen = place.xyz;
  facing = mat3(camera) * out_of;
  tint = pow(color.rgb, vec3(2.2));
  gloss = color.a;
  // A step along the normal keeps a surface out of its own shadow.
  shade = light * vec4(at + out_of * 0.0025, 1.0);
  gl_Position = projection * place;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DShadow;
in vec3 seen, facing, tint;
in vec4 shade;
in float gloss;
uniform sampler2DShadow shadow;
uniform vec3 keyFrom;
uniform float bright;
uniform int taps;
out vec4 pixel;

float lit() {
  vec3 at = shade.xyz / shade.w * 0.5 + 0.5;
  at.z -= 0.0015;
  float sum = 0.0;
  for (int x = -taps; x <= taps; x++)
    for (int y = -taps; y <= taps; y++)
      sum += texture(shadow, vec3(at.xy + vec2(x, y) * (1.3 / ${SHADOW_SIZE}.0), at.z));
  float row = float(2 * taps + 1);
  return sum / (row * row);
}

void main() {
  vec3 n = normalize(facing);
  vec3 eye = normalize(-seen);
  if (!gl_FrontFacing) n = -n;
  float key = dot(n, keyFrom);
  float open = lit();
  // Light that enters skin leaves it beside the edge of the shadow, reddened.
  vec3 wrap = vec3(0.30, 0.14, 0.10);
  vec3 soft = smoothstep(-wrap, vec3(1.0), vec3(key)) * mix(vec3(0.16, 0.07, 0.06), vec3(1.0), open);
  float fill = max(dot(n, normalize(vec3(-0.75, 0.1, 0.55))), 0.0);
  float up = n.y * 0.5 + 0.5;
  vec3 around = mix(vec3(0.20, 0.165, 0.15), vec3(0.47, 0.485, 0.515), up);
  vec3 light = around + vec3(0.98, 0.93, 0.87) * soft + vec3(0.145, 0.16, 0.18) * fill;
  vec3 color = tint * light;

  float grazing = 1.0 - max(dot(n, eye), 0.0);
  float fresnel = 0.04 + 0.96 * pow(grazing, 5.0);
  float sharp = mix(10.0, 160.0, gloss * gloss);
  vec3 half1 = normalize(keyFrom + eye);
  float shine = pow(max(dot(n, half1), 0.0), sharp) * (0.4 + 0.6 * open);
  color += vec3(1.0, 0.97, 0.92) * shine * mix(0.025, 0.75, gloss * gloss);
  // The rim light stands behind, on both sides, and draws the outline.
  float rim = smoothstep(0.15, 0.9, abs(n.x)) * pow(grazing, 3.0) * smoothstep(-0.5, 0.4, n.y + 0.3);
  // Most of it takes the colour of what it falls on: skin under a blue light looks like lilac.
  vec3 edge = mix(tint * 1.6, vec3(0.30, 0.32, 0.35), 0.35);
  color += edge * rim * (0.26 * bright + 0.10) + vec3(0.5) * fresnel * 0.12 * up;

  // Highlights roll off softly, and keep their hue.
  float top = max(max(color.r, color.g), color.b);
  if (top > 0.75) color *= (0.75 + 0.25 * (1.0 - exp(-(top - 0.75) / 0.25))) / top;
  pixel = vec4(pow(color, vec3(1.0 / 2.2)), 1.0);
}`;

const SHADOW_VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 3) in float share;
uniform mat4 light;${TURNED}
void main() { gl_Position = light * vec4(pivot + turned(position - pivot, share), 1.0); }`;

const SHADOW_FRAGMENT = `#version 300 es
void main() {}`;

// --- small matrix algebra, column by column as WebGL wants it -------------------------------

function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++)
      for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}

function perspective(fovY, aspect, near, far) {
  const f = 1 / Math.tan(fovY / 2);
  const out = new Float32Array(16);
  out[0] = f / aspect;
  out[5] = f;
  out[10] = (far + near) / (near - far);
  out[11] = -1;
  out[14] = (2 * far * near) / (near - far);
  return out;
}

function orthographic(radius, near, far) {
  const out = new Float32Array(16);
  out[0] = out[5] = 1 / radius;
  out[10] = -2 / (far - near);
  out[14] = -(far + near) / (far - near);
  out[15] = 1;
  return out;
}

/** Looks at a point from a distance, turned by yaw around the vertical and pitch up or down. */
function orbit(target, distance, yaw, pitch) {
  const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
  // Rows of the rotation: right, up, toward the viewer.
  const rows = [[cy, 0, -sy], [-sy * sp, cp, -cy * sp], [sy * cp, sp, cy * cp]];
  const out = new Float32Array(16);
  rows.forEach((row, r) => {
    for (let c = 0; c < 3; c++) out[4 * c + r] = row[c];
    out[12 + r] = -(row[0] * target[0] + row[1] * target[1] + row[2] * target[2]);
  });
  out[14] -= distance;
  out[15] = 1;
  return out;
}

function compile(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
      throw new Error(gl.getShaderInfoLog(shader));
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  const places = {};
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) || 0;
  for (let i = 0; i < count; i++) {
    const { name } = gl.getActiveUniform(program, i);
    places[name] = gl.getUniformLocation(program, name);
  }
  return { program, places };
}

/** Draws a row of heads into a canvas; throws if the browser has no WebGL2. */
export class Scene {
  constructor(canvas, heads) {
    this.canvas = canvas;
    this.heads = heads;
    this.frames = heads.map((head) => head.header.frame);
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
    if (!gl) throw new Error("WebGL2 is not available");
    this.gl = gl;
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(gl.getParameter(this.nameOf(gl)));
    this.build();
  }

  /** Which parameter names the graphics card; Firefox needs no extension for it. */
  nameOf(gl) {
    return gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  }

  get lost() {
    return this.gl.isContextLost();
  }

  /** Creates everything that lives in the graphics card; again after a lost context. */
  build() {
    const { gl } = this;
    this.main = compile(gl, VERTEX, FRAGMENT);
    this.depth = compile(gl, SHADOW_VERTEX, SHADOW_FRAGMENT);
    this.shadowMap = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.shadowMap);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, SHADOW_SIZE, SHADOW_SIZE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_COMPARE_MODE, gl.COMPARE_REF_TO_TEXTURE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    this.shadowTarget = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadowTarget);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, this.shadowMap, 0);
    gl.drawBuffers([gl.NONE]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.smooth = null;
    this.meshes = this.heads.map((head) => this.upload(head));
    gl.enable(gl.DEPTH_TEST);
  }

  /** A multisampled target of the canvas's size, for smooth edges where there is time for them. */
  smoothTarget() {
    const { gl } = this;
    const { width, height } = this.canvas;
    if (this.smooth?.width === width && this.smooth.height === height) return this.smooth.target;
    const old = this.smooth;
    if (old) {
      gl.deleteFramebuffer(old.target);
      for (const buffer of old.buffers) gl.deleteRenderbuffer(buffer);
    }
    const target = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    const samples = Math.min(4, gl.getParameter(gl.MAX_SAMPLES));
    const kinds = [[gl.COLOR_ATTACHMENT0, gl.RGBA8], [gl.DEPTH_ATTACHMENT, gl.DEPTH_COMPONENT24]];
    const buffers = kinds.map(([place, format]) => {
      const buffer = gl.createRenderbuffer();
      gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
      gl.renderbufferStorageMultisample(gl.RENDERBUFFER, samples, format, width, height);
      gl.framebufferRenderbuffer(gl.FRAMEBUFFER, place, gl.RENDERBUFFER, buffer);
      return buffer;
    });
    this.smooth = { target, buffers, width, height };
    return target;
  }

  upload(head) {
    const { gl } = this;
    const mesh = { vao: gl.createVertexArray(), count: head.triangles.length };
    gl.bindVertexArray(mesh.vao);
    const attribute = (place, data, size, type, normalized, usage) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, usage);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
      return buffer;
    };
    mesh.positions = attribute(0, head.positions, 3, gl.FLOAT, false, gl.DYNAMIC_DRAW);
    mesh.normals = attribute(1, head.normals, 3, gl.FLOAT, false, gl.DYNAMIC_DRAW);
    mesh.colors = attribute(2, head.colors, 4, gl.UNSIGNED_BYTE, true, gl.STATIC_DRAW);
    head.recoloured = false;
    if (head.share) attribute(3, head.share, 1, gl.UNSIGNED_SHORT, true, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, head.triangles, gl.STATIC_DRAW);
    mesh.type = head.triangles instanceof Uint16Array ? gl.UNSIGNED_SHORT : gl.UNSIGNED_INT;
    gl.bindVertexArray(null);
    return mesh;
  }

  /** Sends the vertices of the heads that moved. */
  refresh(moved) {
    const { gl } = this;
    this.heads.forEach((head, i) => {
      if (!moved[i]) return;
      gl.bindBuffer(gl.ARRAY_BUFFER, this.meshes[i].positions);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, head.positions);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.meshes[i].normals);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, head.normals);
      if (!head.recoloured) return;
      gl.bindBuffer(gl.ARRAY_BUFFER, this.meshes[i].colors);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, head.colors);
      head.recoloured = false;
    });
  }

  /**
   * Draws all heads. `look` has yaw and pitch in radians, zoom, headroom, and dark for the page's
   * theme; `fine` asks for smooth edges and soft shadows.
   */
  draw(look, fine) {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return;
    const target = fine ? this.smoothTarget() : null;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const width = Math.floor(canvas.width / this.heads.length);
    this.heads.forEach((_, i) => this.drawOne(i, target, [i * width, 0, width, canvas.height], look));
    if (target) {
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, target);
      gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
      const box = [0, 0, canvas.width, canvas.height];
      gl.blitFramebuffer(...box, ...box, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    }
  }

  drawOne(i, target, place, look) {
    const { gl } = this;
    const { half, focus } = this.frames[i];
    // Zooming in moves the middle of the picture to the mouth.
    const near = Math.max(1 - 1 / look.zoom, 0);
    const centre = this.frames[i].centre.map((value, axis) => value + near * (focus[axis] - value));
    // Headroom, a share of the height, leaves place for a label above the head.
    centre[1] += half[1] * look.headroom;
    const mesh = this.meshes[i];
    const fov = (24 * Math.PI) / 180;
    const aspect = place[2] / place[3];
    // Far enough that the head fits in height, and, turned to the side, in width.
    const reach = Math.max(half[1] * (1.07 + look.headroom), (Math.hypot(half[0], half[2]) * 0.95) / aspect);
    const distance = reach / Math.tan(fov / 2) / look.zoom + half[2] * 0.5;
    const camera = orbit(centre, distance, look.yaw, look.pitch);
    const projection = perspective(fov, aspect, 0.05, distance + 2);
    // The key light follows the viewer half way round, so that every side is lit.
    const round = look.yaw * 0.5 + 0.55;
    const light = multiply(orthographic(half[1] * 1.6, 0.05, 2), orbit(centre, 1, round, 0.62));
    const to = [Math.sin(round) * Math.cos(0.62), Math.sin(0.62), Math.cos(round) * Math.cos(0.62)];
    const key = [0, 1, 2].map((r) => camera[r] * to[0] + camera[4 + r] * to[1] + camera[8 + r] * to[2]);

    gl.bindVertexArray(mesh.vao);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadowTarget);
    gl.viewport(0, 0, SHADOW_SIZE, SHADOW_SIZE);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.depth.program);
    gl.uniformMatrix4fv(this.depth.places.light, false, light);
    this.turn(this.depth.places, this.heads[i]);
    gl.drawElements(gl.TRIANGLES, mesh.count, mesh.type, 0);

    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.viewport(...place);
    gl.useProgram(this.main.program);
    const { places } = this.main;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.shadowMap);
    gl.uniform1i(places.shadow, 0);
    gl.uniformMatrix4fv(places.camera, false, camera);
    gl.uniformMatrix4fv(places.projection, false, projection);
    gl.uniformMatrix4fv(places.light, false, light);
    gl.uniform3fv(places.keyFrom, key);
    gl.uniform1f(places.bright, look.dark ? 1 : 0);
    gl.uniform1i(places.taps, target ? 2 : 0);
    this.turn(places, this.heads[i]);
    const { outer } = this.heads[i];
    gl.drawElements(gl.TRIANGLES, outer, mesh.type, 0);
    gl.enable(gl.CULL_FACE);
    // Depth of a triangle that stands edge-on is rough: push it back by its slope.
    gl.enable(gl.POLYGON_OFFSET_FILL);
    gl.polygonOffset(1, 1);
    const bytes = mesh.type === gl.UNSIGNED_SHORT ? 2 : 4;
    gl.drawElements(gl.TRIANGLES, mesh.count - outer, mesh.type, outer * bytes);
    gl.disable(gl.CULL_FACE);
    gl.disable(gl.POLYGON_OFFSET_FILL);
    gl.bindVertexArray(null);
  }

  turn(places, { turning }) {
    const { gl } = this;
    gl.uniform3fv(places.turn, turning ? turning.vector : [0, 0, 0]);
    gl.uniform3fv(places.pivot, turning ? turning.rig.pivot : [0, 0, 0]);
  }

  /** Gives the context back at once, instead of when the browser next collects garbage. */
  dispose() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
