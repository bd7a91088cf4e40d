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

/* Wheel, drag and double click in a canvas with a scale of time; on a touch screen, two fingers zoom, and one
   moves along what is zoomed. `scale` has left, right, from, to, and time(x); `grab` may take a drag, by
   returning { move, drop }; `click` is what a click does. */
function zoomByHand(canvas, scale, { grab = () => null, click }) {
  const band = document.createElement("div");
  const fingers = new Map();   // on a touch screen: where each is, and the time that it holds
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
    if (event.button) return;
    if (event.pointerType === "touch") fingers.set(event.pointerId, { x: event.offsetX, time: scale().time(event.offsetX) });
    if (fingers.size > 1) [moved, held] = [true, null];
    else [start, high, moved, held] = [event.offsetX, event.offsetY, false, grab(event)];
    canvas.setPointerCapture(event.pointerId);   // to hear of what happens beyond the canvas
  });
  canvas.addEventListener("pointermove", event => {
    if (start === null || !moved && Math.hypot(event.offsetX - start, held ? event.offsetY - high : 0) < 4) return;
    moved = true;
    if (held) return held.move(event);
    if (fingers.size) return keepUnder(fingers, event, scale());
    const [a, b] = [start, event.offsetX].sort((x, y) => x - y), { left, right } = scale();
    band.hidden = false;
    band.style.left = `${Math.max(left, a)}px`;
    band.style.width = `${Math.max(0, Math.min(right, b) - Math.max(left, a))}px`;
  });
  canvas.addEventListener("pointerup", event => {
    const isFinger = fingers.delete(event.pointerId);
    if (start === null || fingers.size) return;
    const { time } = scale(), [a, b] = [start, event.offsetX].sort((x, y) => x - y), taken = held;
    [start, held, band.hidden] = [null, null, true];
    if (!moved) return;
    if (taken) taken.drop(event); else if (!isFinger) zoomTo(time(a), time(b));
  });
  canvas.addEventListener("pointercancel", () => { fingers.clear(); [start, held, band.hidden] = [null, null, true]; });
  canvas.addEventListener("touchmove", event => { if (held || fingers.size > 1) event.preventDefault(); }, { passive: false });
  canvas.addEventListener("click", event => { if (!moved) click(event); moved = false; });
  canvas.addEventListener("dblclick", () => zoomTo(0, span));
}

/* Show such times that each finger keeps the one that it holds; one finger alone keeps the scale. */
function keepUnder(fingers, { pointerId, offsetX }, { left, right, from, to }) {
  fingers.get(pointerId).x = offsetX;
  const [a, b] = fingers.values(), perPixel = b ? (b.time - a.time) / (b.x - a.x) : (to - from) / (right - left);
  if (!(perPixel > 0 && perPixel < Infinity) || !b && !zoom) return;
  const first = a.time - (a.x - left) * perPixel;
  zoomTo(first, first + (right - left) * perPixel);
}
