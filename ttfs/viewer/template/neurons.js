/* -- questions about one neuron ------------------------------------------------------------ */

/* What reached a neuron until it fired: the inputs, and the changes of its potential's course,
   which are the inputs and the ends of their ramps. */
function explain(layer, neuron) {
  const key = `${layer}:${neuron}`;
  if (known.has(key)) return known.get(key);
  const of = layers[layer], spike = of.spikes[neuron], fired = spike < 0 ? Infinity : events.time[spike];
  const { arrived, weights } = of.reach ? heard(of, neuron, fired) : data.circuit ? reached(of, neuron, fired) : added(of, neuron);
  const count = arrived.length;
  const found = {
    layer, neuron, count, spike, fired, threshold: of.thresholds[neuron], pools: of.pools,
    bias: WINDOWS ? WINDOWS.biases[layer][neuron] : 0, heard: WINDOWS ? WINDOWS.heard[layer] : null,
    event: arrived, weight: weights, time: new Float64Array(count), potential: new Float64Array(count),
  };
  const changes = new Map();
  for (let k = 0; k < count; k++) {
    const event = arrived[k], end = endOf[event];
    found.time[k] = events.time[event];
    changes.set(event, weights[k]);
    if (end >= 0 && events.time[end] <= found.fired) changes.set(end, -found.weight[k]);
  }
  follow(found, changes);
  for (let k = 0; k < count; k++)
    found.potential[k] = level(found, upTo(found.changes, found.event[k]), found.time[k]);
  found.last = lastOf(found);
  found.given = found.spike >= 0 && (found.heard === null ? !(found.last >= found.threshold) : Boolean(events.given[spike]));
  known.set(key, found);
  return found;
}

/* The arrivals at a neuron until it fired, and their weights: of those that the page holds, */
function added(of, neuron) {
  const first = of.first[neuron], places = Array.from({ length: of.first[neuron + 1] - first }, (_, k) => k);
  return {
    arrived: Int32Array.from(places, k => of.arrivals[of.which ? of.which[first + k] : k]),
    weights: Float64Array.from(places, k => of.weights[first + k]),
  };
}

/* from all synapses, */
function reached(of, neuron, fired) {
  const arrived = [], weights = [];
  for (const event of of.arrivals) {
    if (events.time[event] > fired) break;
    for (const weight of weightsAt(projections[events.via[event]], events.neuron[event], events.synapse[event], neuron)) {
      arrived.push(event);
      weights.push(weight);
    }
  }
  return { arrived: Int32Array.from(arrived), weights: Float64Array.from(weights) };
}

/* The weights that all positions of a map share. */
const weightsOf = of => of.weights || incoming[layers.indexOf(of)][0].weights;

/* or, for a neuron that hears a window, from the weights that all positions share. */
function heard(of, neuron, fired) {
  const { reach, came } = of, channel = neuron % reach.columns, weights = weightsOf(of);
  const senders = sendersOf(reach, neuron).filter(u => came[u] >= 0 && events.time[came[u]] <= fired);
  senders.sort((a, b) => came[a] - came[b]);
  const given = senders.map(u => reach.pools ? 1 : weights[rowOfWeights(reach, u, neuron) * reach.columns + channel]);
  return { arrived: Int32Array.from(senders, u => came[u]), weights: Float64Array.from(given) };
}

/* The sums after each change, in the simulator's order: of weights that came and went, of those
   times when they did (if ramps do not end), and of those that came; and when their ramps end. */
function follow(found, changes) {
  found.changes = Int32Array.from(changes.keys()).sort();
  found.changed = Float64Array.from(found.changes, event => events.time[event]);
  found.change = Float64Array.from(found.changes, event => changes.get(event));
  for (const name of ["slope", "total", "summed", "end"]) found[name] = new Float64Array(found.changes.length);
  let slope = 0, summed = 0, total = found.start = Number.isFinite(found.threshold) ? found.threshold : 0;
  if (found.heard !== null) total = found.bias;
  found.changes.forEach((event, k) => {
    const weight = found.change[k], arrives = events.began[event] < 0;
    const times = found.heard === null ? round(found.changed[k]) : round(untilHeard(found, found.changed[k]));
    found.slope[k] = slope = round(slope + weight);
    found.total[k] = total = round(total + round(weight * times));
    found.summed[k] = summed = arrives ? round(summed + weight) : summed;
    found.end[k] = arrives ? roundTime(found.changed[k] + data.rise) : -Infinity;
  });
}

/* Windows until that ends in which a neuron listens. */
const untilHeard = (found, time) => Math.max(0, (found.heard - time) / WINDOWS.length);

/* The potential at a time after `count` changes. */
function level(found, count, time) {
  if (!count) return found.bias;
  if (found.pools) return Number.isFinite(found.threshold) ? found.threshold : 0;   // with its first arrival
  if (found.heard !== null) {
    const rest = round(untilHeard(found, time)), value = found.total[count - 1];
    return rest ? round(value - round(found.slope[count - 1] * rest)) : value;
  }
  if (!RAMPS) return found.slope[count - 1];
  if (ENDLESS) return round(round(found.slope[count - 1] * round(time)) - round(found.total[count - 1] - found.start));
  let left = 0, lost = 0;   // what has yet to rise, and what rounding took from that
  for (let k = 0; k < count; k++) if (found.end[k] > time) {
    const term = found.change[k] * (1 - (time - found.changed[k]) / data.rise);
    const sum = left + term, rest = sum - left;
    lost += (left - (sum - rest)) + (term - rest);
    left = sum;
  }
  return round(found.summed[count - 1] - (Number.isFinite(left + lost) ? left + lost : left));   // sums overflow
}

/* The potential at the spike, or at the end. A ramp that fires is at its threshold. */
function lastOf(found) {
  if (RAMPS && found.spike >= 0 && !events.given[found.spike]) return found.threshold;
  return level(found, found.changes.length, Math.min(found.fired, finalTime));
}

/* How many of some ascending numbers are at most `limit`. */
function upTo(numbers, limit) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1; else high = middle;
  }
  return low;
}

const potentialAt = (found, place) => found.spike >= 0 && found.spike < place ? found.last
  : level(found, upTo(found.changes, place - 1), timeAt(place));
const potentialAtTime = (found, time) => found.fired <= time ? found.last
  : level(found, upTo(found.changed, time), time);

/* Sums in double precision of the decimals that stand for the weights, as `ttfs.precision` has
   them, and the largest number that was added. */
function sumsOf(found) {
  if (found.sums) return found.sums;
  const total = new Float64Array(found.count + 1);
  const [moment, size, largest] = [total.slice(), total.slice(), total.slice()];
  for (let k = 0; k < found.count; k++) {
    const weight = Number(volts(found.weight[k]).replace("−", "-").replace("∞", "Infinity"));
    total[k + 1] = total[k] + weight;
    moment[k + 1] = moment[k] + weight * found.time[k];
    size[k + 1] = size[k] + Math.abs(weight);
    largest[k + 1] = Math.max(largest[k], Math.abs(weight), Math.abs(found.potential[k]));
  }
  return found.sums = { total, moment, size, largest };
}

/* How far rounding may have brought a potential after `count` inputs from what it would be. */
function errorOf(found, count, time, value) {
  if (found.pools) return 0;
  const { total, moment, size, largest } = sumsOf(found);
  let again = total[count], last = largest[count], most = last;
  if (found.heard !== null) {
    const until = Math.min(time, found.heard), size_ = WINDOWS.length;
    again = found.bias + (total[count] * until - moment[count]) / size_;
    last = Math.max(last, Math.abs(total[count]) * until / size_);
    most = Math.max(most, size[count] * until / size_);
  } else if (RAMPS) {
    const ended = data.rise === null ? 0 : Math.min(count, upTo(found.time, time - data.rise));
    const rising = total[count] - total[ended];
    again = total[ended] + (rising * time - (moment[count] - moment[ended])) / rise;
    if (ENDLESS) last = Math.max(last, Math.abs(rising) * time);
    most = Math.max(most, size[count] * time / rise);
  }
  return Math.max(Math.abs(value - again), 2 ** -51 * count * most, HALF * last);
}

/* A number of volts, or 0 where rounding may have made it. */
const settled = (value, error) => Math.abs(value) <= 2 * error ? 0 : value;
const errorAt = (found, value, time) => errorOf(found, upTo(found.time, time), time, value);
const marginAt = (found, value, time) => settled(value - limitAt(found, time), errorAt(found, value, time));

/* The threshold at a time: with windows it falls, to 0 at the end of that in which the layer fires. */
function limitAt(found, time) {
  if (found.heard === null) return found.threshold;
  const [begin, end] = WINDOWS.fires[found.layer];
  return found.threshold * (end - Math.min(Math.max(time, begin), end)) / (end - begin);
}

/* [time, potential] after each instant at which something reached a neuron; then its last. */
function pointsOf(found) {
  const points = [];
  found.changed.forEach((time, k) => {
    if (found.changed[k + 1] !== time) points.push([time, level(found, k + 1, time)]);
  });
  const last = Math.min(found.fired, finalTime);
  if (found.heard !== null && found.heard < last) points.push([found.heard, level(found, found.changes.length, found.heard)]);
  points.push([last, found.last]);
  return points;
}

/* Where the potential of a silent neuron was largest. */
const closest = found => found.heard !== null ? [finalTime, found.last]
  : pointsOf(found).reduce((best, point) => point[1] > best[1] ? point : best);

function verdictOf(found) {
  const who = called(found.layer, found.neuron), line = volts(found.threshold);
  if (found.given) return `${who} fired at ${clock(found.fired)}: the stimulus says so`;
  if (found.spike >= 0 && found.pools) return `${who} fired at ${clock(found.fired)}, with its first arrival`;
  if (found.heard !== null) return verdictIn(found, who, line);
  if (found.spike >= 0) {
    const over = marginAt(found, found.last, found.fired), where = over ? `${about(over)} above` : "reaching";
    return `${who} fired at ${clock(found.fired)}, ${where} its threshold ${line}`;
  }
  if (!found.count) return `${who} has not fired; nothing has reached it`;
  if (found.threshold === Infinity) return `${who} has not fired; it has no threshold`;
  const [time, value] = closest(found);
  if (value >= found.threshold) return `${who} has not fired; it would reach its threshold ${line} at the horizon`;
  const under = found.threshold - value, near = !marginAt(found, value, time);
  const gap = near ? exact(Number(under.toPrecision(1)), false) : about(under);
  return `${who} has not fired; closest at ${clock(time)}, ${gap} below its threshold ${line}${near ? ", which is within rounding" : ""}`;
}

/* The same where thresholds fall. */
function verdictIn(found, who, line) {
  const stands = volts(settled(found.last, errorAt(found, found.last, Math.min(found.fired, finalTime))));
  if (found.spike < 0) return `${who} has not fired; its potential stands at ${stands}, its threshold fell to 0`;
  const over = marginAt(found, found.last, found.fired), [begin] = WINDOWS.fires[found.layer];
  if (found.fired === begin && over > 0)
    return `${who} fired at ${clock(found.fired)}, as its window began, ${about(over)} above its threshold ${line}`;
  return `${who} fired at ${clock(found.fired)}, when its threshold had fallen from ${line} to ${about(limitAt(found, found.fired))}; its potential stands at ${stands}`;
}
