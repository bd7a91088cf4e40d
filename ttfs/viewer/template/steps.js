/* -- a stimulus run anew: potentials that jump ----------------------------------------------- */

const steps = {
  begin(s) {
    s.potential = new Volts(UNITS);
    s.touched = new Uint8Array(UNITS);   // positions of this instant,
    s.positions = [];   // and which they are; null for all
    [s.line, s.place, s.lined] = [[], 0, -1];   // who fires now, and of which layer they are
  },
  reachAll(s) { s.positions = null; },
  reachPosition(s, p, position) {
    const mark = starts[p.target] + position;
    if (!groups[p.target]) s.positions = null;
    else if (s.positions && !s.touched[mark]) { s.touched[mark] = 1; s.positions.push(position); }
    return starts[p.target] + position * p.columns;
  },
  takeFirst(s, unit) { if (s.limits[unit] < Infinity) s.potential[unit] = s.limits[unit]; },
  addRow({ potential }, { weights, columns }, unit, first) {
    for (let j = 0; j < columns; j++) potential[unit + j] += weights[first + j];
  },
  addSynapses(s, p, first, last) {
    s.positions = null;
    for (let k = first; k < last; k++) s.potential[starts[p.target] + p.indices[k]] += p.weights[k];
  },
  settle(s, layer) {
    const start = starts[layer], group = groups[layer], line = [];
    const look = (from, to) => {
      for (let j = from; j < to; j++) {
        const limit = s.limits[start + j];
        if (s.potential[start + j] >= limit && limit < Infinity) line.push(j);
      }
    };
    if (s.positions) for (const position of s.positions.sort((a, b) => a - b)) look(position * group, (position + 1) * group);
    else look(0, layers[layer].size);
    for (const position of s.positions || []) s.touched[start + position] = 0;
    [s.positions, s.line, s.place, s.lined] = [[], line, 0, layer];
  },
  ready(s) { return s.place < s.line.length ? [s.clock, s.lined, s.line[s.place]] : NOBODY; },
  send(s, layer, neuron, isGiven) {
    fire(s, layer, neuron);
    if (!isGiven) s.place++;
  },
};
