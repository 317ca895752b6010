// The player: heads, sound and controls in one element. Used by the notebook widget (the default
// export, see anywidget.dev) and by the stand-alone page (`createPlayer`).

import { SilentClock, SoundClock } from "./clock.js";
import { Life } from "./life.js";
import { Head, unpack } from "./motion.js";
import { Scene } from "./scene.js";
import { replaceStill } from "./still.js";
import { liesOnDark, watchTheme } from "./theme.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5];
const REST = { yaw: 0.24, pitch: 0.04, zoom: 1 };
// How finely to draw while things move, as slow machines need: share of the pixels, smooth edges.
const LEVELS = [{ scale: 1, fine: true }, { scale: 1, fine: false }, { scale: 0.6, fine: false }];
// The level that this machine turned out to need; players made later begin with it.
let machineLevel = 0;
const NO_3D = "This browser shows no 3D (WebGL 2). The sound still plays.";
const IDLE_GAP = 33; // milliseconds from one idle frame to the next
const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  eye: "M12 5.5c-4.6 0-8.3 2.9-10 6.5 1.7 3.6 5.4 6.5 10 6.5s8.3-2.9 10-6.5c-1.7-3.6-5.4-6.5-10-6.5z"
    + "m0 2.2a4.3 4.3 0 1 1 0 8.6 4.3 4.3 0 0 1 0-8.6zm0 2a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z",
};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function icon(path) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = String(Math.floor(tenths / 10) % 60).padStart(2, "0");
  return `${Math.floor(tenths / 600)}:${rest}.${tenths % 10}`;
}

class Player {
  constructor(root) {
    this.root = root;
    this.look = { ...REST, dark: false, headroom: 0 };
    this.updates = 0;
    this.heads = [];
    this.scene = null;
    this.clock = new SilentClock(0);
    this.rate = 1;
    this.level = machineLevel;
    this.gaps = [];
    this.gone = new AbortController();
    this.life = new Life(this.gone.signal, () => this.request());
    this.build();
    this.watch();
  }

  // --- elements ------------------------------------------------------------------------------

  build() {
    this.stage = make("div", { class: "th-stage" });
    this.labels = make("div", { class: "th-labels" });
    this.hint = make("div", { class: "th-hint", "aria-hidden": "true" }, "Ctrl + wheel to zoom");
    this.message = make("div", { class: "th-message", role: "status", hidden: "" });
    this.stage.append(this.labels, this.hint, this.message);

    const sign = icon(ICONS.play);
    this.icon = sign.firstChild;
    this.button = make("button", { type: "button", class: "th-play" }, sign);
    const what = "Blinks, gaze and slight motion of the head";
    this.alive = make("button", { type: "button", class: "th-alive", "aria-label": what }, icon(ICONS.eye));
    this.bar = make("input", { type: "range", class: "th-seek", min: 0, max: 1, step: "any", "aria-label": "Position" });
    this.label = make("output", { class: "th-time", "aria-live": "off" });
    this.speed = make("select", { class: "th-speed", "aria-label": "Speed", title: "Speed" });
    for (const value of SPEEDS) this.speed.append(make("option", { value }, `${value}×`));
    this.controls = make("div", { class: "th-controls" }, this.button, this.bar, this.label, this.alive, this.speed);
    this.caption = make("div", { class: "th-caption" });
    this.root.classList.add("talking-head");
    this.root.setAttribute("role", "group");
    // JupyterLab would take the keys for its own commands, such as moving to another cell.
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.root.append(this.stage, this.controls, this.caption);
    this.newCanvas();

    const on = (element, type, action, options = {}) =>
      element.addEventListener(type, action, { signal: this.gone.signal, ...options });
    on(this.button, "click", () => this.toggle());
    on(this.bar, "input", () => this.seek(Number(this.bar.value)));
    on(this.alive, "click", () => this.setAlive(!this.life.on));
    on(this.speed, "change", () => this.setRate(Number(this.speed.value)));
    on(this.root, "keydown", (event) => this.key(event));
    on(this.stage, "pointerdown", (event) => this.drag(event));
    on(this.stage, "dblclick", () => this.turn({ ...REST }));
    on(this.stage, "wheel", (event) => this.wheel(event), { passive: false });
  }

  newCanvas() {
    this.canvas?.remove();
    this.canvas = make("canvas", { class: "th-canvas", tabindex: 0, role: "img" });
    if (this.description) this.canvas.setAttribute("aria-label", this.description);
    this.stage.prepend(this.canvas);
    const { canvas } = this;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      // News from a canvas that was replaced in the meantime says nothing about the new one.
      if (canvas !== this.canvas) return;
      // The browser took it, for instance because a page may hold only some 16: a fresh
      // canvas gets another one as soon as this player is looked at again.
      this.scene = null;
      this.stale = true;
      if (this.visible) setTimeout(() => this.request(), 200);
    });
  }

  watch() {
    // Until it is seen it takes no WebGL context: browsers keep some 16 of them only.
    this.visible = false;
    const seen = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      // A notebook builds the player first and attaches it later: only now the theme is known.
      if (this.visible) this.theme();
      else clearTimeout(this.waking);
    });
    seen.observe(this.root);
    const sized = new ResizeObserver(() => this.request());
    sized.observe(this.stage);
    watchTheme(() => this.theme(), this.gone.signal);
    this.gone.signal.addEventListener("abort", () => {
      seen.disconnect();
      sized.disconnect();
    });
  }

  theme() {
    this.look.dark = liesOnDark(this.root);
    this.root.classList.toggle("th-dark", this.look.dark);
    this.request();
  }

  // --- content -------------------------------------------------------------------------------

  /** Shows other heads and another sound in place: heads, sound, seconds, title, labels, ... */
  update(content) {
    this.clock.dispose();
    this.scene?.dispose();
    this.scene = null;
    this.stale = this.heads.length > 0;
    this.heads = content.heads.map((bytes) => new Head(bytes));
    this.seconds = content.seconds;
    const sound = content.sound?.byteLength ? content.sound : null;
    this.clock = sound ? new SoundClock(sound, this.seconds) : new SilentClock(this.seconds);
    this.clock.rate = this.rate;
    this.say(this.failed ? NO_3D : "");
    if (sound) {
      const own = this.clock;
      const { audio } = own;
      for (const type of ["play", "pause", "seeked", "ended", "ratechange"]) {
        audio.addEventListener(type, () => this.request());
      }
      audio.addEventListener("error", () => this.mute(own));
    }
    this.description = content.description ?? "";
    this.root.setAttribute("aria-label", content.title || "Talking head");
    this.canvas.setAttribute("aria-label", this.description);
    this.caption.textContent = content.caption ?? "";
    this.caption.hidden = !content.caption;
    this.controls.hidden = !(this.seconds > 0);
    this.stage.style.height = content.height ? `${content.height}px` : "";
    this.root.style.maxWidth = content.width ? `${content.width}px` : "";
    this.bar.max = String(this.seconds);
    const labels = content.labels ?? [];
    this.labels.replaceChildren(...labels.map((text) => make("span", {}, text)));
    this.labels.hidden = !labels.some(Boolean);
    this.look.headroom = this.labels.hidden ? 0 : 0.07;
    this.speed.value = String(this.rate);
    this.alive.hidden = !this.heads.some((head) => head.turning);
    // What the viewer chose stays; who wants less motion has to ask for more.
    this.setAlive(this.chosen ?? (Boolean(content.alive) && !this.life.reduced), false);
    this.theme();
    this.request();
  }

  /** Takes poses from the kernel, of the first head or of several (the sliders of `explore`). */
  pose(bytes) {
    if (!bytes?.byteLength || !this.heads.length) return;
    const { arrays } = unpack(bytes);
    this.heads.forEach((head, number) => head.takePose(arrays, number));
    this.posed = true;
    this.request();
  }

  /** The sound of this clock cannot be played here: go on without it, and say so. */
  mute(clock) {
    if (clock !== this.clock) return;
    const silent = new SilentClock(this.seconds);
    silent.seek(this.clock.time || 0);
    silent.rate = this.rate;
    this.clock.dispose();
    this.clock = silent;
    this.say("This browser cannot play the sound; the head moves without it.");
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  // --- drawing -------------------------------------------------------------------------------

  request(calm = false) {
    if (this.gone.signal.aborted) return;
    if (!calm) clearTimeout(this.waking);
    this.calm = calm && (!this.pending || this.calm);
    if (this.pending) return;
    this.asked = performance.now();
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.frame();
    });
  }

  ensureScene() {
    if (this.scene || !this.heads.length) return;
    if (this.stale) this.newCanvas();
    this.stale = false;
    try {
      this.scene = new Scene(this.canvas, this.heads);
    } catch (error) {
      if (!this.failed) console.error(error);
      this.failed = true;
      this.root.classList.add("th-flat");
      this.say(NO_3D);
      this.root.dispatchEvent(new Event("flat", { bubbles: true }));
    }
  }

  frame() {
    if (!this.root.isConnected) return;
    const time = this.clock.time;
    const playing = this.clock.playing;
    this.showTime(time, playing);
    if (this.visible) {
      if (!this.failed) this.ensureScene();
      if (this.scene) {
        this.life.advance(playing);
        const moved = this.heads.map((head) => head.moveTo(time, this.life) || this.posed);
        this.scene.refresh(moved);
        this.posed = false;
        const level = LEVELS[this.calm ? 0 : this.pace(playing)];
        this.fit(level.scale);
        this.scene.draw(this.look, level.fine);
        this.drawn = time;
        this.updates += 1;
      }
    }
    if (playing) this.request();
    else this.wake();
  }

  /** Goes on with the idle loop, slowly, where it may run and is seen. */
  wake() {
    clearTimeout(this.waking);
    const { life } = this;
    if (!this.scene || !this.visible || this.alive.hidden) return;
    if (!life.calm && !life.fading) return;
    // Idle pictures that come late say that the machine draws slowly: then the eyes alone live.
    if (this.calm) {
      this.late = 0.8 * (this.late ?? 0) + 0.2 * (performance.now() - this.due);
      life.sparing ||= this.scene.software || machineLevel > 0 || this.late > 2 * IDLE_GAP;
    }
    const wait = life.sparing && !life.fading
      ? Math.min(...this.heads.map((head) => head.turning.untilLook(life.idleTime))) : 0;
    const gap = Math.max(1000 * wait, this.calm ? IDLE_GAP : 2 * IDLE_GAP);
    this.due = performance.now() + gap;
    this.waking = setTimeout(() => this.request(true), gap);
  }

  /** Adds blinks, gaze and motion of the head, or leaves them out. */
  setAlive(on, chosen = true) {
    if (chosen) this.chosen = on;
    this.life.on = on;
    this.alive.setAttribute("aria-pressed", String(on));
    this.alive.title = `${on ? "Without" : "With"} blinks, gaze and motion of the head (A)`;
    this.request();
  }

  /**
   * Chooses the level to draw at. While frames follow one another too slowly it drops; half a
   * second after the last one the picture is drawn once more, at its finest.
   */
  pace(playing) {
    const now = performance.now();
    const gap = now - (this.last ?? 0);
    // A head that follows a slider waits for the kernel: only the wait for the browser counts.
    const wait = playing ? gap : now - this.asked;
    this.last = now;
    clearTimeout(this.settling);
    if (!playing) this.settling = setTimeout(() => this.settle(), 250);
    if (this.settled) {
      this.settled = false;
      this.gaps = [];
      return 0;
    }
    const onward = gap < 250 || (playing && this.paced);
    this.paced = playing;
    if (!onward) {
      this.gaps = [];
      return playing ? this.level : 0;
    }
    this.gaps.push(wait);
    if (this.gaps.length >= 5) {
      const middle = this.gaps.sort((a, b) => a - b)[2];
      if (middle > 30 && this.level < LEVELS.length - 1) this.level += 1;
      machineLevel = Math.max(machineLevel, this.level);
      this.gaps = [];
    }
    return this.level;
  }

  settle() {
    if (this.level === 0 || this.gone.signal.aborted) return;
    this.settled = true;
    this.request();
  }

  /** Matches the canvas to its place on the page, in the pixels of the screen. */
  fit(share) {
    const scale = Math.min(window.devicePixelRatio || 1, 2) * share;
    const width = Math.max(1, Math.round(this.stage.clientWidth * scale));
    const height = Math.max(1, Math.round(this.stage.clientHeight * scale));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
  }

  showTime(time, playing) {
    if (playing !== this.wasPlaying) {
      this.wasPlaying = playing;
      this.icon.setAttribute("d", playing ? ICONS.pause : ICONS.play);
      this.button.setAttribute("aria-label", playing ? "Pause" : "Play");
      this.button.title = playing ? "Pause (space)" : "Play (space)";
    }
    this.bar.value = String(time);
    this.bar.style.setProperty("--th-done", `${this.seconds > 0 ? (100 * time) / this.seconds : 0}%`);
    const text = `${clock(time)} / ${clock(this.seconds ?? 0)}`;
    if (this.label.textContent !== text) {
      this.label.textContent = text;
      this.bar.setAttribute("aria-valuetext", `${time.toFixed(1)} of ${this.seconds.toFixed(1)} seconds`);
    }
  }

  // --- what the viewer does ------------------------------------------------------------------

  async play() {
    const { clock } = this;
    try {
      await clock.play();
    } catch (error) {
      // AbortError: paused again at once. NotAllowedError: the browser wants a click first.
      if (error.name === "NotSupportedError") {
        // The sound may have been given up already, or replaced by another.
        this.mute(clock);
        if (this.clock instanceof SilentClock) await this.clock.play();
      } else if (error.name !== "AbortError" && error.name !== "NotAllowedError") {
        throw error;
      }
    }
    this.request();
  }

  pause() {
    this.clock.pause();
    this.request();
  }

  toggle() { return this.clock.playing ? this.pause() : this.play(); }

  seek(time) {
    this.clock.seek(Math.min(Math.max(time, 0), this.seconds));
    this.request();
  }

  setRate(value) {
    this.rate = value;
    this.clock.rate = value;
    this.request();
  }

  turn(look) {
    Object.assign(this.look, look);
    this.look.yaw = Math.min(Math.max(this.look.yaw, -Math.PI), Math.PI);
    this.look.pitch = Math.min(Math.max(this.look.pitch, -0.9), 0.9);
    this.look.zoom = Math.min(Math.max(this.look.zoom, 0.6), 5);
    this.request();
  }

  drag(event) {
    if (event.button !== 0) return;
    const start = { x: event.clientX, y: event.clientY, ...this.look };
    const move = (next) => this.turn({
      yaw: start.yaw - (next.clientX - start.x) * 0.008,
      pitch: start.pitch + (next.clientY - start.y) * 0.006,
    });
    const end = new AbortController();
    const options = { signal: AbortSignal.any?.([end.signal, this.gone.signal]) ?? end.signal };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move, options);
    for (const type of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(type, () => end.abort(), options);
    }
  }

  /** The wheel scrolls the page; with Ctrl (or a pinch, which says Ctrl too) it zooms. */
  wheel(event) {
    if (!(event.ctrlKey || event.metaKey)) {
      this.hint.classList.add("th-shown");
      clearTimeout(this.hiding);
      this.hiding = setTimeout(() => this.hint.classList.remove("th-shown"), 900);
      return;
    }
    event.preventDefault();
    this.turn({ zoom: this.look.zoom * Math.exp(-event.deltaY * 0.0025) });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const frame = 1 / (this.heads[0]?.fps ?? 25);
    const time = this.clock.time;
    const turned = event.target === this.canvas && event.shiftKey;
    const actions = {
      " ": () => this.toggle(),
      ArrowLeft: () => (turned ? this.turn({ yaw: this.look.yaw - 0.1 }) : this.seek(time - 1)),
      ArrowRight: () => (turned ? this.turn({ yaw: this.look.yaw + 0.1 }) : this.seek(time + 1)),
      ",": () => this.step(time - frame),
      ".": () => this.step(time + frame),
      Home: () => this.seek(0),
      End: () => this.seek(this.seconds),
      "+": () => this.turn({ zoom: this.look.zoom * 1.15 }),
      "-": () => this.turn({ zoom: this.look.zoom / 1.15 }),
      0: () => this.turn({ ...REST }),
      a: () => !this.alive.hidden && this.setAlive(!this.life.on),
    };
    // The menu of speeds needs its arrows, and a focused button its space bar, for themselves.
    if (event.target === this.speed || !(event.key in actions)) return;
    if (event.key === " " && event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  }

  step(time) {
    this.clock.pause();
    this.seek(time);
  }

  dispose() {
    this.gone.abort();
    clearTimeout(this.settling);
    clearTimeout(this.waking);
    if (this.pending) cancelAnimationFrame(this.pending);
    this.clock.dispose();
    this.scene?.dispose();
    this.scene = null;
    this.root.replaceChildren();
  }
}

/** Builds a player in an element; returns `update(content)`, `pose(bytes)` and `dispose()`. */
export function createPlayer(root, content) {
  const player = new Player(root);
  player.update(content);
  // For tests and for pages that want to follow: what is shown, and the same actions as the controls.
  root.talkingHead = Object.freeze({
    get time() { return player.clock.time; },
    get soundTime() { return player.clock.audio ? player.clock.audio.currentTime : null; },
    get frame() { return Math.round(player.clock.time * (player.heads[0]?.fps ?? 25)); },
    get shownTimes() { return player.heads.map(() => player.drawn); },
    get seconds() { return player.seconds; },
    get playing() { return player.clock.playing; },
    get updates() { return player.updates; },
    get level() { return player.level; },
    get heads() { return player.heads.length; },
    get dark() { return player.look.dark; },
    get look() { return { ...player.look }; },
    get alive() { return player.life.on; },
    get strength() { return player.life.strength; },
    get idle() { return player.life.idle; },
    get angles() { return player.heads.map(({ turning }) => turning && [...turning.angles, ...turning.rotation]); },
    play: () => player.play(),
    pause: () => player.pause(),
    seek: (time) => player.seek(time),
    turn: (look) => player.turn(look),
    setAlive: (on) => player.setAlive(on),
    loseContext: () => player.scene?.dispose(),
  });
  return {
    update: (next) => player.update(next),
    pose: (bytes) => player.pose(bytes),
    dispose: () => player.dispose(),
  };
}

/** The notebook widget: everything arrives once; the kernel has no part in playing. */
function render({ model, el }) {
  const root = make("div");
  el.append(root);
  const player = createPlayer(root, model.get("content"));
  const update = () => {
    player.update(model.get("content"));
    player.pose(model.get("pose"));
  };
  const pose = () => player.pose(model.get("pose"));
  model.on("change:content", update);
  model.on("change:pose", pose);
  pose();
  const bringBack = replaceStill(root, model.get("mark"));
  return () => {
    bringBack();
    model.off("change:content", update);
    model.off("change:pose", pose);
    player.dispose();
  };
}

export default { render };
