// Curves under a player: a line shows where the sound is, a click or a drag goes there.

const WIDTH = 760, LEFT = 58, RIGHT = 12, SIGNS = 20, NAMES = 17, GAP = 5, FOOT = 28;
const NS = "http://www.w3.org/2000/svg";

function draw(tag, attributes, parent, text) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

/** The player beside this element and what it can do: the first in the smallest box with one. */
function playerNear(element) {
  for (let box = element.parentElement; box; box = box.parentElement) {
    const found = box.querySelector(".talking-head");
    if (found) return [found, found.talkingHead];
  }
  return null;
}

function path(values, fps, x, y) {
  return values.map((value, i) => `${i ? "L" : "M"}${x(i / fps).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

/** What each kind of row draws between `top` and `top + panel.height`, and the scale of its axis. */
const KINDS = {
  curves(panel, svg, x, y, top) {
    for (const [start, end] of panel.spans ?? []) {
      const place = { x: x(start), width: x(end) - x(start), y: top, height: panel.height };
      draw("rect", { class: "th-span", ...place }, svg);
    }
    for (const { values, color, dash } of panel.curves) {
      const line = { d: path(values, panel.fps, x, y), stroke: color, class: "th-curve" };
      if (dash) line["stroke-dasharray"] = "5 4";
      draw("path", line, svg);
    }
  },
  image(panel, svg, x, y, top) {
    draw("image", {
      href: panel.image, x: x(0), width: x(panel.seconds) - x(0), y: top, height: panel.height,
      preserveAspectRatio: "none", class: "th-image",
    }, svg);
  },
  wave(panel, svg, x, y) {
    const forth = path(panel.most, panel.fps, x, y);
    const back = path([...panel.least].reverse(), panel.fps, (time) => x((panel.least.length - 1) / panel.fps - time), y);
    draw("path", { d: `${forth}L${back.slice(1)}Z`, fill: panel.color, stroke: panel.color, class: "th-wave" }, svg);
  },
  units(panel, svg, x, y, top) {
    for (const [start, end, unit, color, ink, sign, words] of panel.runs) {
      const width = x(end) - x(start);
      const cell = draw("g", { class: "th-cell", fill: ink }, svg);
      draw("title", {}, cell, words);
      draw("rect", { x: x(start), y: top, width, height: panel.height, fill: color, "data-unit": unit }, cell);
      if (!sign || width < 7.5 * [...sign].length + 2) continue;
      draw("text", { x: x((start + end) / 2), y: top + panel.height / 2 + 4, class: "th-sign" }, cell, sign);
    }
  },
};

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "th-curves";
  el.append(root);
  const gone = new AbortController();
  let cursor, seconds, x, near, timer = 0;
  const player = () => (near?.[0].isConnected ? near[1] : (near = playerNear(root))?.[1]);

  function build() {
    const content = model.get("content");
    const panels = content.panels ?? [];
    const rows = panels.map((panel) => NAMES + panel.height + GAP);
    const height = SIGNS + rows.reduce((sum, row) => sum + row, 0) + FOOT;
    seconds = Math.max(content.seconds ?? 0, 1e-3);
    x = (time) => LEFT + (time / seconds) * (WIDTH - LEFT - RIGHT);
    const svg = draw("svg", {
      viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": content.description ?? "",
    });
    const bottom = height - FOOT;
    draw("rect", { class: "th-paper", width: WIDTH, height }, svg);
    for (const [symbol, start, end] of content.phonemes ?? []) {
      if (!symbol) continue;
      draw("line", { class: "th-border", x1: x(start), x2: x(start), y1: SIGNS, y2: bottom }, svg);
      draw("line", { class: "th-border", x1: x(end), x2: x(end), y1: SIGNS, y2: bottom }, svg);
      draw("text", { x: x((start + end) / 2), y: SIGNS - 7, class: "th-sign" }, svg, symbol);
    }
    let top = SIGNS + NAMES;
    panels.forEach((panel, row) => {
      const { kind = "curves", height: tall, low, high, unit } = panel;
      const foot = top + tall;
      const y = (value) => foot - (tall * (value - low)) / (high - low);
      KINDS[kind](panel, svg, x, y, top);
      // What fills its row hides the borders of the sounds below it.
      for (const [symbol, start, end] of kind === "image" || kind === "units" ? content.phonemes ?? [] : []) {
        if (!symbol) continue;
        draw("line", { class: "th-over", x1: x(start), x2: x(start), y1: top, y2: foot }, svg);
        draw("line", { class: "th-over", x1: x(end), x2: x(end), y1: top, y2: foot }, svg);
      }
      if (unit) {
        draw("line", { class: "th-axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(low), y2: y(low) }, svg);
        for (const value of [low, high]) {
          draw("text", { x: LEFT - 5, y: y(value) + 4, class: "th-number" }, svg, String(value));
        }
        draw("text", { class: "th-unit", transform: `translate(14 ${top + tall / 2}) rotate(-90)` }, svg, unit);
      }
      const names = draw("text", { x: WIDTH - RIGHT, y: top - 5, class: "th-names" }, svg);
      (panel.curves ?? [panel]).forEach(({ name, color, dash }, i) => {
        const mark = color ? `${dash ? "┄" : "━"} ` : "";
        draw("tspan", { fill: color ?? "#1f2933" }, names, `${i ? "   " : ""}${mark}${name}`);
      });
      top += rows[row];
    });
    const step = seconds > 12 ? 5 : seconds > 2.5 ? 1 : 0.5;
    for (let time = 0; time <= seconds + 1e-6; time += step) {
      draw("text", { x: x(time), y: height - 12, class: "th-second" }, svg, `${time}${time ? "" : " s"}`);
    }
    cursor = draw("line", { class: "th-now", x1: LEFT, x2: LEFT, y1: SIGNS - 4, y2: bottom }, svg);
    root.replaceChildren(svg);
    follow();
  }

  function follow() {
    const now = player()?.time;
    if (now === undefined || !cursor) return;
    const at = x(Math.min(now, seconds)).toFixed(2);
    if (cursor.getAttribute("x1") === at) return;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
  }

  /** One look a frame while the curves are seen; nothing at all while they are not. */
  function tick() {
    follow();
    timer = requestAnimationFrame(tick);
  }

  const seen = new IntersectionObserver((entries) => {
    cancelAnimationFrame(timer);
    if (entries[entries.length - 1].isIntersecting) tick();
  });
  seen.observe(root);

  function go(event) {
    const svg = root.firstElementChild.getBoundingClientRect();
    const place = ((event.clientX - svg.left) / svg.width) * WIDTH;
    const time = ((place - LEFT) / (WIDTH - LEFT - RIGHT)) * seconds;
    player()?.seek(Math.min(Math.max(time, 0), seconds));
    follow();
  }
  const options = { signal: gone.signal };
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    root.setPointerCapture(event.pointerId);
    go(event);
  }, options);
  root.addEventListener("pointermove", (event) => {
    if (root.hasPointerCapture(event.pointerId)) go(event);
  }, options);

  build();
  model.on("change:content", build);
  return () => {
    model.off("change:content", build);
    cancelAnimationFrame(timer);
    seen.disconnect();
    gone.abort();
  };
}

export default { render };
