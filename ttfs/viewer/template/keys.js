/* -- listening ----------------------------------------------------------------------------- */

const moved = to => () => { pause(); to(); };
const ACTIONS = {
  ArrowRight: moved(() => go(at + 1)), ArrowLeft: moved(() => go(at - 1)),
  "Shift+ArrowRight": moved(nextSpike), "Shift+ArrowLeft": moved(lastSpike),
  Home: moved(() => go(0)), End: moved(() => go(PLACES)), " ": toggle,
  d: () => toSpike(decision ? decision.event : -1), e: explainNow,
  s: () => toSpike(layers[chosen.layer].spikes[chosen.neuron]),
};

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
    end: ACTIONS.End, decide: ACTIONS.d, spike: ACTIONS.s, explain: explainNow, every: showEvery, alone: () => choose(chosen.layer, chosen.neuron) };
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
  new ResizeObserver(draw).observe(document.querySelector("main"));
}

/* Whether an input holds the index of a neuron; the browser says what it wants if not. */
function number(input) {
  const good = input.value !== "" && input.checkValidity();
  if (!good) input.reportValidity();
  return good;
}

function showEvery() {
  fillInputs(explain(chosen.layer, chosen.neuron), true);
  markInputs();
  $("inputs").parentElement.focus();   // the button is gone
}

function openInput(event) {
  const k = inputRows.indexOf(event.target.closest("tbody tr"));
  if (k < 0) return;
  const arrival = explain(chosen.layer, chosen.neuron).event[k + skipped];
  pick(events.source[arrival], events.neuron[arrival]);
}

function listenToRaster() {
  const canvas = $("raster"), tip = $("tip");
  canvas.addEventListener("click", event => {
    const found = nearest(event.offsetX, event.offsetY);
    if (found) pick(found.layer, found.neuron);
  });
  canvas.addEventListener("mousemove", event => {
    const found = nearest(event.offsetX, event.offsetY);
    canvas.style.cursor = found ? "pointer" : "default";
    tip.hidden = !found;
    if (!found) return;
    tip.textContent = `${called(found.layer, found.neuron)}, ${clock(events.time[found.event])}`;
    const x = Math.min(plot.x(events.time[found.event]) + 10, plot.width - tip.offsetWidth - 2);
    tip.style.left = `${x}px`;
    tip.style.top = `${Math.max(0, rowOf(found.layer, found.neuron) - 30)}px`;
  });
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
}

function fillSpikes() {
  if (!$("all").open) return;
  const rows = spikeEvents.map(k => [instant(events.time[k]), layers[events.layer[k]].name, events.neuron[k], k + 1]);
  fillTable($("spikes"), ["time", "layer", "neuron", "event"], rows);
}
