/* -- colours and canvases ------------------------------------------------------------------ */

/* Okabe and Ito's colours, for a dark background the lighter ones of the same hues. */
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DARK = ["#56b4e9", "#e69f00", "#19c795", "#e59bc2", "#f0e442", "#8fd0f5"];
const STOPS = [[255, 234, 70], [207, 184, 98], [143, 135, 119], [75, 84, 109], [0, 44, 105]];
const dark = () => document.documentElement.dataset.theme === "dark";
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let look = {};

function readLook() {
  const names = ["panel", "edge", "ink", "quiet", "faint", "well", "focus", "cursor", "shade", "first", "second", "excites", "inhibits"];
  look = Object.fromEntries(names.map(name => [name, css("--" + name)]));
}

function colourOf(layer) {
  const colours = dark() ? DARK : LIGHT;
  return layer === 0 ? look.ink : colours[(layer - 1) % colours.length];
}

/* A cleared canvas whose unit is the page's pixel. */
function clear(canvas, height) {
  const width = canvas.parentElement.clientWidth || 300, ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  pen.lineWidth = 1;
  return { pen, width, height };
}

function line(pen, x, y, toX, toY, colour, dash = []) {
  pen.strokeStyle = colour;
  pen.setLineDash(dash);
  pen.beginPath(); pen.moveTo(x, y); pen.lineTo(toX, toY); pen.stroke();
  pen.setLineDash([]);
}

function write(pen, text, x, y, colour, align = "left", most = Infinity) {
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  while (text.length > 2 && pen.measureText(text).width > most) text = text.slice(0, -2) + "…";
  pen.fillText(text, x, y);
}

/* The least and the largest finite number. */
function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
}

/* Round numbers between two others, about `count` of them. */
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1) || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * size).find(s => s >= raw * 0.999) || size;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}
