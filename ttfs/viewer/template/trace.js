/* -- the potential ------------------------------------------------------------------------- */

/* Corners of the line from 0 to the spike or the end; with steps, and in pools, an instant has one jump. */
function cornersOf(found) {
  const corners = [[0, found.bias]], points = pointsOf(found);
  points.forEach(([time, value], k) => {
    if (!LINES || found.pools && k < points.length - 1) corners.push([time, corners[corners.length - 1][1]]);
    corners.push([time, value]);
  });
  return corners;
}

let trace = { left: 0, right: 1, from: 0, to: 1, time: () => 0 };   // where its times are

function drawTrace() {
  const { pen, width, height } = clear($("trace"), 230);
  const all = shown(), lines = all.map(cornersOf);
  const isWhole = !data.decides && data.horizon !== null;   // circuits are shown to their horizon
  const until = isWhole ? data.horizon : Math.max(...all.map(f => Math.min(f.fired, finalTime))) * 1.06 || span;
  const [from, to] = zoom || [0, until];
  all.forEach((found, k) => {   // a jump is the last that happens
    const corner = lines[k][lines[k].length - 1];
    if (found.spike < 0 && !LINES && to > corner[0]) lines[k].push([to, corner[1]]);
  });
  const levels = lines.flat().map(corner => corner[1]).concat(0, ...all.map(f => f.threshold));
  const [low, high] = extent(levels), room = (high - low) * 0.1 || 1;
  const box = { left: 50, right: width - 10, top: 8, bottom: height - 34 };
  box.x = time => box.left + (box.right - box.left) * (time - from) / (to - from);
  box.y = v => box.bottom - (box.bottom - box.top) * (v - low + room / 2) / (high - low + room * 1.5);
  box.low = low; box.high = high + room / 2;
  box.time = x => Math.max(0, from + (to - from) * Math.min(1, Math.max(0, (x - box.left) / (box.right - box.left))));
  trace = Object.assign(box, { from, to });
  drawAxes(pen, box, height);
  pen.save();
  pen.beginPath(); pen.rect(box.left, 0, box.right - box.left + 8, box.bottom + 6); pen.clip();
  const now = box.x(timeAt(at));
  if (now <= box.right) line(pen, now, box.top, now, box.bottom, look.cursor);
  all.forEach((found, k) => drawThreshold(pen, box, found, k, all));
  for (let k = all.length - 1; k >= 0; k--) drawLine(pen, box, all[k], lines[k], k);
  all.forEach((found, k) => drawNow(pen, box, found, k));
  pen.restore();
}

function drawAxes(pen, box, height) {
  pen.fillStyle = look.well;
  pen.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  for (const level of ticks(box.low, box.high, 4)) {
    const y = Math.round(box.y(level)) + 0.5;
    line(pen, box.left, y, box.right, y, look.faint);
    write(pen, about(level), box.left - 6, y, look.quiet, "right");
  }
  for (const time of ticks(box.from, box.to, Math.max(2, (box.right - box.left) / 70))) {
    const x = box.x(time);
    line(pen, x, box.bottom, x, box.bottom + 4, look.quiet);
    if (x < box.right - 6) write(pen, about(time), x, box.bottom + 12, look.quiet, "center");
  }
  write(pen, `time (${data.units})`, (box.left + box.right) / 2, height - 7, look.quiet, "center");
}

function drawThreshold(pen, box, found, k, all) {
  if (!Number.isFinite(found.threshold)) return;
  if (k && found.threshold === all[0].threshold) return;
  const y = Math.round(box.y(found.threshold)) + 0.5;
  if (found.heard === null) line(pen, box.left, y, box.right, y, look.ink, [6, 4]);
  else fall(pen, box, found, y);
  const text = `threshold ${volts(found.threshold)}`, width = pen.measureText(text).width;
  let x = box.left + 6;
  for (const f of [...all].sort((a, b) => a.fired - b.fired)) {   // beside the rings
    const near = f.spike >= 0 && Math.abs(box.y(f.last) - y) < 14, ring = box.x(f.fired);
    if (near && ring > x - 8 && ring < x + width + 8) x = ring + 10;
  }
  write(pen, text, x, y - 8, look.ink);
}

/* A threshold that falls when the window begins. */
function fall(pen, box, found, y) {
  const [begin, end] = WINDOWS.fires[found.layer].map(box.x), right = Math.min(end, box.right);
  line(pen, box.left, y, Math.min(begin, box.right), y, look.ink, [6, 4]);
  if (begin < box.right) line(pen, begin, y, right, y + (box.y(0) - y) * (right - begin) / (end - begin), look.ink, [6, 4]);
}

function drawLine(pen, box, found, corners, k) {
  pen.strokeStyle = k ? look.second : look.first;
  pen.lineWidth = 2;
  pen.setLineDash(k ? [5, 3] : []);
  pen.beginPath();
  for (const [time, value] of corners) if (Number.isFinite(value)) pen.lineTo(box.x(time), box.y(value));
  pen.stroke();
  pen.setLineDash([]);
  const [time, value] = corners[corners.length - 1];
  if (found.spike >= 0 && Number.isFinite(value)) {
    pen.fillStyle = look.panel;
    pen.beginPath(); pen.arc(box.x(time), box.y(value), 5, 0, 7); pen.fill(); pen.stroke();
  }
  if (found.spike < 0 && found.count) diamond(pen, box, found);
  pen.lineWidth = 1;
}

/* Where a silent neuron came closest to its threshold. */
function diamond(pen, box, found) {
  const [time, value] = closest(found), x = box.x(time), y = box.y(value);
  pen.fillStyle = look.panel;
  pen.beginPath();
  for (const [right, down] of [[5, 0], [0, 5], [-5, 0], [0, -5]]) pen.lineTo(x + right, y + down);
  pen.closePath(); pen.fill(); pen.stroke();
}

/* Where each of the lines is now. */
function drawNow(pen, box, found, k) {
  const time = timeAt(at);
  if (time > found.fired) return;
  const value = potentialAt(found, at);
  if (!Number.isFinite(value)) return;
  pen.fillStyle = k ? look.second : look.first;
  pen.beginPath(); pen.arc(box.x(time), box.y(value), 3.5, 0, 7); pen.fill();
}
