/* -- maps ---------------------------------------------------------------------------------- */

const maps = [];
const TILE = 50, BETWEEN = 4;   // pixels of a channel, and between two

function makeMaps() {
  layers.forEach((layer, k) => { if (layer.shape) maps.push(makeMap(layer, k)); });
  $("maps").hidden = !maps.length;
  document.querySelector("main").classList.toggle("mapped", maps.length > 0);
  if (maps.length) $("mapscale").append(...scaleBar("0", lasting(original.last), STOPS).childNodes, "; silent is empty, pale is yet to come");
}

function makeMap(layer, k) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption"), canvas = document.createElement("canvas");
  const [height, width, channels] = layer.shape, inner = document.createElement("canvas");
  caption.textContent = `${layer.name} · ${layer.shape.join(" × ")}`;
  canvas.setAttribute("role", "img");
  figure.append(caption, canvas);
  $("maplist").append(figure);
  [inner.width, inner.height] = [width, height * channels];
  const map = { layer: k, shape: layer.shape, canvas, caption, inner, pen: inner.getContext("2d"), pixels: new ImageData(width, height * channels) };
  fillMap(map);
  listenToMap(map);
  return map;
}

/* The colours of this run; channels lie under each other. */
function fillMap({ layer, pixels }) {
  pixels.data.fill(0);
  layers[layer].spikes.forEach((event, j) => {
    if (event >= 0) pixels.data.set(blend(STOPS, events.time[event] / (original.last || 1)).map(Math.round), 4 * rankOf(layers[layer], j));
  });
}

/* How the channels of a map lie beside each other: as wide as there is room. */
function layMap(map) {
  const [height, width, channels] = map.shape, room = $("maps").clientWidth || 300;
  const large = channels === 1 ? 3 * TILE : TILE, side = Math.max(1, Math.floor(large / Math.max(height, width)));
  const [wide, tall] = [width * side + BETWEEN, height * side + BETWEEN];
  const columns = Math.max(1, Math.min(channels, Math.ceil(Math.sqrt(3 * channels)), Math.floor((room + BETWEEN) / wide)));
  Object.assign(map, { side, wide, tall, columns });
  return { width: columns * wide - BETWEEN, height: Math.ceil(channels / columns) * tall - BETWEEN };
}

const cornerOf = (map, channel) => [channel % map.columns * map.wide, Math.floor(channel / map.columns) * map.tall];

function drawMaps() {
  if (!maps.length) return;
  const parts = partsOfChosen();
  for (const map of maps) {
    colourMap(map);
    drawMap(map);
    for (const part of parts.get(map.layer) || []) drawPart(map, part);
    const fired = layers[map.layer].spikes.reduce((count, event) => count + (event >= 0 && event < at), 0);
    map.canvas.setAttribute("aria-label", `${map.caption.textContent}: ${fired} of ${layers[map.layer].size} have fired`);
  }
  $("place").textContent = sayPlace();
}

function colourMap({ layer, pixels, pen }) {
  const { spikes } = layers[layer];
  spikes.forEach((event, j) => { if (event >= 0) pixels.data[4 * rankOf(layers[layer], j) + 3] = event < at ? 255 : 60; });
  pen.putImageData(pixels, 0, 0);
}

function drawMap(map) {
  const { width, height } = layMap(map), ratio = window.devicePixelRatio || 1, { canvas, inner, side } = map;
  const [lines, places, channels] = map.shape, pen = map.drawing = canvas.getContext("2d");
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = look.faint;
  for (let c = 0; c < channels; c++) {
    const [x, y] = cornerOf(map, c);
    pen.fillRect(x, y, places * side, lines * side);
    pen.drawImage(inner, 0, c * lines, places, lines, x, y, places * side, lines * side);
  }
}

/* What the chosen neuron is, hears and reaches, by layer. */
function partsOfChosen() {
  const found = new Map(), { layer, neuron } = chosen, shape = layers[layer].shape;
  const start = shape ? partOf(shape, neuron) : { from: 0, to: 1, left: 0, right: 1, channel: neuron };
  const add = (k, part) => found.set(k, [...(found.get(k) || []), part]);
  if (shape) add(layer, { ...start, what: "itself" });
  for (let k = layer, part = start; layers[k].reach; k = layers[k].below) {
    part = windowOf(layers[k].reach, part);
    add(layers[k].below, { ...part, what: "hears" });
  }
  layers.forEach((above, k) => {
    if (above.reach && above.below === layer) add(k, { ...reachedBy(above.reach, start), what: "reaches" });
  });
  return found;
}

/* A frame around a part of each of its channels: light outside and dark inside, or the reverse. */
function drawPart(map, part) {
  const pen = map.drawing, channels = part.channel < 0 ? [...Array(map.shape[2]).keys()] : [part.channel];
  if (part.to <= part.from || part.right <= part.left) return;
  for (const channel of channels) {
    const [x, y] = cornerOf(map, channel);
    const box = [x + part.left * map.side, y + part.from * map.side, (part.right - part.left) * map.side, (part.to - part.from) * map.side];
    const itself = part.what === "itself", colour = itself ? look.cursor : part.what === "hears" ? look.ink : look.second;
    if (itself) { box[0] -= 2; box[1] -= 2; box[2] += 4; box[3] += 4; }   // it may be one pixel
    pen.lineWidth = 3.5; pen.strokeStyle = look.panel; pen.strokeRect(...box);
    pen.lineWidth = itself ? 2 : 1.5; pen.strokeStyle = colour;
    pen.setLineDash(part.what === "reaches" ? [3, 2] : []);
    pen.strokeRect(...box);
    pen.setLineDash([]);
  }
}

function sayPlace() {
  const { layer, neuron } = chosen, { shape, reach } = layers[layer], who = called(layer, neuron);
  const where = shape ? ` is at ${placeInWords(layer, neuron)}` : "";
  if (!reach) return shape ? `${who}${where}.` : `${who} hears all of the layer below.`;
  const { from, to, left, right, channel } = windowOf(reach, partOf(own(reach), neuron));
  const rows = from === to - 1 ? `row ${from}` : `rows ${from} to ${to - 1}`, columns = left === right - 1 ? `column ${left}` : `columns ${left} to ${right - 1}`;
  return `${who}${where || ":"}${where ? ";" : ""} it hears ${rows} and ${columns} of ${layers[layers[layer].below].name}${channel < 0 ? "" : `, channel ${channel}`}.`;
}

function placeInWords(layer, neuron) {
  const { row, column, channel } = placeOf(layers[layer].shape, neuron);
  return `row ${row}, column ${column} of channel ${channel}`;
}

/* The neuron under a place on the canvas of a map, or -1. */
function neuronAt(map, x, y) {
  const [height, width, channels] = map.shape, across = Math.floor(x / map.wide);
  const channel = Math.floor(y / map.tall) * map.columns + across;
  const [left, top] = cornerOf(map, channel), row = Math.floor((y - top) / map.side), column = Math.floor((x - left) / map.side);
  const inside = across < map.columns && channel < channels && row >= 0 && row < height && column >= 0 && column < width;
  return inside ? (row * width + column) * channels + channel : -1;
}

function listenToMap(map) {
  const { canvas, layer } = map, tip = $("maptip");
  canvas.addEventListener("click", event => {
    const neuron = neuronAt(map, event.offsetX, event.offsetY);
    if (neuron >= 0) pick(layer, neuron);
  });
  canvas.addEventListener("mousemove", event => {
    const neuron = neuronAt(map, event.offsetX, event.offsetY);
    tip.hidden = neuron < 0;
    if (tip.hidden) return;
    const spike = layers[layer].spikes[neuron];
    tip.textContent = `${called(layer, neuron)}: ${placeInWords(layer, neuron)}, ${spike < 0 ? "silent" : clock(events.time[spike])}`;
    tip.style.left = `${Math.max(0, Math.min(canvas.offsetLeft + event.offsetX + 12, $("maps").clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${canvas.offsetTop + event.offsetY - 30}px`;
  });
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
}
