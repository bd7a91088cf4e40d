/* -- a stimulus run anew: potentials that go along lines --------------------------------------

In units in which a ramp rises by its weight in a unit of time, a potential is slope * t - (total -
threshold), so its line meets the threshold at total / slope. With ramps that end, `rest` decides
where a line is at the threshold but for its roundings. */

const REACHED = 1, THERE = 2, SHORT = 4, DUE = 8;   // flags of units

const ramps = {
  begin(s) {
    for (const name of ["slope", "total", "summed", "bulk"]) s[name] = new Volts(UNITS);
    s.limits.forEach((limit, unit) => {
      if (limit < Infinity) [s.total[unit], s.bulk[unit]] = [round(limit * round(rise)), limit];
    });
    s.crossing = new Times(UNITS).fill(Infinity);   // when each fires if nothing more comes
    s.least = new Times(UNITS / BLOCK).fill(Infinity);   // the first of these times of each block,
    s.stale = new Uint8Array(UNITS / BLOCK);   // unless it has changed
    s.soonest = new Int32Array(layers.length);   // the neuron of each layer that crosses first,
    s.chosen = -1;   // and the layer in which that is first
    s.flags = new Uint8Array(UNITS);
    [s.rowed, s.listed, s.asked, s.resting] = [false, [], [], 0];
  },
  reachAll(s, target) {
    if (!ENDLESS && !s.rowed) askSome(s, target, 0, layers[target].size);
    s.rowed = true;
  },
  reachPosition(s, p, position) {
    const alone = groups[p.target] > 0, first = position * p.columns, unit = starts[p.target] + first;
    const isNew = alone ? !(s.flags[unit] & REACHED) : !s.rowed;
    if (!ENDLESS && isNew) askSome(s, p.target, alone ? first : 0, alone ? first + p.columns : layers[p.target].size);
    if (!alone) s.rowed = true;
    else if (isNew) { s.flags[unit] |= REACHED; s.listed.push(first); }
    return unit;
  },
  takeFirst(s, unit) {
    if (!(s.limits[unit] < Infinity && s.crossing[unit] > s.clock)) return;
    setCrossing(s, unit, s.clock);
    s.flags[unit] = s.flags[unit] & ~(THERE | SHORT) | DUE;
    s.total[unit] = 0;
    s.summed[unit] = s.limits[unit];
  },
  addRow(s, { weights, columns }, unit, first, sign) {
    const { slope, total, bulk, summed } = s, time = round(s.clock);
    for (let j = 0; j < columns; j++) {
      const weight = sign * weights[first + j];
      slope[unit + j] += weight;
      total[unit + j] += round(weight * time);
      if (ENDLESS) continue;
      bulk[unit + j] += Math.abs(weight);
      if (sign > 0) summed[unit + j] += weight;
    }
  },
  addSynapses(s, p, first, last, sign) {
    const time = round(s.clock);
    for (let k = first; k < last; k++) {
      const neuron = p.indices[k], unit = starts[p.target] + neuron, weight = sign * p.weights[k];
      if (!ENDLESS) {
        if (!(s.rowed || s.flags[unit] & REACHED)) ask(s, p.target, neuron);
        s.bulk[unit] += Math.abs(weight);
        if (sign > 0) s.summed[unit] += weight;
      }
      s.slope[unit] += weight;
      s.total[unit] += round(weight * time);
      if (!(s.flags[unit] & REACHED)) { s.flags[unit] |= REACHED; s.listed.push(neuron); }
    }
  },
  settle(s, layer) {
    const start = starts[layer], group = groups[layer] || 1;
    if (!ENDLESS && s.resting) letFire(s);
    if (s.rowed) for (let j = 0; j < layers[layer].size; j++) foresee(s, start + j);
    else for (const first of s.listed) for (let j = first; j < first + group; j++) foresee(s, start + j);
    for (const j of s.listed) s.flags[start + j] &= ~REACHED;
    [s.rowed, s.listed] = [false, []];
    findSoonest(s, layer);
    wait(s, layer);
  },
  ready(s) {
    if (s.chosen < 0) return NOBODY;
    const neuron = s.soonest[s.chosen];
    return [s.crossing[starts[s.chosen] + neuron], s.chosen, neuron];
  },
  send(s, layer, neuron) {
    const unit = starts[layer] + neuron;
    setCrossing(s, unit, Infinity);
    s.flags[unit] &= ~DUE;
    fire(s, layer, neuron);
    if (s.soonest[layer] !== neuron) return;
    findSoonest(s, layer);
    wait(s, layer);
  },
};

function setCrossing(s, unit, time) {
  if (s.crossing[unit] === time) return;
  s.crossing[unit] = time;
  s.stale[Math.floor(unit / BLOCK)] = 1;
}

/* When a unit fires if nothing more comes; a line that has brought it there does not count any more. */
function foresee(s, unit) {
  const now = s.clock, canFire = s.limits[unit] < Infinity;
  if (s.crossing[unit] <= now) return;
  let time = Infinity;
  if (!ENDLESS && isSound(s, unit) && roundTime(now + rise) === now) {   // ramps so short are jumps
    if (canFire && s.summed[unit] >= s.limits[unit]) time = now;
  } else if (canFire && s.slope[unit] > 0) {
    time = Math.max(now, roundTime(round(s.total[unit] / s.slope[unit])));
    if (!(time <= latest(now))) time = Infinity;
  }
  setCrossing(s, unit, time);
}

/* Look for the first crossing of a layer, of equal ones that of the first neuron. */
function findSoonest(s, layer) {
  const { crossing, least, stale } = s, first = starts[layer] / BLOCK, last = starts[layer + 1] / BLOCK;
  let best = first;
  for (let block = first; block < last; block++) {
    if (stale[block]) {
      let time = Infinity;
      for (let unit = block * BLOCK; unit < (block + 1) * BLOCK; unit++) if (crossing[unit] < time) time = crossing[unit];
      [least[block], stale[block]] = [time, 0];
    }
    if (least[block] < least[best]) best = block;
  }
  let unit = best * BLOCK;
  while (crossing[unit] !== least[best]) unit++;
  s.soonest[layer] = unit - starts[layer];
}

/* See to it that the first crossing of a layer need not be postponed; note the layer that is next. */
function wait(s, layer) {
  while (!ENDLESS) {
    const neuron = s.soonest[layer], unit = starts[layer] + neuron;
    if (s.crossing[unit] === Infinity || s.flags[unit] & DUE || !postpone(s, layer, neuron, false)) break;
    findSoonest(s, layer);
  }
  s.chosen = -1;
  let best = HORIZON;
  s.soonest.forEach((neuron, k) => {
    const time = s.crossing[starts[k] + neuron];
    if (time < best) [s.chosen, best] = [k, time];
  });
}
