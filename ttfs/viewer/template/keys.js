/* -- listening ----------------------------------------------------------------------------- */

const moved = to => () => { pause(); to(); };
const ACTIONS = {
  ArrowRight: moved(() => go(at + 1)), ArrowLeft: moved(() => go(at - 1)),
  "Shift+ArrowRight": moved(nextSpike), "Shift+ArrowLeft": moved(lastSpike),
  Home: moved(() => go(0)), End: moved(() => go(PLACES)), " ": toggle,
  d: () => toSpike(decision ? decision.event : -1), e: explainNow,
  s: () => toSpike(layers[chosen.layer].spikes[chosen.neuron]),
  c: () => showEffects(!chosen.effects),
  "+": () => zoomBy(0.5, timeAt(at)), "=": () => zoomBy(0.5, timeAt(at)), "-": () => zoomBy(2, timeAt(at)), 0: () => zoomTo(0, span),
  ",": () => nudge(-1), ".": () => nudge(1), a: () => wish(chosen.layer, chosen.neuron, timeAt(at)),
  Delete: never, Backspace: never, u: () => undo(), r: () => undo(wishes.length),
};

function never() {
  if (layers[chosen.layer].spikes[chosen.neuron] >= 0) wish(chosen.layer, chosen.neuron, Infinity);
}

function showEffects(effects) {
  chosen.effects = effects;
  fillList();
  draw();
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target, typing = target.matches?.("select, input[type=number]");
  const pressing = event.key === " " && target.matches?.("button, summary");
  if (typing || pressing) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = ACTIONS[(event.shiftKey && event.key.length > 1 ? "Shift+" : "") + name];
  if (!action) return;
  event.preventDefault();
  action();
}

function listen() {
  document.addEventListener("keydown", onKey);
  const press = { begin: ACTIONS.Home, back: ACTIONS.ArrowLeft, play: toggle, on: ACTIONS.ArrowRight,
    end: ACTIONS.End, decide: ACTIONS.d, spike: ACTIONS.s, explain: explainNow, every: showEvery, alone: () => choose(chosen.layer, chosen.neuron),
    causes: () => showEffects(false), effects: () => showEffects(true), alltimes: ACTIONS[0],
    never, undo: ACTIONS.u, reset: ACTIONS.r };
  for (const [id, action] of Object.entries(press)) $(id).addEventListener("click", action);
  $("scrub").addEventListener("input", () => { pause(); go(Number($("scrub").value)); });
  $("layer").addEventListener("change", () => pick(Number($("layer").value), 0));
  $("neuron").addEventListener("change", () => { if (number($("neuron"))) pick(chosen.layer, Number($("neuron").value)); });
  $("against").addEventListener("change", () => {
    const empty = $("against").value === "" && !$("against").validity.badInput;
    if (empty) choose(chosen.layer, chosen.neuron);
    else if (number($("against"))) choose(chosen.layer, chosen.neuron, Number($("against").value));
  });
  $("all").addEventListener("toggle", fillSpikes);
  $("inputs").addEventListener("click", openInput);
  listenToRaster();
  listenToTrace();
  listenToWishes();
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width !== width) fitTables();
    width = contentRect.width;
    draw();
  }).observe(document.querySelector("main"));
}

/* Whether an input holds the index of a neuron; the browser says what it wants if not. */
function number(input) {
  const good = input.value !== "" && input.checkValidity();
  if (!good) input.reportValidity();
  return good;
}

function showEvery() {
  fillList(true);
  markInputs();
  $("inputs").parentElement.focus();   // the button is gone
}

function openInput(event) {
  const row = event.target.closest("tbody tr"), rows = Array.from($("inputs").tBodies[0].rows);
  const found = row && listed[rows.indexOf(row) - (rows.length - listed.length)];   // a bias comes first
  if (found) pick(found.layer, found.neuron);
}

function fillSpikes() {
  if (!$("all").open) return;
  const rows = spikeEvents.map(k => [instant(events.time[k]), layers[events.layer[k]].name, events.neuron[k], k + 1]);
  fillTable($("spikes"), ["time", "layer", "neuron", "event"], rows);
}
