/* -- the chosen neuron --------------------------------------------------------------------- */

const chosen = { layer: LAST, neuron: 0, against: null, effects: false };   // effects are shown, not causes
const shown = () => [chosen.neuron, chosen.against].filter(j => j !== null).map(j => explain(chosen.layer, j));

function choose(layer, neuron, against = null) {
  Object.assign(chosen, { layer, neuron, against });
  showChosen();
  draw();
}

function showChosen() {
  const { layer, neuron, against } = chosen;
  $("layer").value = layer;
  $("neuron").max = $("against").max = layers[layer].size - 1;
  $("neuron").value = neuron;
  $("against").value = against === null ? "" : against;
  const found = explain(layer, neuron);
  $("answer").textContent = verdictOf(found);
  $("spike").disabled = found.spike < 0;
  $("alone").disabled = against === null;
  $("againstlabel").parentElement.hidden = layers[layer].size < 2;
  fillComparison();
  fillList();
  showWish();
}

/* An output stands beside the winner; the winner beside the one that came closest to it. */
function chooseOutput(j) {
  if (!decision) return choose(LAST, j);
  const other = j === decision.label ? runnerUp(j) : decision.label;
  choose(LAST, j, other < 0 ? null : other);
}

const pick = (layer, neuron) => layer === LAST ? chooseOutput(neuron) : choose(layer, neuron);

function fillComparison() {
  $("comparison").hidden = chosen.against === null;
  if (chosen.against === null) return;
  const pair = shown(), [first, other] = ahead(pair[1], pair[0]) ? [pair[1], pair[0]] : pair;
  const when = Math.min(first.fired, finalTime);
  $("lead").textContent = `${leadOf(first, other)} Potentials at ${clock(when)}:`;
  const rows = pair.map((found, k) => {
    const value = potentialAtTime(found, when);
    return [[called(found.layer, found.neuron), k], found.spike < 0 ? "silent" : instant(found.fired),
      volts(settled(value, errorAt(found, value, when))), volts(found.threshold), about(marginAt(found, value, when))];
  });
  const head = ["neuron", "fired at", "potential", "threshold", "margin"];
  fillTable($("margins"), head, rows);
}

function leadOf(first, other) {
  const a = called(first.layer, first.neuron), b = called(other.layer, other.neuron);
  const lead = first.last - other.last;
  if (first.spike < 0) return `Neither fired; ${a} ends ${about(lead)} higher than ${b}.`;
  if (other.spike < 0) return `${a} fired at ${clock(first.fired)}; ${b} stayed silent.`;
  if (first.fired === other.fired)
    return `Both fired at ${clock(first.fired)}${lead ? `; ${a} was ${about(lead)} higher` : ""}.`;
  return `${a} fired ${lasting(other.fired - first.fired)} before ${b}.`;
}

const MOST_ROWS = 100;   // more take a browser longer than a tenth of a second
let inputRows = [], listed = [], skipped = 0, marked = 0, markedRow = null;

/* The inputs of the chosen neuron, or what its own spike has done. */
function fillList(every = false) {
  const found = explain(chosen.layer, chosen.neuron), count = chosen.effects ? effectsOf(chosen.layer, chosen.neuron).length : found.count;
  for (const [id, pressed] of [["causes", !chosen.effects], ["effects", chosen.effects]]) $(id).setAttribute("aria-pressed", pressed);
  skipped = every ? 0 : Math.max(0, count - MOST_ROWS);
  marked = skipped;
  markedRow = null;
  $("every").hidden = !skipped;
  if (chosen.effects) fillEffects(found, effectsOf(chosen.layer, chosen.neuron));
  else fillInputs(found);
}

function fillInputs(found) {
  const rows = found.bias && !skipped ? [["bias", "", "", "", volts(found.bias)]] : [], before = rows.length;
  for (let k = skipped; k < found.count; k++) {
    const event = found.event[k], source = events.source[event], sender = events.neuron[event];
    rows.push([called(source, sender), instant(firedAt(source, sender)), instant(found.time[k]), signed(found.weight[k]), volts(settled(found.potential[k], errorOf(found, k + 1, found.time[k], found.potential[k])))]);
  }
  fillTable($("inputs"), ["from", "fired at", "arrives", "weight", "potential"], rows);
  inputRows = Array.from($("inputs").tBodies[0].rows).slice(before);
  listed = causesOf(found.layer, found.neuron).slice(skipped);
  for (const row of inputRows) row.className = "later";
  const until = found.spike < 0 ? "" : " until it fired";
  $("inputstitle").textContent = `${many(found.count, "input")} reached ${called(found.layer, found.neuron)}${until}`
    + (skipped ? `; the last ${MOST_ROWS}:` : "");
}

/* The strongest come first. */
function fillEffects(found, effects) {
  listed = effects.slice(0, effects.length - skipped);
  fillTable($("inputs"), ["to", "arrives", "weight", "fires at"], listed.map(({ layer, neuron, time, weight }) =>
    [called(layer, neuron), instant(time), signed(weight), firedAt(layer, neuron) === Infinity ? "silent" : instant(firedAt(layer, neuron))]));
  inputRows = [];
  const up = effects.filter(({ weight }) => weight > 0).length, down = effects.filter(({ weight }) => weight < 0).length;
  const who = called(found.layer, found.neuron);
  $("inputstitle").textContent = found.spike < 0 ? `${who} has not fired` : !effects.length ? `${who} has moved no potential`
    : `${who} excited ${up} and inhibited ${many(down, "neuron")}` + (skipped ? `; the strongest ${MOST_ROWS}:` : "");
}

/* Dim the inputs that have yet to arrive, and mark the one that arrives now or stops rising. */
function markInputs() {
  if (chosen.effects) return;
  const found = explain(chosen.layer, chosen.neuron), count = Math.max(skipped, upTo(found.event, at - 1));
  for (let k = Math.min(marked, count); k < Math.max(marked, count); k++)
    inputRows[k - skipped].className = k >= count ? "later" : "";
  marked = count;
  if (markedRow) markedRow.classList.remove("now");
  markedRow = rowNow(found);
  if (markedRow) markedRow.classList.add("now");
  const box = $("inputs").parentElement;
  const row = playing === null && markedRow || inputRows[Math.max(0, count - 1 - skipped)];
  if (row) box.scrollTop = row.offsetTop - box.clientHeight / 2;
}

function rowNow(found) {
  const change = at - 1, input = events.began[change] >= 0 ? events.began[change] : change;
  if (found.changes[upTo(found.changes, change) - 1] !== change) return null;
  return inputRows[upTo(found.event, input) - 1 - skipped];
}
