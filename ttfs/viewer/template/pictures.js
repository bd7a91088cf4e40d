/* -- the input as an image ----------------------------------------------------------------- */

const pictures = [];

function makePictures() {
  if (!data.image) { $("pictures").hidden = true; return; }
  const values = data.image.values && unpack(data.image.values);
  const latest = Math.max(1e-300, extent(original.times[0])[1]);
  const grey = j => values ? values[j] : layers[0].spikes[j] < 0 ? 0 : 255 * (1 - 0.9 * Math.min(1, firedAt(0, j) / latest));
  addPicture("Input", values ? "brightness" : "the earlier, the brighter", j => [grey(j), grey(j), grey(j), 255]);
  if (!layers[0].shape) addPicture("Latency", "", j => {
    if (layers[0].spikes[j] < 0) return [0, 0, 0, 0];
    return [...blend(STOPS, firedAt(0, j) / latest), layers[0].spikes[j] < at ? 255 : 70];
  }, ["0", lasting(latest), STOPS]);
  addPicture("Given to", "", giftOf, ["−", "+", [[0, 114, 178], [200, 200, 200], [213, 94, 0]]]);
}

function addPicture(name, note, colour, scale) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const frame = document.createElement("div"), canvas = document.createElement("canvas");
  caption.textContent = note ? `${name}: ${note}` : name;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", caption.textContent);
  canvas.width = data.image.columns;
  canvas.height = data.image.rows;
  frame.append(canvas);
  figure.append(caption, frame);
  if (scale) figure.append(scaleBar(...scale));
  canvas.addEventListener("click", event => {
    const box = canvas.getBoundingClientRect(), { rows, columns } = data.image;
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    choose(0, Math.min(rows - 1, Math.max(0, row)) * columns + Math.min(columns - 1, Math.max(0, column)));
  });
  $("pictures").append(figure);
  pictures.push({ name, canvas, caption, figure, colour });
}

function scaleBar(from, to, stops) {
  const bar = document.createElement("div");
  bar.className = "scale";
  const colours = document.createElement("i");
  colours.style.background = `linear-gradient(90deg, ${stops.map(s => `rgb(${s})`).join()})`;
  bar.append(from, colours, to);
  return bar;
}

function blend(stops, share) {
  const place = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1), k = Math.floor(place);
  return stops[k].map((value, c) => value + (place - k) * (stops[k + 1][c] - value));
}

/* What each pixel has added to the chosen neuron by now. */
let gifts = null;
function giftOf(j) {
  if (!gifts.has(j)) return [0, 0, 0, 0];
  const { up, share } = gifts.get(j);
  return [...(up ? [213, 94, 0] : [0, 114, 178]), 40 + 215 * share];
}

function readGifts() {
  const found = explain(chosen.layer, chosen.neuron);
  const end = found.heard === null ? found.fired : found.heard;
  const sizeAt = (k, time) => found.pools ? 1 : Math.abs(found.weight[k]) * risen(Math.min(time, end) - found.time[k]);
  gifts = new Map();
  gifts.most = 1e-300;
  for (let k = 0; k < found.count; k++) if (events.source[found.event[k]] === 0)
    gifts.most = Math.max(gifts.most, sizeAt(k, finalTime));
  const arrived = upTo(found.event, at - 1);
  for (let k = 0; k < arrived; k++) if (events.source[found.event[k]] === 0)
    gifts.set(events.neuron[found.event[k]], { up: found.weight[k] > 0, share: sizeAt(k, timeAt(at)) / gifts.most });
}

/* What a weight of 1 has added when so much time has passed since it arrived. */
function risen(time) {
  if (!LINES) return 1;
  return ENDLESS || WINDOWS ? time : Math.min(time / data.rise, 1);
}

function drawPictures() {
  if (!data.image) return;
  readGifts();
  for (const picture of pictures) {
    if (picture.name === "Given to") {
      picture.figure.hidden = gifts.most === 1e-300;
      picture.caption.textContent = `Given to ${called(chosen.layer, chosen.neuron)}`;
      picture.canvas.setAttribute("aria-label", `${picture.caption.textContent}: ${LINES ? "what the pixels have added" : "weights of the pixels that have reached it"}`);
    }
    const pen = picture.canvas.getContext("2d"), { rows, columns } = data.image;
    const pixels = pen.createImageData(columns, rows);
    for (let j = 0; j < rows * columns; j++) pixels.data.set(picture.colour(j).map(Math.round), 4 * j);
    pen.putImageData(pixels, 0, 0);
  }
}
