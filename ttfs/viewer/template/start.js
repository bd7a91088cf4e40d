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
  $("summary").textContent = [layers.map(l => l.size).join("-"), many(spikeEvents.length, "spike"), many(COUNT, "event")].join(" · ");
  const said = decisionEvent >= 0 ? `says ${winner} at ${clock(events.time[decisionEvent])}${data.decision.tied ? " (tied)" : ""}`
    : `undecided; largest potential: ${winner}`;
  const right = data.label === String(winner) && decisionEvent >= 0;
  $("verdict").textContent = data.label === null ? said : `${said}, label ${data.label}: ${right ? "✓ right" : "✗ wrong"}`;
  if (data.label !== null) $("verdict").classList.add(right ? "good" : "bad");
  $("decide").disabled = decisionEvent < 0;
  $("play").disabled = !COUNT;
  $("scrub").max = PLACES;
  layers.forEach((layer, k) => $("layer").append(new Option(layer.name, k)));
}

startTheme();
fillHead();
makePictures();
makeMaps();
makeLanes();
if (decisionEvent >= 0) at = decisionEvent + 1;
chooseOutput(winner);
go(at);
listen();
