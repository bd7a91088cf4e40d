/* -- the outputs --------------------------------------------------------------------------- */

const lanes = [];
let goal = 1, floor = 0;

function makeLanes() {
  const size = layers[LAST].size, finite = layers[LAST].own.some(Number.isFinite);
  $("race").hidden = size > 60 || !finite;
  if ($("race").hidden) return;
  $("racetitle").textContent = `${layers[LAST].name}: potential now`;
  // room for every digit where there is any
  $("lanes").style.setProperty("--volts", data.single ? "7.8em" : "12.4em");
  $("lanes").style.setProperty("--instant", SINGLE_TIMES ? "8.6em" : "14em");
  for (let j = 0; j < size; j++) lanes.push(makeLane(j));
  layLanes();
}

/* As the potentials of this run need it. */
function layLanes() {
  const all = lanes.map(({ j }) => explain(LAST, j));
  if (!all.length) return;
  floor = Math.min(0, ...all.map(found => extent([...found.potential, ...pointsOf(found).map(point => point[1])])[0]));
  goal = extent(all.map(found => found.threshold))[1] * 1.08;
  for (const { j, lane, goal: mark } of lanes) {
    const { threshold } = explain(LAST, j);
    mark.hidden = threshold === Infinity;
    mark.style.left = mark.hidden ? "0" : `calc(${100 * (threshold - floor) / (goal - floor)}% - 1px)`;
    lane.classList.toggle("winner", decision !== null && j === decision.label);
  }
}

function makeLane(j) {
  const lane = document.createElement("button"), parts = {};
  lane.className = "lane";
  lane.type = "button";
  for (const name of ["who", "track", "volts", "fired"]) lane.append(parts[name] = document.createElement("span"));
  parts.track.className = "track";
  for (const name of ["fill", "goal"]) {
    parts.track.append(parts[name] = document.createElement("span"));
    parts[name].className = name;
  }
  parts.who.textContent = j;
  lane.addEventListener("click", () => chooseOutput(j));
  $("lanes").append(lane);
  return { j, lane, ...parts };
}

function drawLanes() {
  for (const { j, lane, fill, volts: shownVolts, fired } of lanes) {
    const found = explain(LAST, j), value = potentialAt(found, at);
    const time = Math.min(found.fired, timeAt(at)), count = upTo(found.event, at - 1);
    const text = volts(settled(value, errorOf(found, count, time, value)));
    const percent = v => 100 * (Math.min(goal, Math.max(floor, v)) - floor) / (goal - floor);
    fill.style.left = `${percent(Math.min(0, value))}%`;
    fill.style.width = `${Math.abs(percent(value) - percent(0))}%`;
    const done = found.spike >= 0 && found.spike < at;
    lane.classList.toggle("fired", done);
    lane.setAttribute("aria-pressed", chosen.layer === LAST && (chosen.neuron === j || chosen.against === j));
    shownVolts.textContent = text;
    fired.textContent = done ? `at ${instant(found.fired)}` : "";
    lane.title = `${called(LAST, j)}: potential ${text} of ${volts(found.threshold)}`
      + (done ? `, fired at ${clock(found.fired)}` : "");
    lane.setAttribute("aria-label", lane.title);
  }
}
