// Is the page around the player light or dark?

/** The colour behind an element: that of the first ancestor which has one. */
function backgroundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    const [, , , alpha = 1] = color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    if (alpha > 0.5) return color;
  }
  // Nobody paints: then the browser's own canvas shows, light or dark as the page declares.
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return scheme.includes("dark") && (dark || !scheme.includes("light")) ? "rgb(0,0,0)" : "rgb(255,255,255)";
}

function brightness(color) {
  const [r, g, b] = color.match(/[\d.]+/g).map(Number);
  return (0.3 * r + 0.6 * g + 0.1 * b) / 255;
}

/** The page is dark if what lies behind the player is: JupyterLab, VS Code and plain pages. */
export function liesOnDark(element) {
  return brightness(backgroundOf(element.parentElement)) < 0.5;
}

/** Calls back when the page may have changed its theme, until the signal says stop. */
export function watchTheme(callback, signal) {
  const observer = new MutationObserver(callback);
  const names = ["class", "style", "data-theme", "data-jp-theme-light", "data-jp-theme-name"];
  const options = { attributes: true, attributeFilter: names };
  observer.observe(document.documentElement, options);
  observer.observe(document.body, options);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
}
