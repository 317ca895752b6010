// What turns: eyes and lids here, the head in the shader. See talking_heads/view/turning.py.

/** Turns points (x, y, z at `base`) in the plane of two axes, from the second toward the first. */
function turnPlane(points, base, first, second, centre, c, s) {
  const p = points[base + first] - centre[first], q = points[base + second] - centre[second];
  points[base + first] = centre[first] + c * p + s * q;
  points[base + second] = centre[second] + c * q - s * p;
}

/** A row of numbers between two rows of a table of whole steps. */
function between(table, width, place, step, out) {
  const rows = table.length / width;
  const first = Math.min(Math.floor(place), rows - 1), second = Math.min(first + 1, rows - 1);
  const share = Math.min(place - first, 1);
  for (let k = 0; k < width; k++) {
    const a = table[first * width + k];
    out[k] = (a + share * (table[second * width + k] - a)) * step;
  }
  return out;
}

/** The eyes, lids and head of one head, at a time, with life added. */
export class Turning {
  constructor(head) {
    this.head = head;
    this.rig = head.header.turning;
    // The eyes' vertices as the principal components leave them, before they are turned.
    const parts = ["ball0", "ball1", "upper0", "upper1", "lower0", "lower1"];
    this.index = Uint32Array.from(new Set(parts.flatMap((name) => [...head[name]])));
    this.straight = new Float32Array(this.index.length * 3);
    const active = new Set(head.active);
    this.fixed = this.index.map((vertex) => (active.has(vertex) ? 0 : 1));
    this.save(head.mean);
    this.own = new Float32Array(10);
    this.angles = new Float32Array(10);
    this.shown = new Float32Array(10).fill(NaN);
    this.rotation = new Float32Array(3);
    this.vector = new Float32Array(3);
    this.played = new Float32Array(6);
    this.idled = new Float32Array(6);
  }

  /** Keeps where the principal components left the eyes; what they do not move stays at the mean. */
  save(positions) {
    const { index, straight, fixed, head } = this;
    for (let i = 0; i < index.length; i++) {
      const from = fixed[i] ? head.mean : positions;
      for (let axis = 0; axis < 3; axis++) straight[3 * i + axis] = from[3 * index[i] + axis];
    }
  }

  /** Looks up all angles; returns whether the eyes have to be turned anew. */
  moveTo(time, life) {
    const { head, rig, own, angles, shown, rotation } = this;
    const place = Math.min(Math.max(time * head.fps, 0), head.frames - 1);
    between(head.eyes, 10, place, rig.step, own);
    between(head.turns, 3, place, 1, rotation);
    angles.set(own);
    if (life.strength > 0) this.enliven(place, life);
    this.turnHead();
    return angles.some((value, k) => value !== shown[k]);
  }

  /** Adds life: while it plays that which the motion lacks, and at rest the idle loop's. */
  enliven(place, { strength, idle, idleTime, swayTime }) {
    const { head, rig, angles, rotation, played, idled } = this;
    const loop = head.idle.length / 6;
    between(head.life, 6, place, rig.step, played);
    between(head.idle, 6, (swayTime * rig.idleFps) % loop, rig.step, idled);
    const sway = idled.slice(3);
    between(head.idle, 6, (idleTime * rig.idleFps) % loop, rig.step, idled);
    idled.set(sway, 3);
    const play = strength * (1 - idle), rest = strength * idle, kept = 1 - rest;
    const [pitch, yaw, roll] = [3, 4, 5].map((k) => play * played[k] + rest * idled[k]);
    // The eyes make up for the turn of the head, so that the look stays.
    const x = play * played[1] + rest * idled[1] - yaw / rig.steady[0];
    const y = play * played[2] + rest * idled[2] + pitch / rig.steady[1];
    const blink = Math.max(play * played[0], rest * idled[0]);
    const { Out, Up, Down } = rig.gaze;
    for (let eye = 0; eye < 10; eye += 5) {
      const way = y > 0 ? Up : Down;
      for (let k = 0; k < 5; k++) angles[eye + k] *= kept;
      // Yaw, pitch, blink, drop, rise; the gaze's own row lacks the blink.
      angles[eye] += x * Out[0];
      angles[eye + 1] += Math.abs(y) * way[1];
      angles[eye + 2] = Math.max(angles[eye + 2], blink);
      angles[eye + 3] += Math.abs(y) * way[2];
      angles[eye + 4] += Math.abs(y) * way[3];
    }
    [pitch, yaw, roll].forEach((angle, k) => (rotation[k] += angle));
  }

  /** Seconds from a time of the idle loop until the eyes blink or look elsewhere. */
  untilLook(idleTime) {
    const { idle } = this.head;
    const { idleFps } = this.rig;
    const loop = idle.length / 6;
    const start = Math.floor(idleTime * idleFps);
    for (let n = 0; n < loop; n++) {
      const a = ((start + n) % loop) * 6, b = ((start + n + 1) % loop) * 6;
      // Shifts of less than a degree are not worth a picture where pictures are dear.
      const shift = Math.hypot(idle[a + 1] - idle[b + 1], idle[a + 2] - idle[b + 2]);
      if (idle[a] !== idle[b] || shift > 0.03 / this.rig.step) return Math.max((start + n) / idleFps - idleTime, 0);
    }
    return loop / idleFps;
  }

  /** The rotation vector of pitch, yaw and roll: first roll, then pitch, then yaw. */
  turnHead() {
    const [p, y, r] = this.rotation.map((angle) => angle / 2);
    const cp = Math.cos(p), sp = Math.sin(p), cy = Math.cos(y), sy = Math.sin(y), cr = Math.cos(r), sr = Math.sin(r);
    const w = cy * cp * cr + sy * sp * sr;
    const q = [cy * sp * cr + sy * cp * sr, sy * cp * cr - cy * sp * sr, cy * cp * sr - sy * sp * cr];
    const length = Math.hypot(...q);
    const angle = 2 * Math.atan2(length, w);
    for (let k = 0; k < 3; k++) this.vector[k] = length > 0 ? (q[k] / length) * angle : 0;
  }

  /** Turns eyes and lids of the head's positions, from where the principal components left them. */
  apply(positions) {
    const { head, rig, index, straight, angles, shown } = this;
    for (let i = 0; i < index.length; i++) {
      for (let axis = 0; axis < 3; axis++) positions[3 * index[i] + axis] = straight[3 * i + axis];
    }
    for (let eye = 0; eye < 2; eye++) {
      const centre = rig.centres[eye];
      const [yaw, pitch, blink, open, low] = angles.subarray(5 * eye, 5 * eye + 5);
      const drop = rig.meeting * blink + (1 - blink) * open;
      const rise = (1 - rig.meeting) * blink + (1 - blink) * low;
      this.turnLid(positions, head["upper" + eye], head["upperWeight" + eye], centre, drop);
      this.turnLid(positions, head["lower" + eye], head["lowerWeight" + eye], centre, -rise);
      const cp = Math.cos(pitch), sp = Math.sin(pitch), cy = Math.cos(yaw), sy = Math.sin(yaw);
      for (const vertex of head["ball" + eye]) {
        turnPlane(positions, 3 * vertex, 2, 1, centre, cp, sp);
        turnPlane(positions, 3 * vertex, 0, 2, centre, cy, sy);
      }
    }
    shown.set(angles);
  }

  turnLid(positions, index, weight, centre, angle) {
    if (angle === 0) return;
    for (let i = 0; i < index.length; i++) {
      const part = angle * weight[i];
      turnPlane(positions, 3 * index[i], 2, 1, centre, Math.cos(part), Math.sin(part));
    }
  }
}
