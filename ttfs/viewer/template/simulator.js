/* -- a stimulus run anew: one event after the other -------------------------------------------

The order is (time, layer, kind, neuron): arrivals, ends of ramps, spikes. It is the simulator of
`ttfs` once more, with the same sums in the same order and precision. What an event does to
potentials, and who fires next, is known to `steps` and `ramps`. */

const NOBODY = [Infinity, -1, -1];
const ARRIVES = 0, ENDS = 1;   // kinds of what is on its way

/* All events of a run. stimulus: when each unit is made to fire; limits: their thresholds. */
function simulate(stimulus, limits) {
  const response = RAMPS ? ramps : steps, log = { time: [], kind: [], layer: [], neuron: [], via: [], synapse: [] };
  const s = {
    clock: 0, stimulus, limits, response, spikes: new Times(UNITS).fill(Infinity),
    order: inOrder(stimulus), next: 0, fired: layers.map(() => []), heap: [],
    heads: [ARRIVES, ENDS].map(() => new Int32Array(projections.length)),   // the source's spike that comes next
  };
  response.begin(s);
  for (;;) {
    const event = upcoming(s);
    if (event.kind === null) return log;
    for (const name in log) log[name].push(event[name]);
    s.clock = event.time;
    if (event.kind !== "spike") { arrive(s); continue; }
    if (event.via < -1) s.next++;
    response.send(s, event.layer, event.neuron, event.via < -1);
  }
}

/* The units that the stimulus makes fire, by time and then by number. */
function inOrder(stimulus) {
  const found = [];
  stimulus.forEach((time, unit) => { if (time < HORIZON) found.push(unit); });
  return found.sort((a, b) => stimulus[a] - stimulus[b] || a - b);
}

/* The next event. via: the projection of an arrival; -1 for a spike, -2 if the stimulus says so. */
function upcoming(s) {
  let event = { kind: null, time: Infinity, layer: -1, neuron: -1, via: -1, synapse: 0 };
  const top = s.heap[0];
  if (top) event = { ...top, kind: top.rank % 2 ? "end" : "arrival", layer: top.rank >> 1 };
  const [when, owner, first] = s.response.ready(s), spike = { kind: "spike", via: -1, synapse: 0 };
  if (when < event.time || when === event.time && owner < event.layer)
    event = { ...spike, time: when, layer: owner, neuron: first };
  while (s.next < s.order.length && s.spikes[s.order[s.next]] < Infinity) s.next++;
  if (s.next === s.order.length) return event;
  const unit = s.order[s.next], time = s.stimulus[unit], layer = upTo(starts, unit) - 1, neuron = unit - starts[layer];
  const before = layer < event.layer || layer === event.layer && event.kind === "spike" && neuron < event.neuron;
  return time < event.time || time === event.time && before ? { ...spike, time, layer, neuron, via: -2 } : event;
}

/* -- what is on its way */

function earlier(a, b) {
  return a.time - b.time || a.rank - b.rank || a.neuron - b.neuron || a.via - b.via || a.synapse - b.synapse;
}

function push(s, entry) {
  const { heap } = s;
  let place = heap.push(entry) - 1;
  while (place > 0) {
    const above = (place - 1) >> 1;
    if (earlier(heap[above], entry) <= 0) break;
    heap[place] = heap[above];
    place = above;
  }
  heap[place] = entry;
}

function pop(s) {
  const { heap } = s, entry = heap.pop(), size = heap.length;
  if (!size) return;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child + 1 < size && earlier(heap[child + 1], heap[child]) < 0) child++;
    if (child >= size || earlier(heap[child], entry) >= 0) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = entry;
}

/* When a spike arrives: where a loop could close later than it was fired, if only by the least step. */
function landing(p, spiked, delay) {
  const arrival = roundTime(spiked + delay);
  return arrival === spiked && p.target <= p.source ? after(arrival) : arrival;
}

const bits = new DataView(new ArrayBuffer(8));

/* The next larger time. */
function after(time) {
  if (data.singleTimes) {
    bits.setFloat32(0, time || 0);
    bits.setInt32(0, bits.getInt32(0) + 1);
    return bits.getFloat32(0);
  }
  bits.setFloat64(0, time || 0);
  bits.setBigInt64(0, bits.getBigInt64(0) + 1n);
  return bits.getFloat64(0);
}

/* Queue what a spike brings, unless the horizon comes first. */
function send(s, p, kind, neuron, synapse, delay) {
  let time = landing(p, s.spikes[starts[p.source] + neuron], delay);
  if (kind === ENDS) time = roundTime(time + rise);
  if (time < HORIZON) push(s, { time, rank: 2 * p.target + kind, neuron, via: p.number, synapse });
}

/* A neuron fires now. What it brings is queued, unless an earlier spike of its layer is before it. */
function fire(s, layer, neuron) {
  const unit = starts[layer] + neuron, place = s.fired[layer].push(neuron) - 1;
  s.spikes[unit] = s.clock;
  s.limits[unit] = Infinity;
  for (const p of outgoing[layer]) {
    const first = p.kind === SYNAPTIC ? p.pointers[neuron] : 0;
    if (p.kind === SYNAPTIC && first === p.pointers[neuron + 1]) continue;
    if (p.kind === MAPPED && p.apart && !reachesAny(p.reach, neuron)) continue;
    const delay = p.delays[p.kind === SYNAPTIC ? first : p.apart ? neuron : 0];
    const kinds = RAMPS && !ENDLESS && !(p.reach && p.reach.pools) ? [ARRIVES, ENDS] : [ARRIVES];
    for (const kind of kinds) if (p.apart || s.heads[kind][p.number] === place) send(s, p, kind, neuron, first, delay);
  }
}

/* The next of its kind along a projection with one delay. */
function advance(s, p, kind) {
  const neuron = s.fired[p.source][++s.heads[kind][p.number]];
  pop(s);
  if (neuron !== undefined) send(s, p, kind, neuron, 0, p.delays[0]);
}

/* -- an arrival, or the end of a ramp */

function arrive(s) {
  const { time, rank, neuron, via, synapse } = s.heap[0], p = projections[via], kind = rank % 2;
  const sign = kind === ENDS ? -1 : 1, { response } = s;
  if (p.kind === SYNAPTIC) {
    const last = lastOfRow(p, neuron, synapse);
    pop(s);
    if (last < p.pointers[neuron + 1]) send(s, p, kind, neuron, last, p.delays[last]);
    response.addSynapses(s, p, synapse, last, sign);
  } else if (p.kind === SPARSE) {
    response.addSynapses(s, p, p.pointers[neuron], p.pointers[neuron + 1], sign);
  } else if (p.kind === DENSE) {
    response.reachAll(s, p.target);
    response.addRow(s, p, starts[p.target], neuron * p.columns, sign);
  } else {
    deliverMap(s, p, neuron, sign);
  }
  if (p.kind === MAPPED && p.apart) pop(s);
  else if (p.kind !== SYNAPTIC) advance(s, p, kind);
  const top = s.heap[0];
  if (!top || top.time !== time || top.rank >> 1 !== p.target) response.settle(s, p.target);
}

function deliverMap(s, p, neuron, sign) {
  const { reach } = p, { from, to, left, right } = reachedBy(reach, partOf(below(reach), neuron));
  for (let y = from; y < to; y++) for (let x = left; x < right; x++) {
    const position = y * reach.places + x, unit = s.response.reachPosition(s, p, position);
    if (reach.pools) s.response.takeFirst(s, unit + neuron % reach.channels);
    else s.response.addRow(s, p, unit, rowOfWeights(reach, neuron, position * p.columns) * p.columns, sign);
  }
}
