/* -- what if ------------------------------------------------------------------------------- */

const wishes = [];   // { layer, neuron, time }, in the order in which they were made
let original = null;   // spike times of each layer, and the decision, as the stimulus has them

/* The run with all wishes: a neuron that the stimulus does not make fire does so at the time that is
   wished for, and at no other. */
function runWith(some) {
  const stimulus = told.slice(), thresholds = layers.map(layer => layer.own.slice());
  for (const { layer, neuron, time } of some) {
    const unit = starts[layer] + neuron;
    stimulus[unit] = time;
    if (told[unit] === Infinity) thresholds[layer][neuron] = Infinity;
  }
  const limits = new Volts(UNITS).fill(Infinity);
  thresholds.forEach((own, k) => limits.set(own, starts[k]));
  stand(asRun(simulate(stimulus, limits)), thresholds);
}

function begin() {
  if (data.circuit) runWith([]);
  else stand(recorded(), layers.map(layer => layer.own));
  original = { last: finalTime, times: layers.map((layer, k) => Float64Array.from(layer.spikes, (_, j) => firedAt(k, j))), decision };
  span = original.span = spanNow();
}

/* What is different: { layer, neuron, before, after } for each spike that moved, vanished or appeared. */
function differences() {
  const found = [];
  original.times.forEach((times, layer) => times.forEach((before, neuron) => {
    const after = firedAt(layer, neuron);
    if (before !== after) found.push({ layer, neuron, before, after });
  }));
  return found;
}
