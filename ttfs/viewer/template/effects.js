/* -- causes and effects of a spike ----------------------------------------------------------- */

/* The spikes that reached a neuron until it fired, as { layer, neuron, time, weight }. */
function causesOf(layer, neuron) {
  const found = explain(layer, neuron);
  return found.causes ||= Array.from(found.event, (event, k) => {
    const [source, sender] = [events.source[event], events.neuron[event]];
    return { layer: source, neuron: sender, time: firedAt(source, sender), weight: found.weight[k] };
  });
}

/* What the spike of a neuron has added to others before they fired, as { layer, neuron, time of
   arrival, weight }, ordered by size. */
function effectsOf(layer, neuron) {
  const found = explain(layer, neuron);
  if (found.effects) return found.effects;
  found.effects = [];
  const spike = layers[layer].spikes[neuron];
  if (spike < 0) return found.effects;
  layers.forEach((of, target) => {
    const arrived = of.reach ? [of.below === layer ? of.came[neuron] : -1] : of.arrivals;
    arrived.forEach((event, place) => {
      if (event < 0 || events.source[event] !== layer || events.neuron[event] !== neuron) return;
      for (const [other, weight] of reachedWith(of, event, place))
        if (events.time[event] <= firedAt(target, other)) found.effects.push({ layer: target, neuron: other, time: events.time[event], weight });
    });
  });
  return found.effects.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}

/* [neuron, weight] of all that an arrival, the `place`th at a layer, reaches there. */
function reachedWith(of, event, place) {
  const sender = events.neuron[event], neurons = Array.from({ length: of.size }, (_, j) => j);
  if (of.reach) {
    const weights = weightsOf(of), row = j => rowOfWeights(of.reach, sender, j) * of.reach.columns + j % of.reach.columns;
    return reachedInMap(of.reach, sender).map(j => [j, of.reach.pools ? 1 : weights[row(j)]]);
  }
  if (data.circuit) {
    const p = projections[events.via[event]], first = p.kind === SYNAPTIC ? events.synapse[event] : p.pointers && p.pointers[sender];
    if (p.pointers) return Array.from({ length: lastOfRow(p, sender, first) - first }, (_, k) => [p.indices[first + k], p.weights[first + k]]);
    return (p.reach ? reachedInMap(p.reach, sender) : neurons).flatMap(j => weightsAt(p, sender, 0, j).map(weight => [j, weight]));
  }
  return neurons.flatMap(j => {
    const held = of.which && of.which.subarray(of.first[j], of.first[j + 1]), k = held ? upTo(held, place) - 1 : place;
    const isThere = held ? k >= 0 && held[k] === place : k < of.first[j + 1] - of.first[j];
    return isThere ? [[j, of.weights[of.first[j] + k]]] : [];
  });
}

/* The neurons of a map that one of the map below reaches. */
function reachedInMap(reach, sender) {
  const { from, to, left, right, channel } = reachedBy(reach, partOf(below(reach), sender)), found = [];
  for (let y = from; y < to; y++) for (let x = left; x < right; x++) for (let c = 0; c < reach.columns; c++)
    if (channel < 0 || c === channel) found.push((y * reach.places + x) * reach.columns + c);
  return found;
}
