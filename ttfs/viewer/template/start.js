/* -- beginning ----------------------------------------------------------------------------- */

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
  $("theme").setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"} colours`);
  readLook();
}

function startTheme() {
  const wish = window.matchMedia("(prefers-color-scheme: dark)");
  let own = false;
  setTheme(wish.matches ? "dark" : "light");
  wish.addEventListener("change", () => { if (!own) { setTheme(wish.matches ? "dark" : "light"); draw(); } });
  $("theme").addEventListener("click", () => { own = true; setTheme(dark() ? "light" : "dark"); draw(); });
}

function fillHead() {
  $("title").textContent = data.title;
  for (const id of ["decide", "verdict"]) $(id).hidden = !decision;
  layers.forEach((layer, k) => $("layer").append(new Option(layer.name, k)));
  fillRun();
}

/* What is said of the whole run. */
function fillRun() {
  const sizes = layers.map(layer => layer.size).join("-");
  $("summary").textContent = [sizes === data.title ? "" : sizes, many(spikeEvents.length, "spike"), many(COUNT, "event")].filter(Boolean).join(" · ");
  $("decide").disabled = !decision || decision.event < 0;
  $("play").disabled = !COUNT;
  $("scrub").max = PLACES;
  if (!decision) return;
  const { label, time, isTied } = decision, right = data.label === String(label) && time < Infinity;
  const said = time < Infinity ? `says ${label} at ${clock(time)}${isTied ? " (tied)" : ""}` : `undecided; largest potential: ${label}`;
  $("verdict").textContent = data.label === null ? said : `${said}, label ${data.label}: ${right ? "✓ right" : "✗ wrong"}`;
  $("verdict").classList.toggle("good", data.label !== null && right);
  $("verdict").classList.toggle("bad", data.label !== null && !right);
}

/* The spike that the page opens with: the one that decides, or the first of the last layer that has any. */
function openAtSpike() {
  if (decision) {
    at = decision.event + 1;
    return chooseOutput(decision.label);
  }
  const event = spikeEvents.reduce((best, k) => best < 0 || events.layer[k] > events.layer[best] ? k : best, -1);
  at = event + 1;
  choose(event < 0 ? LAST : events.layer[event], event < 0 ? 0 : events.neuron[event]);
}

/* The frame of a notebook becomes as tall as the page. */
function fitFrame() {
  try {
    if (window.frameElement) window.frameElement.style.height = `${Math.min(2000, document.documentElement.scrollHeight + 4)}px`;
  } catch { /* a frame from elsewhere keeps its height */ }
}

begin();
startTheme();
fillHead();
makePictures();
makeMaps();
makeLanes();
openAtSpike();
go(at);
listen();
fitFrame();
