/* -- the pointer in the raster and in the potential ------------------------------------------------ */

const FINGER = 24;   // pixels that a finger may be off

const timeUnder = (scale, x) => pixelTime(scale.time(x), (scale.to - scale.from) / (scale.right - scale.left));

/* A text beside a place in a frame, or none. */
function showTip(tip, text, x, y) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const room = tip.parentElement.clientWidth - tip.offsetWidth - 2;
  tip.style.left = `${Math.max(0, Math.min(x + 10, room))}px`;
  tip.style.top = `${Math.max(0, y - 30)}px`;
}

function listenToRaster() {
  const canvas = $("raster"), tip = $("tip");
  zoomByHand(canvas, () => plot, { grab: grabSpike, click: clickRaster });
  canvas.addEventListener("mousemove", event => {
    const found = nearest(event.offsetX, event.offsetY);
    canvas.style.cursor = !found ? "crosshair" : isMovable(found) ? "ew-resize" : "pointer";
    if (found) return showTip(tip, sayRow(found, events.time[found.event]), plot.x(events.time[found.event]), rowOf(found.layer, found.neuron));
    const row = event.offsetX >= LABELS ? rowAt(event.offsetY) : null;
    showTip(tip, row && sayRow(row, timeUnder(plot, event.offsetX)), event.offsetX, event.offsetY);
  });
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
}

/* A neuron, and its potential at a time; of those that receive nothing, the time alone. */
function sayRow({ layer, neuron, event }, time) {
  const found = explain(layer, neuron), who = `${called(layer, neuron)}, ${event === undefined ? lasting(time) : clock(time)}`;
  return found.count || found.bias ? `${who}: ${sayPotential(found, time)}` : who;
}

function sayPotential(found, time) {
  const value = potentialAtTime(found, time);
  return `potential ${volts(settled(value, errorAt(found, value, time)))}`;
}

function clickRaster(event) {
  const row = event.offsetX >= LABELS ? rowAt(event.offsetY) : null, found = nearest(event.offsetX, event.offsetY);
  if (event.shiftKey && row && data.circuit) {
    const time = timeUnder(plot, event.offsetX);
    Object.assign(chosen, row, { against: null });
    wish(row.layer, row.neuron, WHOLE ? Math.round(time) : time);
    choose(row.layer, row.neuron);
  } else if (found) pick(found.layer, found.neuron);
  else if (row && bands[row.layer].step >= 5) pick(row.layer, row.neuron);
}

/* Spikes of the stimulus can be moved, and the chosen one. */
function isMovable({ layer, neuron, event, away }) {
  const isChosen = layer === chosen.layer && neuron === chosen.neuron;
  return data.circuit !== null && (isChosen ? away < 81 : events.given[event] && away < 25);
}

/* The chosen spike, if a finger touches it: others may be so near that no finger can tell them apart. */
function touchedSpike({ offsetX, offsetY }) {
  const { layer, neuron } = chosen, fired = firedAt(layer, neuron);
  const isNear = fired < Infinity && Math.hypot(plot.x(fired) - offsetX, rowOf(layer, neuron) - offsetY) < FINGER;
  return data.circuit !== null && isNear ? { layer, neuron } : null;
}

function grabSpike(press) {
  const isTouch = press.pointerType === "touch", found = isTouch ? touchedSpike(press) : nearest(press.offsetX, press.offsetY);
  if (!found || !isTouch && !isMovable(found)) return null;
  const { layer, neuron } = found;
  let begun = false, waiting = null;
  const now = event => {
    const isInside = event.offsetX > LABELS - 8 && event.offsetX < plot.width + 8 && event.offsetY > -8 && event.offsetY < $("raster").clientHeight + 8;
    const time = timeUnder(plot, event.offsetX);
    if (!begun && (layer !== chosen.layer || neuron !== chosen.neuron)) Object.assign(chosen, { layer, neuron, against: null });
    wish(layer, neuron, !isInside ? Infinity : WHOLE ? Math.round(time) : time, begun);
    begun = true;
  };
  return {   // at most once for each picture
    move(event) {
      if (waiting === null) requestAnimationFrame(() => { const last = waiting; waiting = null; if (last) now(last); });
      waiting = event;
    },
    drop(event) { waiting = null; now(event); },
  };
}

function listenToTrace() {
  const canvas = $("trace"), tip = $("tracetip"), goTo = time => { pause(); go(time >= data.horizon && RAMPS && data.horizon !== null ? PLACES : upTo(events.time, time)); };
  zoomByHand(canvas, () => trace, { click: event => goTo(trace.time(event.offsetX)) });
  canvas.style.cursor = "crosshair";
  canvas.addEventListener("mousemove", event => {
    const isInside = event.offsetX >= trace.left && event.offsetX <= trace.right, time = timeUnder(trace, event.offsetX);
    const parts = shown().map(found => `${shown().length > 1 ? `${called(found.layer, found.neuron)} ` : ""}${sayPotential(found, time)}`);
    showTip(tip, isInside && `${lasting(time)}: ${parts.join("; ")}`, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
}
