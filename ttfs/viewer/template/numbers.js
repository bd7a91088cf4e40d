/* -- numbers and names -------------------------------------------------------------------- */

/* The shortest text that reads back as the same number, of single precision or double. */
function exact(value, single) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "NaN";
  let text = String(value);
  for (let digits = 1; single && digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) { text = String(short); break; }
  }
  return text.replaceAll("-", "−");
}
const volts = value => exact(value, data.single);
const SINGLE_TIMES = data.singleTimes || data.single && RAMPS;   // where ramps of such sums cross
const instant = value => SINGLE_TIMES ? exact(Math.fround(value), true) : exact(value, false);
const about = value => exact(Number(value.toPrecision(6)), false);
const signed = value => (value >= 0 ? "+" : "") + volts(value);
const inUnits = text => `${text} ${text === "1" ? data.unit : data.units}`;
const clock = time => inUnits(instant(time)), lasting = time => inUnits(about(time));
const called = (layer, neuron) => `${layers[layer].name} ${neuron}`;
const many = (count, one, more = one + "s") => `${count} ${count === 1 ? one : more}`;
