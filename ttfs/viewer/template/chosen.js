/* -- the chosen neuron --------------------------------------------------------------------- */

const chosen = { layer: LAST, neuron: 0, against: null };
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
  fillInputs(found);
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
  return `${a} fired ${about(other.fired - first.fired)} ${data.unit} before ${b}.`;
}

function fillTable(table, head, rows) {
  const top = document.createElement("thead"), body = document.createElement("tbody");
  const titles = top.insertRow();
  for (const text of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    titles.append(cell);
  }
  for (const row of rows) {
    const place = body.insertRow();
    for (const value of row) {
      const cell = place.insertCell();
      if (!Array.isArray(value)) { cell.textContent = value; continue; }
      const swatch = document.createElement("span");
      swatch.className = value[1] ? "swatch b" : "swatch";
      swatch.style.borderColor = `var(--${value[1] ? "second" : "first"})`;
      cell.append(swatch, value[0]);
    }
  }
  table.replaceChildren(top, body);
}

const MOST_ROWS = 200;   // more take a browser longer than a tenth of a second
let inputRows = [], skipped = 0, marked = 0, markedRow = null;

function fillInputs(found, every = false) {
  skipped = every ? 0 : Math.max(0, found.count - MOST_ROWS);
  const rows = found.bias && !skipped ? [["bias", "", "", "", volts(found.bias)]] : [], before = rows.length;
  for (let k = skipped; k < found.count; k++) {
    const event = found.event[k], source = events.source[event], sender = events.neuron[event];
    const fired = events.time[layers[source].spikes[sender]];
    rows.push([called(source, sender), instant(fired), instant(found.time[k]), signed(found.weight[k]), volts(settled(found.potential[k], errorOf(found, k + 1, found.time[k], found.potential[k])))]);
  }
  fillTable($("inputs"), ["from", "fired at", "arrives", "weight", "potential"], rows);
  inputRows = Array.from($("inputs").tBodies[0].rows).slice(before);
  for (const row of inputRows) row.className = "later";
  marked = skipped;
  markedRow = null;
  const until = found.spike < 0 ? "" : " until it fired";
  $("inputstitle").textContent = `${many(found.count, "input")} reached ${called(found.layer, found.neuron)}${until}`
    + (skipped ? `; the last ${MOST_ROWS}:` : "");
  $("every").hidden = !skipped;
}

/* Dim the inputs that have yet to arrive, and mark the one that arrives now or stops rising. */
function markInputs() {
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
