/* -- which times are shown ------------------------------------------------------------------- */

let zoom = null;   // [from, to] of raster and potential; null for all times

function zoomTo(from, to) {
  const length = Math.max(Math.min(to - from, span), span * 1e-6), first = Math.max(0, Math.min(from, span - length));
  zoom = length >= span * 0.999 ? null : [first, first + length];
  $("alltimes").hidden = zoom === null;
  draw();
}

function zoomBy(factor, around, [from, to] = zoom || [0, span]) {
  zoomTo(around - (around - from) * factor, around + (to - around) * factor);
}

/* Move with what happens, if that is out of sight. */
function keepInSight(time) {
  if (!zoom || time >= zoom[0] && time <= zoom[1]) return;
  const half = (zoom[1] - zoom[0]) / 2, first = Math.max(0, Math.min(time - half, span - 2 * half));
  zoom = [first, first + 2 * half];
}

/* A time under the pointer, with the digits that a pixel has. */
function pixelTime(time, perPixel) {
  const step = 10 ** Math.floor(Math.log10(perPixel));
  return Math.max(0, Number((Math.round(time / step) * step).toPrecision(12)));
}

/* Wheel, drag and double click in a canvas with a scale of time. `scale` has left, right, from, to, and
   time(x); `grab` may take a drag, by returning { move, drop }; `click` is what a click does. */
function zoomByHand(canvas, scale, { grab = () => null, click }) {
  const band = document.createElement("div");
  let start = null, high = 0, held = null, moved = false;   // where it was pressed, and on what
  band.className = "picked";
  band.hidden = true;
  canvas.parentElement.append(band);
  canvas.addEventListener("wheel", event => {
    const { from, to, time } = scale();
    if (event.deltaY > 0 && !zoom || !event.deltaY) return;   // the page may scroll
    event.preventDefault();
    zoomBy(2 ** (Math.sign(event.deltaY) / 2), time(event.offsetX), [from, to]);
  }, { passive: false });
  canvas.addEventListener("pointerdown", event => {
    if (event.button || event.pointerType !== "mouse") return;
    [start, high, moved, held] = [event.offsetX, event.offsetY, false, grab(event)];
    canvas.setPointerCapture(event.pointerId);   // to hear of what happens beyond the canvas
  });
  canvas.addEventListener("pointermove", event => {
    if (start === null || !moved && Math.hypot(event.offsetX - start, held ? event.offsetY - high : 0) < 4) return;
    moved = true;
    if (held) return held.move(event);
    const [a, b] = [start, event.offsetX].sort((x, y) => x - y), { left, right } = scale();
    band.hidden = false;
    band.style.left = `${Math.max(left, a)}px`;
    band.style.width = `${Math.max(0, Math.min(right, b) - Math.max(left, a))}px`;
  });
  canvas.addEventListener("pointerup", event => {
    if (start === null) return;
    const { time } = scale(), [a, b] = [start, event.offsetX].sort((x, y) => x - y);
    [start, band.hidden] = [null, true];
    if (!moved) return;
    if (held) held.drop(event); else zoomTo(time(a), time(b));
  });
  canvas.addEventListener("pointercancel", () => { [start, band.hidden] = [null, true]; });
  canvas.addEventListener("click", event => { if (!moved) click(event); moved = false; });
  canvas.addEventListener("dblclick", () => zoomTo(0, span));
}
