// How alive the heads are: on or off, playing or idle, without sudden changes.

const FADE = 0.35; // seconds in which life comes and goes
const CALM = 0.7; // seconds from playing to idling, and back
const RESTLESS = 240; // seconds after which a head that nobody attends to rests

const smooth = (x) => x * x * (3 - 2 * x);
const toward = (value, goal, step) => value + Math.min(Math.max(goal - value, -step), step);

export class Life {
  constructor(signal, changed) {
    this.on = false;
    this.raw = 0;
    this.rest = 1;
    this.idleTime = 0;
    this.swayTime = 0;
    this.sparing = false; // on a slow machine the head keeps still, and the eyes alone live
    this.last = this.touched = performance.now();
    const wish = matchMedia("(prefers-reduced-motion: reduce)");
    this.reduced = wish.matches;
    wish.addEventListener("change", () => {
      this.reduced = wish.matches;
      changed();
    }, { signal });
    const touch = () => {
      const slept = !this.attended;
      this.touched = performance.now();
      if (slept && this.on) changed();
    };
    for (const type of ["pointermove", "pointerdown", "keydown", "wheel", "scroll"]) {
      addEventListener(type, touch, { signal, passive: true, capture: true });
    }
  }

  get attended() { return performance.now() - this.touched < RESTLESS * 1000; }
  get strength() { return smooth(this.raw); }
  get idle() { return smooth(this.rest); }
  /** Whether the idle loop may run: never for those who asked their system for less motion. */
  get calm() { return this.on && !this.reduced && this.attended; }
  /** Whether something is still fading. */
  get fading() { return this.raw !== (this.on ? 1 : 0) || (this.on && !this.reduced && this.rest < 1); }

  /** Lets time pass. */
  advance(playing) {
    const now = performance.now();
    const past = (now - this.last) / 1000;
    this.last = now;
    const step = this.reduced ? 1 : Math.min(past, 0.1);
    this.raw = toward(this.raw, this.on ? 1 : 0, step / FADE);
    this.rest = toward(this.rest, playing || this.reduced ? 0 : 1, step / CALM);
    if (this.rest > 0 && this.calm) {
      this.idleTime += past;
      if (!this.sparing) this.swayTime += Math.min(past, 0.1);
    }
  }
}
