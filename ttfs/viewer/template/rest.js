/* -- a stimulus run anew: where a potential just reaches its threshold ------------------------

Where a line is at the threshold but for its roundings, pairs of numbers, of which the second holds
what rounding took from the first, add up the ramps that still rise as if nothing was rounded. */

const DOUBT = 32, BIASED = 8, SOLID = 64, NOISE = 2 ** -90, LONGER = 1 + 2 ** -10, SPLITTER = 2 ** 27 + 1;
const EPSILON = Math.max(data.single ? 2 ** -23 : 2 ** -52, data.singleTimes ? 2 ** -23 : 2 ** -52);
const shares = layers.map((_, k) => (DOUBT + inputsOf(k) / BIASED) * EPSILON);

function inputsOf(layer) {
  const counts = incoming[layer].map(p => p.reach ? p.reach.tall * p.reach.broad * p.reach.channels : layers[p.source].size);
  return counts.reduce((sum, count) => sum + count, 0);
}

function twoSum(a, b) {
  const found = a + b, rest = found - a;
  return [found, (a - (found - rest)) + (b - rest)];
}

function twoProduct(a, b) {
  const found = a * b, c = SPLITTER * a, d = SPLITTER * b, aHigh = c - (c - a), bHigh = d - (d - b);
  const aLow = a - aHigh, bLow = b - bHigh;
  return [found, aLow * bLow - (((found - aHigh * bHigh) - aLow * bHigh) - aHigh * bLow)];
}

const latest = since => ENDLESS ? Infinity : since + LONGER * rise;   // by then all ramps have ended
const isSound = (s, unit) => Math.abs(s.total[unit]) < Infinity && s.bulk[unit] < Infinity;   // no sum has overflown
const isSolid = (s, unit) => round(s.slope[unit] * SOLID) > s.bulk[unit];   // a slope is not what rounding left
const doubt = (layer, time) => round(shares[layer] * (time + rise));   // what roundings come to, for each unit of bulk

/* When a spike arrives, and when its ramp ends. */
function spanOf(s, p, sender, synapse) {
  const delay = p.delays[p.kind === SYNAPTIC ? synapse : p.apart ? sender : 0];
  const arrival = landing(p, s.spikes[starts[p.source] + sender], delay);
  return { arrival, end: roundTime(arrival + rise) };
}

/* Calls `take` with every ramp that rises at a neuron; isAhead: of the events of this instant. */
function eachRising(s, layer, neuron, isAhead, take) {
  for (const p of incoming[layer]) {
    const first = p.apart ? 0 : s.heads[ENDS][p.number], last = p.apart ? s.fired[p.source].length : s.heads[ARRIVES][p.number];
    for (let k = first; k < last; k++) {
      const sender = s.fired[p.source][k];
      for (const [weight, synapse] of synapsesAt(p, sender, neuron)) {
        const { arrival, end } = spanOf(s, p, sender, synapse);
        if (weight !== 0 && (!p.apart || isRising(s, p, sender, synapse, arrival, end, isAhead))) take(weight, arrival, end);
      }
    }
  }
}

/* [weight, synapse] of each synapse of a sender at a neuron; a pool has none. */
function synapsesAt(p, sender, neuron) {
  if (p.kind === DENSE || p.kind === MAPPED) return p.reach && p.reach.pools ? [] : weightsAt(p, sender, 0, neuron).map(w => [w, 0]);
  const found = [];
  for (let k = p.pointers[sender]; k < p.pointers[sender + 1]; k++) if (p.indices[k] === neuron) found.push([p.weights[k], k]);
  return found;
}

function isRising(s, p, sender, synapse, arrival, end, isAhead) {
  const now = s.clock;
  if (!(end > now || end === now && isAhead)) return false;
  if (arrival !== now) return arrival < now;
  const comes = s.heap.some(e => e.rank === 2 * p.target && e.neuron === sender && e.via === p.number && e.synapse <= synapse);
  return !(isAhead || comes);
}

/* What rises at a neuron and came after an origin, which is a pair of numbers: products of weight
   and time, their size, the slope, and when the first of them ends. */
function weigh(s, layer, neuron, origin, isAhead) {
  let high = 0, low = 0, size = 0, slope = 0, first = Infinity;
  eachRising(s, layer, neuron, isAhead, (weight, arrival, end) => {
    let [since, lost] = origin[0] < Infinity ? twoSum(arrival, -origin[0]) : [0, 0];
    lost -= origin[1];
    if (since + lost > 0) {
      const [product, rest] = twoProduct(weight, since), [sum, error] = twoSum(high, product);
      [high, low, size] = [sum, low + (error + (rest + weight * lost)), size + Math.abs(product)];
    }
    [slope, first] = [slope + weight, Math.min(first, end)];
  });
  return { high, low, size, slope, end: first };
}

/* How far the potential is over the threshold, times the rise; 0 if at it. */
function excess(s, unit, { high, low, size }) {
  const [above, lost] = twoSum(s.summed[unit], -s.limits[unit]), [product, rest] = twoProduct(above, rise);
  const [sum, error] = twoSum(product, -high), found = sum + (error + (rest + lost * rise) - low);
  return Math.abs(found) <= NOISE * (size + Math.abs(product)) ? 0 : found;
}

/* The arrival, later than `past`, of a neuron's first ramp to end from `time` to `last`; or Infinity. */
function endInDoubt(s, layer, neuron, time, last, past, isAhead) {
  let found = Infinity;
  eachRising(s, layer, neuron, isAhead, (weight, arrival, end) => {
    if (end >= time && end <= last && arrival > past && arrival < found) found = arrival;
  });
  return found;
}

/* Let a neuron wait whose line says too early that it fires; whether it has to. */
function postpone(s, layer, neuron, isAhead) {
  const unit = starts[layer] + neuron, before = s.crossing[unit], steep = s.slope[unit] > 0;
  const last = steep ? before + round(doubt(layer, before) * s.bulk[unit]) / s.slope[unit] : Infinity;
  if (!(isAhead || mayEnd(s, layer, last) || !isSolid(s, unit)) || !isSound(s, unit)) return false;
  const start = endInDoubt(s, layer, neuron, before, last, -Infinity, isAhead);
  const rising = weigh(s, layer, neuron, [start, 0], isAhead);
  if (!(start < Infinity || rising.end === Infinity)) return false;
  const meets = roundTime(meeting(rising, excess(s, unit, rising), s.clock));
  if (meets > before) setCrossing(s, unit, meets);
  return meets > before;
}

/* Whether a ramp may end at a layer by then. */
function mayEnd(s, layer, last) {
  return incoming[layer].some(p => {
    const place = s.heads[ENDS][p.number];
    return p.apart || place < s.heads[ARRIVES][p.number] && spanOf(s, p, s.fired[p.source][place], 0).end <= last;
  });
}

/* When a line meets the threshold that is `over` it when the first ramp ends. */
function meeting({ slope, end }, over, since) {
  if (!(over >= 0)) return Infinity;
  if (end === Infinity) return since;
  return over === 0 || !(slope > 0) ? end : Math.max(since, end - over / slope);
}

/* Before an instant changes its line: note whether a neuron is at its threshold. */
function ask(s, layer, neuron) {
  const unit = starts[layer] + neuron, now = s.clock;
  if (!(s.limits[unit] < Infinity && isSound(s, unit))) return;
  const fires = s.crossing[unit] === now;
  if (fires) postpone(s, layer, neuron, true);
  const gap = round(s.total[unit] - round(s.slope[unit] * round(now)));
  const isClose = gap <= round(doubt(layer, now) * s.bulk[unit]);
  if (s.crossing[unit] === now || s.crossing[unit] > now && isClose) {
    s.flags[unit] |= isThere(s, layer, neuron) ? THERE : SHORT;
    s.asked.push([layer, unit]);
    s.resting++;
  } else if (fires) s.resting++;
}

/* The same for those neurons of a layer that no event of the instant has reached. */
function askSome(s, layer, from, to) {
  const error = round(2 * doubt(layer, s.clock)), time = round(s.clock), { slope, total, bulk, limits } = s;
  for (let neuron = from, unit = starts[layer] + from; neuron < to; neuron++, unit++) {
    if (limits[unit] < Infinity && round(total[unit] - round(slope[unit] * time)) < round(bulk[unit] * error)
      && !(s.flags[unit] & REACHED)) ask(s, layer, neuron);
  }
}

/* Whether a neuron is at its threshold now: when a ramp of its own ends, or else then. */
function isThere(s, layer, neuron) {
  const unit = starts[layer] + neuron, now = s.clock;
  let start = endInDoubt(s, layer, neuron, now, now, -Infinity, true);
  let origin = start === Infinity ? twoSum(now, -rise) : [start, 0];
  for (;;) {
    if (excess(s, unit, weigh(s, layer, neuron, origin, true)) >= 0) return true;
    if (start < Infinity) start = endInDoubt(s, layer, neuron, now, now, start, true);
    if (start === Infinity) return false;
    origin = [start, 0];
  }
}

/* Of the neurons that were asked, those at their threshold fire now, and others do not, unless
   their potential goes on to rise. */
function letFire(s) {
  for (const [layer, unit] of s.asked) {
    if (!(s.flags[unit] & (THERE | SHORT))) continue;
    const error = doubt(layer, s.clock), steep = round(s.slope[unit] * round(rise)) > round(DOUBT * round(error * s.bulk[unit]));
    if (!(steep && isSolid(s, unit))) setCrossing(s, unit, s.flags[unit] & THERE ? s.clock : Infinity);
    s.flags[unit] = s.flags[unit] & ~(THERE | SHORT) | (s.crossing[unit] === s.clock ? DUE : 0);
  }
  [s.asked, s.resting] = [[], 0];
}
