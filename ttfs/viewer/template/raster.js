/* -- the raster ---------------------------------------------------------------------------- */

const LABELS = 98, RIGHT = 14, TOP = 6, AXIS = 34, GAP = 12;
/* Until when times are shown: to the end of windows and of circuits, or a little beyond the last event. */
const spanNow = () => data.horizon !== null && (WINDOWS || !data.decides) ? data.horizon : finalTime * 1.02 || data.horizon || 1;
let bands = [], plot = { width: 0, x: () => 0 };

function layBands() {
  const wanted = layers.map(layer => Math.min(layer.size * 11, 150) + 4);
  const most = layers.some(layer => layer.shape) ? 560 : 440;
  const scale = Math.min(1, most / wanted.reduce((a, b) => a + b, 0));
  let top = TOP;
  bands = [];
  for (let layer = LAST; layer >= 0; layer--) {
    const height = Math.max(16, wanted[layer] * scale);
    bands[layer] = { layer, top, height, step: height / layers[layer].size };
    top += height + GAP;
  }
  return top - GAP + AXIS;
}
const rowOf = (layer, neuron) => bands[layer].top + bands[layer].height - (rankOf(layers[layer], neuron) + 0.5) * bands[layer].step;

/* Neurons of a map lie channel by channel. */
function rankOf({ shape }, neuron) {
  if (!shape) return neuron;
  const [height, width, channels] = shape;
  return neuron % channels * height * width + Math.floor(neuron / channels);
}

function drawRaster() {
  const { pen, width, height } = clear($("raster"), layBands());
  const inner = width - LABELS - RIGHT;
  const [from, to] = zoom || [0, span], left = LABELS + 4, room = inner - 8;
  plot = { width, inner, left, right: left + room, from, to, x: time => left + room * (time - from) / (to - from) };
  plot.time = x => from + (to - from) * Math.min(1, Math.max(0, (x - left) / room));
  for (const band of bands) drawBand(pen, band, inner);
  drawTimes(pen, height, inner);
  pen.save();
  if (zoom) { pen.beginPath(); pen.rect(LABELS, 0, inner, height); pen.clip(); }   // nothing is drawn beside the bands
  drawChosen(pen, inner);
  drawMarks(pen);
  drawDifferences(pen);
  drawSpikes(pen);
  drawCursor(pen, height);
  pen.restore();
}

function drawBand(pen, band, inner) {
  const layer = layers[band.layer];
  pen.fillStyle = look.well;
  pen.fillRect(LABELS, band.top, inner, band.height);
  if (WINDOWS) {
    const [begin, end] = WINDOWS.fires[band.layer].map(time => plot.x(Math.min(plot.to, Math.max(plot.from, time))));
    pen.fillStyle = colourOf(band.layer);
    pen.globalAlpha = 0.12;
    pen.fillRect(begin, band.top, end - begin, band.height);
    pen.globalAlpha = 1;
  }
  pen.strokeStyle = look.edge;
  pen.strokeRect(LABELS + 0.5, band.top + 0.5, inner - 1, band.height - 1);
  const middle = band.top + band.height / 2, colour = colourOf(band.layer);
  pen.font = "600 12px system-ui, sans-serif";
  write(pen, layer.name, 0, middle, colour, "left", LABELS - 28);
  pen.font = "10px system-ui, sans-serif";
  if (band.step >= 10)
    for (let j = 0; j < layer.size; j++) write(pen, String(j), LABELS - 5, rowOf(band.layer, j), look.quiet, "right");
  else for (const j of [0, layer.size - 1]) {
    const inside = j ? band.top + 5 : band.top + band.height - 5;
    write(pen, String(j), LABELS - 5, inside, look.quiet, "right");
  }
}

function drawTimes(pen, height, inner) {
  pen.font = "11px system-ui, sans-serif";
  const y = height - AXIS + 4;
  for (const time of ticks(plot.from, plot.to, Math.max(2, inner / 90))) {
    const x = Math.round(plot.x(time)) + 0.5;
    line(pen, x, y - 4, x, y, look.quiet);
    write(pen, about(time), x, y + 8, look.quiet, "center");
  }
  write(pen, `time (${data.units})`, LABELS + inner / 2, height - 6, look.quiet, "center");
}

/* The rows of the chosen neurons. */
function drawChosen(pen, inner) {
  for (const [neuron, colour] of [[chosen.against, look.second], [chosen.neuron, look.first]]) {
    if (neuron === null) continue;
    const y = Math.round(rowOf(chosen.layer, neuron)) + 0.5;
    line(pen, LABELS, y, LABELS + inner, y, colour, [2, 3]);
  }
}

let spikeImage = null, spikeCanvas = null;

/* Rectangles of whole pixels: no spike is so thin that it fades. They are put into an image, as
   tens of thousands of them take a canvas longer than a tenth of a second. */
function drawSpikes(pen) {
  const { canvas } = pen, ratio = window.devicePixelRatio || 1;
  if (!spikeImage || spikeImage.width !== canvas.width || spikeImage.height !== canvas.height) {
    spikeImage = new ImageData(canvas.width, canvas.height);
    spikeCanvas = new OffscreenCanvas(canvas.width, canvas.height);
  }
  const pixels = new Uint32Array(spikeImage.data.buffer);
  pixels.fill(0);
  for (const band of bands) for (const past of [false, true]) putSpikes(pixels, band, past, ratio);
  spikeCanvas.getContext("2d").putImageData(spikeImage, 0, 0);
  pen.drawImage(spikeCanvas, 0, 0, canvas.width / ratio, canvas.height / ratio);
  for (const [neuron, colour] of [[chosen.against, look.second], [chosen.neuron, look.first]])
    if (neuron !== null) ring(pen, chosen.layer, neuron, colour);
}

function putSpikes(pixels, band, past, ratio) {
  const { spikes } = layers[band.layer], { width } = spikeImage, tall = Math.max(2, Math.min(14, Math.round(band.step * 0.8)));
  const colour = (Number.parseInt(colourOf(band.layer).slice(1).match(/../g).reverse().join(""), 16) | (past ? 255 : 77) << 24) >>> 0;
  for (let j = 0; j < spikes.length; j++) {
    const event = spikes[j];
    if (event < 0 || event < at !== past) continue;
    const x = Math.round(plot.x(events.time[event])) - 1, y = Math.round(rowOf(band.layer, j) - tall / 2);
    if (x < LABELS - 1 || x > plot.right + 4) continue;
    const left = Math.round(x * ratio), right = Math.min(width, Math.max(left + 1, Math.round((x + 2) * ratio)));
    const bottom = Math.min(spikeImage.height, Math.max(Math.round(y * ratio) + 1, Math.round((y + tall) * ratio)));
    for (let row = Math.round(y * ratio); row < bottom; row++) pixels.fill(colour, row * width + left, row * width + right);
  }
}

function ring(pen, layer, neuron, colour) {
  const event = layers[layer].spikes[neuron];
  if (event < 0) return;
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(plot.x(events.time[event]), rowOf(layer, neuron), 7, 0, 7);
  pen.stroke();
  pen.lineWidth = 1;
}

/* Now, and at the left of a band a mark that says where the event is. */
function drawCursor(pen, height) {
  const x = Math.round(plot.x(timeAt(at))) + 0.5;
  line(pen, x, TOP, x, height - AXIS, look.cursor);
  if (!at || at > COUNT) return;
  const layer = events.spike[at - 1] ? events.layer[at - 1] : events.source[at - 1];
  const y = rowOf(layer, events.neuron[at - 1]);
  pen.fillStyle = look.cursor;
  pen.beginPath();
  if (events.spike[at - 1]) pen.arc(x, y, 4, 0, 7);
  else {   // up for an arrival, down for the end of a ramp
    const up = events.began[at - 1] < 0 ? 1 : -1;
    pen.moveTo(x - 4, y + 4 * up); pen.lineTo(x + 4, y + 4 * up); pen.lineTo(x, y - 5 * up);
  }
  pen.fill();
}

/* The spike nearest to a place on the canvas, if one is near. */
function nearest(x, y) {
  let best = null, least = 14 ** 2;
  for (const band of bands) layers[band.layer].spikes.forEach((event, neuron) => {
    if (event < 0 || events.time[event] < plot.from || events.time[event] > plot.to) return;
    const away = (plot.x(events.time[event]) - x) ** 2 + (rowOf(band.layer, neuron) - y) ** 2;
    if (away < least) { least = away; best = { layer: band.layer, neuron, event, away }; }
  });
  return best;
}

/* The neuron whose row is under a place on the canvas: { layer, neuron }, or null. */
function rowAt(y) {
  const band = bands.find(({ top, height }) => y >= top && y < top + height);
  if (!band) return null;
  const { size, shape } = layers[band.layer], rank = Math.min(size - 1, Math.floor((band.top + band.height - y) / band.step));
  if (!shape) return { layer: band.layer, neuron: rank };
  const places = shape[0] * shape[1];
  return { layer: band.layer, neuron: rank % places * shape[2] + Math.floor(rank / places) };
}
