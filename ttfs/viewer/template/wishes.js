/* -- asking what if ------------------------------------------------------------------------------ */

const WHOLE = told !== null && told.every(time => time === Infinity || Number.isInteger(time));   // times are steps

/* Let a neuron fire at a time, Infinity for never; `instead` of what was wished last. */
function wish(layer, neuron, time, instead = false) {
  if (!data.circuit) return;
  if (!isHeld(layer, neuron)) {
    $("outcome").textContent = `The weights of ${called(layer, neuron)} are not in this page; page(..., what_if=True) holds them.`;
    return;
  }
  if (instead) wishes.pop();
  wishes.push({ layer, neuron, time: roundTime(time) });
  rerun();
}

function undo(count = 1) {
  if (!wishes.length) return;
  wishes.splice(-count);
  rerun();
}

/* Run anew with all wishes, and show the new run where the old one was. */
function rerun() {
  const stood = placeNow();
  pause();
  runWith(wishes);
  span = Math.max(original.span, spanNow());
  layLanes();
  maps.forEach(fillMap);
  fillRun();
  fillSpikes();
  showChosen();
  sayOutcome();
  go(placeLike(stood));
}

/* Where we are, in a way that other runs understand. */
const keyOf = k => [events.layer[k], events.neuron[k], events.spike[k], events.source[k], events.began[k] < 0].join();
const placeNow = () => ({ time: timeAt(at), isEnd: at === PLACES, key: at && at <= COUNT ? keyOf(at - 1) : "" });

/* The same event at the same time, or after all that happens by then. */
function placeLike({ time, isEnd, key }) {
  const last = upTo(events.time, time);
  if (isEnd) return PLACES;
  if (!key) return time ? last : 0;
  for (let k = last - 1; k >= 0 && events.time[k] === time; k--) if (keyOf(k) === key) return k + 1;
  return last;
}

/* The time of the chosen neuron's spike, to be changed. */
function showWish() {
  const fired = firedAt(chosen.layer, chosen.neuron), text = fired === Infinity ? "" : instant(fired).replace("−", "-");
  $("wished").textContent = called(chosen.layer, chosen.neuron);
  $("moment").value = text;
  $("never").disabled = fired === Infinity;
  $("undo").disabled = $("reset").disabled = !wishes.length;
}

function sayOutcome() {
  const all = differences(), appeared = all.filter(one => one.before === Infinity).length;
  const vanished = all.filter(one => one.after === Infinity).length, moved = all.length - appeared - vanished;
  const counts = [[moved, "moves", "move"], [appeared, "appears", "appear"], [vanished, "vanishes", "vanish"]];
  const parts = counts.filter(([count]) => count).map(([count, one, more], k) =>
    `${k ? count : many(count, "spike")} ${count === 1 ? one : more}`);
  $("outcome").textContent = !wishes.length ? "" : all.length ? `${parts.join(", ")}${sayDecision()}.` : "No spike changes.";
  $("changed").hidden = !all.length;
  $("changed").firstElementChild.textContent = `${many(all.length, "spike")} changed`;
  fillChanges(all);
}

function sayDecision() {
  if (!decision) return "";
  const before = original.decision, [fired, fires] = [before.time < Infinity, decision.time < Infinity];
  const said = ({ label, time }) => `${label} at ${clock(time)}`;
  if (!fired && !fires) return "; undecided as before";
  if (!fires) return `; undecided, instead of ${said(before)}`;
  if (!fired) return `; the decision is ${said(decision)}, and was undecided`;
  if (decision.label !== before.label) return `; the decision is ${said(decision)}, instead of ${said(before)}`;
  return `; the decision stays ${decision.label}` + (decision.time === before.time ? "" : `, at ${clock(decision.time)} instead of ${clock(before.time)}`);
}

function fillChanges(all = differences()) {
  if (!$("changed").open) return;
  const text = time => time === Infinity ? "silent" : instant(time);
  const rows = all.map(({ layer, neuron, before, after }) => [called(layer, neuron), text(before), text(after),
    before < Infinity && after < Infinity ? (after > before ? "+" : "") + about(after - before) : ""]);
  fillTable($("changes"), ["neuron", "fired at", "fires at", "later by"], rows);
}

/* How far a key moves a spike. */
function nudge(direction) {
  const { layer, neuron } = chosen, fired = firedAt(layer, neuron);
  if (fired === Infinity) return;
  const step = WHOLE ? 1 : pixelTime((plot.to - plot.from) / 100, (plot.to - plot.from) / 100);
  wish(layer, neuron, Math.max(0, Number((fired + direction * step).toPrecision(12))));
}

function listenToWishes() {
  $("whatif").hidden = !data.circuit;
  $("whynot").hidden = Boolean(data.circuit);
  for (const part of document.querySelectorAll(".whatifkey")) part.hidden = !data.circuit;
  if (!data.circuit) $("whynot").textContent = `What if a spike came at another time? ${data.whyNot}`;
  $("unit").textContent = data.units;
  $("moment").addEventListener("change", () => {
    const isEmpty = $("moment").value === "" && !$("moment").validity.badInput;
    if (isEmpty || number($("moment"))) wish(chosen.layer, chosen.neuron, isEmpty ? Infinity : Number($("moment").value));
  });
  $("changed").addEventListener("toggle", () => fillChanges());
}
