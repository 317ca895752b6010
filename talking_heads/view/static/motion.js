// Reads what talking_heads/view/encode.py writes, and turns a time into vertex positions.

import { Turning } from "./turning.js";

const ARRAYS = {
  uint8: Uint8Array, int8: Int8Array, int16: Int16Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array,
};

/** Bytes however they arrive (ArrayBuffer, DataView, typed array) as an aligned copy. */
function alignedBytes(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
}

/** The container of talking_heads/view/container.py: a header and named typed arrays. */
export function unpack(source) {
  const bytes = alignedBytes(source);
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "THC1") throw new Error("not a head");
  const length = new DataView(bytes.buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays)) {
    const count = entry.shape.reduce((product, side) => product * side, 1);
    arrays[name] = new ARRAYS[entry.type](bytes.buffer, 8 + length + entry.offset, count);
  }
  return { header, arrays };
}

/** One head: its mesh, and its vertices at any time. */
export class Head {
  constructor(source) {
    const { header, arrays } = unpack(source);
    Object.assign(this, arrays);
    this.turns = arrays.rotation;
    this.header = header;
    this.fps = header.fps;
    this.frames = header.frames;
    // All triangles in one array: those seen from both sides, then those whose fronts alone show.
    this.outer = this.triangles.length;
    const all = new this.triangles.constructor(this.outer + this.lining.length);
    all.set(this.triangles);
    all.set(this.lining, this.outer);
    this.triangles = all;
    this.positions = this.mean.slice();
    this.normals = new Float32Array(this.positions.length);
    this.components = this.scales ? this.scales.length : 0;
    if (this.components) {
      // Small components come with 8 bits; summing up is fastest with one kind of numbers.
      this.basis = new Int16Array(this.coarse.length + this.fine.length);
      this.basis.set(this.coarse);
      this.basis.set(this.fine, this.coarse.length);
      this.sum = new Float32Array(this.active.length * 3);
      this.now = new Float32Array(this.components);
    }
    this.turning = header.turning ? new Turning(this) : null;
    this.updateNormals();
  }

  /**
   * Puts the head into the pose of a time in seconds, between two frames if need be, with life
   * added. Returns whether any vertex moved; a head that only turns is turned in the shader.
   */
  moveTo(time, life) {
    const posed = this.components > 0 && time !== this.time;
    if (posed) this.sumUp(time);
    this.time = time;
    if (!this.turning) return posed;
    if (posed) this.turning.save(this.positions);
    const turned = this.turning.moveTo(time, life);
    if (!posed && !turned) return false;
    this.turning.apply(this.positions);
    this.updateNormals();
    return true;
  }

  /** Adds up the principal components for a time. */
  sumUp(time) {
    const { now, sum, basis, scales, weights, active, positions, mean } = this;
    const count = this.components;
    const place = Math.min(Math.max(time * this.fps, 0), this.frames - 1);
    const first = Math.floor(place);
    const second = Math.min(first + 1, this.frames - 1);
    const share = place - first;
    for (let k = 0; k < count; k++) {
      const a = weights[first * count + k];
      now[k] = (a + share * (weights[second * count + k] - a)) * scales[k];
    }
    sum.fill(0);
    const width = sum.length;
    // Two components at a time: the sum is read and written half as often.
    for (let k = 0; k < count; k += 2) {
      const a = now[k];
      const b = k + 1 < count ? now[k + 1] : 0;
      // Below half a micrometre at its largest vertex a component cannot be seen.
      if (Math.abs(a) * this.peak(k) < 5e-7 && Math.abs(b) * this.peak(k + 1) < 5e-7) continue;
      const row = k * width;
      const next = k + 1 < count ? row + width : row;
      for (let i = 0; i < width; i++) sum[i] += a * basis[row + i] + b * basis[next + i];
    }
    for (let i = 0; i < active.length; i++) {
      const at = active[i] * 3;
      positions[at] = mean[at] + sum[3 * i];
      positions[at + 1] = mean[at + 1] + sum[3 * i + 1];
      positions[at + 2] = mean[at + 2] + sum[3 * i + 2];
    }
  }

  /** The largest number in the row of a component. */
  peak(component) {
    return component * this.sum.length < this.coarse.length ? 32767 : 127;
  }

  /**
   * Takes the pose of head `number` that the kernel sent: offsets from rest of the vertices that
   * moved, and perhaps colours.
   */
  takePose(arrays, number) {
    const [index, offsets, scales, colors] = ["index", "offsets", "scales", "colors"]
      .map((name) => arrays[name + (number || "")]);
    if (!index) return;
    if (colors) {
      // The fourth number is how much the vertex shines; that stays.
      for (let i = 0; i < colors.length; i++) this.colors[4 * Math.floor(i / 3) + (i % 3)] = colors[i];
      this.recoloured = true;
    }
    this.positions.set(this.rest);
    for (let i = 0; i < index.length; i++) {
      for (let axis = 0; axis < 3; axis++) {
        this.positions[index[i] * 3 + axis] += offsets[3 * i + axis] * scales[0];
      }
    }
    this.updateNormals();
  }

  /** Smooth normals: the sum of the normals of the triangles around, larger ones weighing more. */
  updateNormals() {
    const { positions: p, normals: n, triangles: t, seams } = this;
    n.fill(0);
    for (let i = 0; i < t.length; i += 3) {
      const a = t[i] * 3, b = t[i + 1] * 3, c = t[i + 2] * 3;
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      n[a] += x; n[a + 1] += y; n[a + 2] += z;
      n[b] += x; n[b + 1] += y; n[b + 2] += z;
      n[c] += x; n[c + 1] += y; n[c + 2] += z;
    }
    // Vertices that lie on one seam get one normal, else a crease would show.
    for (let i = 0; i < seams.length; i += 2) {
      for (let axis = 0; axis < 3; axis++) n[seams[i] * 3 + axis] += n[seams[i + 1] * 3 + axis];
    }
    for (let i = 0; i < seams.length; i += 2) {
      for (let axis = 0; axis < 3; axis++) n[seams[i + 1] * 3 + axis] = n[seams[i] * 3 + axis];
    }
    for (let i = 0; i < n.length; i += 3) {
      const length = Math.hypot(n[i], n[i + 1], n[i + 2]) || 1;
      n[i] /= length; n[i + 1] /= length; n[i + 2] /= length;
    }
  }
}
