/* -- where we are -------------------------------------------------------------------------- */

let at = 0, playing = null;   // `at` events have happened; at the horizon, one more

function describe(event) {
  const who = events.neuron[event], layer = events.layer[event];
  if (events.spike[event]) return `${called(layer, who)} fires`;
  const verb = events.began[event] < 0 ? "arrives at" : "stops rising in";
  return `the spike of ${called(events.source[event], who)} ${verb} ${layers[layer].name}`;
}

function go(to) {
  at = Math.max(0, Math.min(PLACES, to));
  const text = at > COUNT ? "the horizon" : at ? describe(at - 1) : COUNT ? "before the first event" : "nothing happens";
  const time = clock(timeAt(at)), count = at > COUNT ? `after ${many(COUNT, "event")}` : `event ${at} of ${COUNT}`;
  $("when").textContent = time;
  $("what").textContent = text;
  $("count").textContent = count;
  $("scrub").value = at;
  $("scrub").setAttribute("aria-valuetext", `${count}, ${time}: ${text}`);
  if (playing === null) $("live").textContent = `${time}: ${text}, ${count}`;
  $("begin").disabled = $("back").disabled = at === 0;
  $("end").disabled = $("on").disabled = at === PLACES;
  $("explain").disabled = at === 0 || at > COUNT;
  keepInSight(timeAt(at));
  draw();
}

function draw() {
  drawRaster();
  drawTrace();
  drawPictures();
  drawMaps();
  drawLanes();
  markInputs();
  describeCanvases();
  tell();
}

function describeCanvases() {
  $("raster").setAttribute("aria-label", `Raster of all spikes. ${spikeCounts}. Now ${$("what").textContent}, ${$("when").textContent}. The table of all spikes is further down.`);
  $("trace").setAttribute("aria-label", `Potential over time. ${shown().map(verdictOf).join(". ")}. The inputs follow as a table.`);
}

const toSpike = event => { if (event >= 0) { pause(); go(event + 1); } };
const nextSpike = () => { const k = upTo(spikeEvents, at - 1); if (k < spikeEvents.length) go(spikeEvents[k] + 1); };
const lastSpike = () => { const k = upTo(spikeEvents, at - 2); if (k > 0) go(spikeEvents[k - 1] + 1); };

function explainNow() {
  if (!at || at > COUNT) return;
  const layer = events.spike[at - 1] ? events.layer[at - 1] : events.source[at - 1];
  pick(layer, events.neuron[at - 1]);
}

/* -- playing ------------------------------------------------------------------------------- */

function play() {
  if (at === PLACES) go(0);
  const began = performance.now(), from = timeAt(at);
  const tick = now => {
    const time = from + (now - began) / 1000 / Number($("speed").value) * (finalTime || 1);
    const to = time < finalTime ? upTo(events.time, time) : PLACES;
    if (to !== at) go(Math.max(to, at));
    if (at >= PLACES) return pause();
    playing = requestAnimationFrame(tick);
  };
  playing = requestAnimationFrame(tick);
  $("glyph").setAttribute("d", "M3 2h4v12H3zM9 2h4v12H9z");
  $("play").setAttribute("aria-label", "Pause");
}

function pause() {
  if (playing === null) return;
  cancelAnimationFrame(playing);
  playing = null;
  $("glyph").setAttribute("d", "M3 1.5v13L14 8z");
  $("play").setAttribute("aria-label", "Play");
  go(at);
}

const toggle = () => playing !== null ? pause() : COUNT && play();
