/* -- the run that the page shows ----------------------------------------------------------- */

let events, COUNT, PLACES, finalTime, span, spikeEvents, endOf, spikeCounts, decision;
const known = new Map();   // what has been asked about neurons

/* A run as typed arrays, of which events are the places. */
function asRun(log) {
  const count = log.time.length;
  const run = {
    time: Float64Array.from(log.time), spike: new Uint8Array(count), given: new Uint8Array(count), layer: Int32Array.from(log.layer),
    neuron: Int32Array.from(log.neuron), source: new Int32Array(count).fill(-1), began: new Int32Array(count).fill(-1),
    via: Int32Array.from(log.via), synapse: Int32Array.from(log.synapse),
  };
  const arrived = projections.map(() => new Map());
  log.kind.forEach((kind, k) => {
    if (kind === "spike") { run.spike[k] = 1; run.given[k] = log.via[k] < -1 ? 1 : 0; return; }
    const p = projections[log.via[k]], key = p.kind === SYNAPTIC ? log.synapse[k] : log.neuron[k];
    run.source[k] = p.source;
    if (kind === "arrival") arrived[p.number].set(key, k);
    else run.began[k] = arrived[p.number].get(key);
  });
  return run;
}

/* The run of a page that holds one. */
function recorded() {
  const { layers: _, ...kept } = data.record, run = Object.fromEntries(Object.entries(kept).map(([k, v]) => [k, v && unpack(v)]));
  run.began ||= new Int32Array(run.time.length).fill(-1);   // nothing ends
  return run;
}

/* Show a run, in which neurons have these thresholds. */
function stand(run, thresholds) {
  events = run;
  COUNT = run.time.length;
  known.clear();
  spikeEvents = [];
  endOf = new Int32Array(COUNT).fill(-1);   // of arrivals: when their ramps end
  layers.forEach((layer, k) => {
    layer.thresholds = thresholds[k];
    layer.spikes = new Int32Array(layer.size).fill(-1);   // the event at which each neuron fired
    layer.arrivals = [];
    if (layer.reach) layer.came = new Int32Array(layer.reach.height * layer.reach.width * layer.reach.channels).fill(-1);
  });
  for (let k = 0; k < COUNT; k++) {
    const layer = layers[run.layer[k]];
    if (run.spike[k]) { layer.spikes[run.neuron[k]] = k; spikeEvents.push(k); }
    else if (run.began[k] >= 0) endOf[run.began[k]] = k;
    else if (layer.reach) layer.came[run.neuron[k]] = k;
    else layer.arrivals.push(k);
  }
  // Ramps rise on after the last event: there is one more place to stand, the horizon.
  PLACES = COUNT + (RAMPS && data.horizon !== null ? 1 : 0);
  finalTime = timeAt(PLACES);
  spikeCounts = layers.map(layer => {
    const fired = layer.spikes.filter(event => event >= 0).length;
    return `${layer.name}: ${many(fired, "spike")} of ${many(layer.size, "neuron")}`;
  }).join("; ");
  decision = data.decides ? decide() : null;
}

const timeAt = place => place > COUNT ? data.horizon : place ? events.time[place - 1] : 0;
const firedAt = (layer, neuron) => layers[layer].spikes[neuron] < 0 ? Infinity : events.time[layers[layer].spikes[neuron]];

/* The output that fires first; of several the one with the largest potential, and then the first of
   those. Where none fires, the one with the largest potential. */
function decide() {
  const all = Array.from({ length: layers[LAST].size }, (_, j) => explain(LAST, j));
  const time = Math.min(...all.map(found => found.fired)), first = all.filter(found => found.fired === time);
  const best = Math.max(...first.map(inTheEnd));
  const label = first.find(found => !(inTheEnd(found) < best)).neuron;
  return { label, isTied: time < Infinity && first.length > 1, event: time < Infinity ? layers[LAST].spikes[label] : -1, time };
}

const inTheEnd = found => found.fired < Infinity ? found.last
  : level(found, found.changes.length, data.horizon === null ? finalTime : data.horizon);

/* The output that comes next after `neuron` by time, then by potential. */
function runnerUp(neuron) {
  let best = -1;
  for (let j = 0; j < layers[LAST].size; j++)
    if (j !== neuron && (best < 0 || ahead(explain(LAST, j), explain(LAST, best)))) best = j;
  return best;
}

function ahead(a, b) {
  if (a.fired !== b.fired) return a.fired < b.fired;
  return a.last > b.last;
}
