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

const events = Object.fromEntries(Object.entries(data.events).map(([k, v]) => [k, v && unpack(v)]));
const COUNT = events.time.length;
events.began ||= new Int32Array(COUNT).fill(-1);   // nothing ends
const layers = data.layers.map(readLayer);
const LAST = layers.length - 1;
const round = data.single ? Math.fround : value => value;   // as the network's numbers are
const roundTime = data.singleTimes ? Math.fround : value => value;
const RAMPS = data.rise !== 0, ENDLESS = data.rise === null, rise = data.rise || 1;   // endless: a weight is a slope
const WINDOWS = data.windows && { ...data.windows, biases: data.windows.biases.map(unpack) };
const LINES = RAMPS || WINDOWS;   // between events potentials go along lines
const HALF = data.single ? 2 ** -24 : 2 ** -53;   // of a last digit of 1
const spikeEvents = [], endOf = new Int32Array(COUNT).fill(-1);   // of arrivals: when their ramps end

function readLayer(given) {
  const layer = {
    name: given.name, size: given.size, shape: given.shape, pools: given.pools, reach: null,
    thresholds: unpack(given.thresholds), weights: unpack(given.weights.bits), magnitude: given.weights.size,
    arrivals: [],
    spikes: new Int32Array(given.size).fill(-1),   // the event at which each neuron fired
  };
  if (given.reach) return readMap(layer, given);
  const counts = unpack(given.counts), first = layer.first = new Int32Array(given.size + 1);
  counts.forEach((count, j) => { first[j + 1] = first[j] + count; });
  layer.which = given.which && unpack(given.which);
  return layer;
}

/* A layer that hears another one through windows: whom its inputs reach, and when they came. */
function readMap(layer, given) {
  const { thresholds } = layer;
  layer.reach = Object.fromEntries(REACH.map((name, k) => [name, given.reach[k]]));
  layer.below = given.below;
  layer.thresholds = layer.thresholds.constructor.from({ length: given.size }, (_, j) => thresholds[j % thresholds.length]);
  layer.came = new Int32Array(layer.reach.height * layer.reach.width * layer.reach.channels).fill(-1);
  return layer;
}

for (let k = 0; k < COUNT; k++) {
  const layer = layers[events.layer[k]];
  if (events.spike[k]) { layer.spikes[events.neuron[k]] = k; spikeEvents.push(k); }
  else if (events.began[k] >= 0) endOf[events.began[k]] = k;
  else if (layer.reach) layer.came[events.neuron[k]] = k;
  else layer.arrivals.push(k);
}

/* Ramps rise on after the last event: there is one more place to stand, the horizon. */
const PLACES = COUNT + (RAMPS && data.horizon !== null ? 1 : 0);
const timeAt = place => place > COUNT ? data.horizon : place ? events.time[place - 1] : 0;
const finalTime = timeAt(PLACES);

function weightAt(layer, k) {
  if (layer.magnitude === null) return layer.weights[k];
  const up = layer.weights[k >> 3] >> (7 - (k & 7)) & 1;
  return up ? layer.magnitude : -layer.magnitude;
}
