/* -- the synapses with which the page runs a stimulus anew ----------------------------------- */

const DENSE = 0, SPARSE = 1, SYNAPTIC = 2, MAPPED = 3;   // kinds of projection
const BLOCK = 32;   // a layer begins at a multiple of this
const starts = [0];   // the first unit of each layer; a unit is a neuron's place among all
for (const { size } of layers) starts.push(Math.ceil((starts[starts.length - 1] + size) / BLOCK) * BLOCK);
const UNITS = starts[starts.length - 1];

const projections = data.circuit ? data.circuit.projections.map(readProjection) : [];
const incoming = layers.map((_, k) => projections.filter(p => p.target === k));
const outgoing = layers.map((_, k) => projections.filter(p => p.source === k));
const groups = layers.map((_, k) => groupOf(incoming[k]));   // neurons of a position, or 0
const told = data.circuit ? readStimulus(unpack(data.circuit.stimulus)) : null;

function readProjection(given, number) {
  const { source, target, kind } = given, reach = given.reach ? named(given.reach) : null;
  const columns = reach ? reach.columns : layers[target].size, own = readWeights(given.weights);
  const held = given.rows && unpack(given.rows);   // the only inputs whose weights are here
  const p = {
    number, source, target, kind, apart: Boolean(given.apart), reach, columns, held,
    weights: held ? spread(own, held, columns, layers[source].size) : own, delays: unpack(given.delays),
  };
  if (kind === SPARSE || kind === SYNAPTIC) readRows(p, given);
  return p;
}

/* Rows of synapses, each of which reaches all in order if they are not listed; and their delays, of
   which there may be one for each row. */
function readRows(p, { pointers, indices }) {
  const inputs = layers[p.source].size;
  p.pointers = pointers ? unpack(pointers) : Int32Array.from({ length: inputs + 1 }, (_, k) => k * p.columns);
  p.indices = indices ? unpack(indices) : Int32Array.from({ length: inputs * p.columns }, (_, k) => k % p.columns);
  const count = p.pointers[inputs], { delays } = p;
  if (p.kind !== SYNAPTIC || delays.length === count) return;
  p.delays = new Float64Array(count);
  delays.forEach((delay, k) => p.delays.fill(delay, p.pointers[k], p.pointers[k + 1]));
}

/* All rows, of which those that are not held are 0. */
function spread(rows, held, columns, inputs) {
  const found = new Volts(inputs * columns);
  held.forEach((input, k) => found.set(rows.subarray(k * columns, (k + 1) * columns), input * columns));
  return found;
}

function groupOf(reaching) {
  const columns = new Set(reaching.map(p => p.reach ? p.reach.columns : 0));
  return columns.size === 1 ? [...columns][0] : 0;
}

/* When the stimulus says that units fire. */
function readStimulus(times) {
  const found = new Times(UNITS).fill(Infinity);
  let first = 0;
  layers.forEach(({ size }, k) => { found.set(times.subarray(first, first + size), starts[k]); first += size; });
  return found;
}

/* Whether the page knows what a neuron adds to others when it fires. */
const isHeld = (layer, neuron) => outgoing[layer].every(p => !p.held || p.held.includes(neuron));

/* The weights with which the arrival of a spike reaches a neuron. */
function weightsAt(p, sender, synapse, neuron) {
  if (p.kind === DENSE) return [p.weights[sender * p.columns + neuron]];
  if (p.kind === MAPPED) {
    if (!hears(p.reach, sender, neuron)) return [];
    return [p.reach.pools ? 1 : p.weights[rowOfWeights(p.reach, sender, neuron) * p.columns + neuron % p.columns]];
  }
  const found = [], first = p.kind === SYNAPTIC ? synapse : p.pointers[sender];
  for (let k = first; k < lastOfRow(p, sender, first); k++) if (p.indices[k] === neuron) found.push(p.weights[k]);
  return found;
}

/* After the last synapse that an arrival reaches: where each has its own delay, of those with one. */
function lastOfRow(p, sender, first) {
  let last = p.pointers[sender + 1];
  if (p.kind !== SYNAPTIC) return last;
  for (last = first + 1; last < p.pointers[sender + 1] && p.delays[last] === p.delays[first];) last++;
  return last;
}
