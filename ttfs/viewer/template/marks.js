/* -- marks in the raster: causes, effects, and what a wish has changed --------------------------- */

/* A triangle: upright and filled for what excites, upside down and hollow for what inhibits. */
function drawMark(pen, x, y, weight, share) {
  const up = weight > 0 ? 1 : -1, colour = weight > 0 ? look.excites : look.inhibits, size = 3.5;
  pen.globalAlpha = 0.4 + 0.6 * share;
  pen.beginPath();
  pen.moveTo(x - size, y + size * up); pen.lineTo(x + size, y + size * up); pen.lineTo(x, y - size * up);
  pen.closePath();
  [pen.fillStyle, pen.strokeStyle] = [up > 0 ? colour : look.panel, colour];
  pen.fill();
  pen.stroke();
  pen.globalAlpha = 1;
}

/* The spikes that reached the chosen neuron; or where its own spike has arrived. */
function drawMarks(pen) {
  const marks = chosen.effects ? effectsOf(chosen.layer, chosen.neuron) : causesOf(chosen.layer, chosen.neuron);
  const most = marks.reduce((largest, { weight }) => Math.max(largest, Math.abs(weight)), 1e-300);
  for (const { layer, neuron, time, weight } of marks)
    if (weight) drawMark(pen, plot.x(time), rowOf(layer, neuron), weight, Math.abs(weight) / most);
}

/* Where spikes were that have moved or are gone, and which are new. */
function drawDifferences(pen) {
  if (!wishes.length) return;
  const all = differences();
  pen.strokeStyle = pen.fillStyle = look.cursor;
  for (const { layer, neuron, before, after } of all) {
    const y = rowOf(layer, neuron), [old, now] = [plot.x(before), plot.x(after)];
    if (before === Infinity) drawStroke(pen, [[now - 4, y], [now + 4, y]], [[now, y - 4], [now, y + 4]]);
    else if (after === Infinity) drawStroke(pen, [[old - 3, y - 3], [old + 3, y + 3]], [[old - 3, y + 3], [old + 3, y - 3]]);
    else {
      const tip = now > old ? now - 2 : now + 2, back = now > old ? tip - 4 : tip + 4;
      pen.globalAlpha = all.length > 60 ? 0.35 : 1;
      pen.strokeRect(Math.round(old) - 1.5, y - 2.5, 3, 5);
      drawStroke(pen, [[old, y], [now, y]], Math.abs(now - old) > 9 ? [[back, y - 3], [tip, y], [back, y + 3]] : []);
      pen.globalAlpha = 1;
    }
  }
}

function drawStroke(pen, ...paths) {
  pen.beginPath();
  for (const path of paths) path.forEach(([x, y], k) => k ? pen.lineTo(x, y) : pen.moveTo(x, y));
  pen.stroke();
}
