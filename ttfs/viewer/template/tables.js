/* -- tables ---------------------------------------------------------------------------------- */

/* A value is text, or [text, 0 or 1] with a swatch of the first or second line. */
function fillTable(table, head, rows) {
  const top = document.createElement("thead"), body = document.createElement("tbody");
  const titles = top.insertRow(), wide = head.map((_, k) => widestOf(rows.map(row => fractionOf(row[k]).length)));
  for (const text of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    titles.append(cell);
  }
  for (const row of rows) {
    const place = body.insertRow();
    row.forEach((value, k) => {
      const cell = place.insertCell();
      if (Array.isArray(value)) cell.append(swatchOf(value[1]), value[0]);
      else cell.textContent = value;
      if (wide[k]) align(cell, fractionOf(value), wide[k]);
    });
  }
  table.replaceChildren(top, body);
  fitTable(table);
}

const rooms = new Map();   // how wide the places of tables are

/* A table that is too wide for its place is set in smaller type; if that is not enough, it becomes a
   list of cards, which name their numbers. Its width is computed: to ask for it would take long. */
function fitTable(table) {
  const place = table.parentElement, rows = [table.tHead.rows[0], ...table.tBodies[0].rows], pen = $("raster").getContext("2d");
  if (!rooms.get(table)) rooms.set(table, place.clientWidth);
  pen.font = "12px system-ui, sans-serif";
  const widths = Array.from(rows[0].cells, (_, k) => {
    const texts = rows.map(row => row.cells[k] ? row.cells[k].textContent : ""), fraction = longestOf(texts.map(fractionOf));
    const isAligned = fraction.length <= MOST_DIGITS;
    const longest = isAligned ? longestOf(texts.map(text => text.slice(0, text.length - fractionOf(text).length))) + fraction : longestOf(texts);
    const body = pen.measureText(longest).width;
    pen.font = "600 12px system-ui, sans-serif";
    const head = pen.measureText(texts[0]).width;
    pen.font = "12px system-ui, sans-serif";
    return Math.max(body, head) + (rows.some(row => row.cells[k] && row.cells[k].firstElementChild) ? 24 : 0);
  });
  const text = widths.reduce((sum, width) => sum + width, 0), room = rooms.get(table) - 4;
  const isTight = text + 10 * widths.length > room, isCards = room > 0 && text * 11 / 12 + 6 * widths.length > room;
  table.classList.toggle("tight", isTight && !isCards);
  table.classList.toggle("cards", isCards);
  if (isCards) for (const row of rows.slice(1)) for (const cell of row.cells) cell.dataset.label = rows[0].cells[cell.cellIndex].textContent;
}

function fitTables() {
  rooms.clear();
  for (const table of document.querySelectorAll("table")) if (table.tHead) fitTable(table);
}

const longestOf = texts => texts.reduce((a, b) => b.length > a.length ? b : a, "");

const MOST_DIGITS = 10;   // of fractions with more, which are long anyway, points are not below each other

function widestOf(lengths) {
  const found = Math.max(0, ...lengths);
  return found > MOST_DIGITS ? 0 : found;
}

/* The digits of a number after its point, with it. */
function fractionOf(value) {
  const found = typeof value === "string" && value.match(/^[+−]?\d+(\.\d.*)$/);
  return found ? found[1] : "";
}

/* Points of numbers stand below each other: what a cell lacks of the longest fraction is padding. */
function align(cell, fraction, wide) {
  const lacking = wide - fraction.length - (fraction || !wide ? 0 : 0.5);   // a point is half as wide as a digit
  if (lacking > 0) cell.style.paddingRight = `calc(var(--beside) + ${lacking}ch)`;
}

function swatchOf(second) {
  const swatch = document.createElement("span");
  swatch.className = second ? "swatch b" : "swatch";
  swatch.style.borderColor = `var(--${second ? "second" : "first"})`;
  return swatch;
}
