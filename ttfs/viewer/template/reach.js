/* -- who hears whom in maps -------------------------------------------------------------- */

/* Row, column and channel of one of a map's neurons. */
function placeOf(shape, neuron) {
  const [, width, channels] = shape, place = Math.floor(neuron / channels);
  return { row: Math.floor(place / width), column: place % width, channel: neuron % channels };
}

const below = reach => [reach.height, reach.width, reach.channels];
const own = reach => [reach.lines, reach.places, reach.columns];

/* The part of the map below that a part of this one hears, and what of the one above it reaches:
   the first row and column, and those after the last; and the channel, or -1 for all. */
function windowOf(reach, part) {
  const [from, left] = [part.from * reach.down - reach.top, part.left * reach.across - reach.left];
  const [to, right] = [(part.to - 1) * reach.down - reach.top + reach.tall, (part.right - 1) * reach.across - reach.left + reach.broad];
  return {
    from: Math.max(0, from), to: Math.min(reach.height, to), left: Math.max(0, left), right: Math.min(reach.width, right),
    channel: reach.pools ? part.channel : -1,
  };
}

function reachedBy(reach, part) {
  const first = (place, window, stride) => Math.max(0, Math.floor((place - window + stride) / stride));
  const last = (place, stride, count) => Math.min(count, Math.floor(place / stride) + 1);
  return {
    from: first(part.from + reach.top, reach.tall, reach.down), to: last(part.to - 1 + reach.top, reach.down, reach.lines),
    left: first(part.left + reach.left, reach.broad, reach.across), right: last(part.right - 1 + reach.left, reach.across, reach.places),
    channel: reach.pools ? part.channel : -1,
  };
}

function partOf(shape, neuron) {
  const { row, column, channel } = placeOf(shape, neuron);
  return { from: row, to: row + 1, left: column, right: column + 1, channel };
}

/* The neurons of the map below that one neuron hears, in ascending order. */
function sendersOf(reach, neuron) {
  const { from, to, left, right, channel } = windowOf(reach, partOf(own(reach), neuron)), found = [];
  for (let row = from; row < to; row++) for (let column = left; column < right; column++)
    for (let c = 0; c < reach.channels; c++)
      if (channel < 0 || c === channel) found.push((row * reach.width + column) * reach.channels + c);
  return found;
}

/* The row of the shared weights with which one of those is heard. */
function rowOfWeights(reach, sender, neuron) {
  const at = placeOf(below(reach), sender), { row, column } = placeOf(own(reach), neuron);
  const [y, x] = [at.row + reach.top - row * reach.down, at.column + reach.left - column * reach.across];
  return (y * reach.broad + x) * reach.channels + at.channel;
}

/* Whether a neuron of the map below is in the window of one of this map, of the same channel in a pool. */
function hears(reach, sender, neuron) {
  const at = placeOf(below(reach), sender), { from, to, left, right, channel } = windowOf(reach, partOf(own(reach), neuron));
  return at.row >= from && at.row < to && at.column >= left && at.column < right && (channel < 0 || channel === at.channel);
}

function reachesAny(reach, sender) {
  const { from, to, left, right } = reachedBy(reach, partOf(below(reach), sender));
  return from < to && left < right;
}
