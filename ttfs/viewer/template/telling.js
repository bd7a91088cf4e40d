/* -- what the page says to the notebook that shows it ------------------------------------------- */

let said = "";

/* Where we are, what is chosen and what was asked, if that has changed. */
function tell() {
  if (window.parent === window) return;
  const finite = time => time < Infinity ? time : null;
  const spoken = (layer, neuron, time) => ({ layer: layers[layer].name, neuron, time: finite(time) });
  const isEvent = at > 0 && at <= COUNT, kind = isEvent && (events.spike[at - 1] ? "spike" : events.began[at - 1] < 0 ? "arrival" : "end");
  const now = { count: Math.min(at, COUNT), time: timeAt(at) };
  const ttfs = {
    chosen: spoken(chosen.layer, chosen.neuron, firedAt(chosen.layer, chosen.neuron)),
    event: isEvent ? { ...now, kind, layer: layers[events.layer[at - 1]].name, neuron: events.neuron[at - 1] } : now,
    wishes: wishes.map(({ layer, neuron, time }) => spoken(layer, neuron, time)),
  };
  const text = JSON.stringify(ttfs);
  if (text !== said) window.parent.postMessage({ ttfs }, "*");
  said = text;
}
