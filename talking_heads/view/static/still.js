// Stills that stand in for widgets in saved notebooks.

/**
 * A still stands above a widget, for those who open the saved notebook later: the widget is gone
 * then, the still remains. While the widget lives it takes the still's place. `mark` is the end of
 * the picture's address. Returns what brings the still back.
 */
export function replaceStill(root, mark) {
  let still = null;
  const placed = new ResizeObserver(() => {
    const above = root.closest(".jp-OutputArea-child")?.previousElementSibling;
    if (!mark || !above?.querySelector(".jp-RenderedImage img")?.src.endsWith(mark)) return;
    still = above;
    still.style.display = "none";
  });
  placed.observe(root);
  return () => {
    placed.disconnect();
    if (still) still.style.display = "";
  };
}
