"use strict";

/* -- what the page holds ------------------------------------------------------------------ */

const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };

const REACH = ["height", "width", "channels", "tall", "broad", "down", "across", "top", "left", "lines", "places", "columns", "pools"];

function unpack(packed) {
  const text = atob(packed.data), bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return new TYPES[packed.type](bytes.buffer);
}

const Volts = data.single ? Float32Array : Float64Array, Times = data.singleTimes ? Float32Array : Float64Array;
const round = data.single ? Math.fround : value => value;   // as the network's numbers are
const roundTime = data.singleTimes ? Math.fround : value => value;
const RAMPS = data.rise !== 0, ENDLESS = data.rise === null, rise = data.rise || 1;   // endless: a weight is a slope
const WINDOWS = data.windows && { ...data.windows, biases: data.windows.biases.map(unpack) };
const LINES = RAMPS || WINDOWS;   // between events potentials go along lines
const HALF = data.single ? 2 ** -24 : 2 ** -53;   // of a last digit of 1
const HORIZON = data.horizon === null ? Infinity : data.horizon;

const layers = data.layers.map(readLayer);
const LAST = layers.length - 1;
if (data.record) data.record.layers.forEach(readRecord);

function readLayer(given) {
  const thresholds = unpack(given.thresholds);
  return {
    name: given.name, size: given.size, shape: given.shape, pools: given.pools, below: given.below,
    reach: given.reach ? named(given.reach) : null,   // of a map that hears one layer
    own: Volts.from({ length: given.size }, (_, j) => thresholds[j % thresholds.length]),
    thresholds: null,   // the same but for what is asked
  };
}

function named(reach) {
  return Object.fromEntries(REACH.map((name, k) => [name, reach[k]]));
}

/* The weights that were added to a layer in the run that the page holds. */
function readRecord(given, k) {
  const layer = layers[k];
  layer.weights = readWeights(given.weights);
  if (layer.reach) return;
  layer.first = new Int32Array(layer.size + 1);
  unpack(given.counts).forEach((count, j) => { layer.first[j + 1] = layer.first[j] + count; });
  layer.which = given.which && unpack(given.which);
}

/* Weights, some of which take one bit each. */
function readWeights({ size, bits }) {
  const found = unpack(bits);
  if (size === null) return found;
  return Volts.from({ length: 8 * found.length }, (_, k) => found[k >> 3] >> (7 - (k & 7)) & 1 ? size : -size);
}
