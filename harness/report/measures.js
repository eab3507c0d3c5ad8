// How many calls a second, and how long they took: counted anew for what is in view.

const RATE_HEIGHT = 104;
const CLOCKS_HEIGHT = 96;
const MOST_F = 8;
const OK = 0,
  REFUSED = 1,
  FAILED = 2,
  UNKNOWN = 3;
const KINDS = ["ok", "refused", "fail", "unknown"];
const NAMES = ["ok", "refused", "failed", "in doubt"];

/** The columns of calls as they are worked with: absolute times, and -1 for no end. */
const calls = (() => {
  const told = data.calls;
  if (!told) return { count: 0, ending: [] };
  const count = told.called.length;
  const called = new Float64Array(count),
    row = new Int32Array(count),
    took = Float64Array.from(told.took);
  for (let i = 0, at = 0, to = 0; i < count; i += 1) {
    called[i] = at += told.called[i];
    row[i] = to += told.row[i];
  }
  return { ...told, count, called, row, took, ending: Uint8Array.from(told.ending), f: Uint8Array.from(told.f.map((f) => Math.min(f, 255))) };
})();
const longest = calls.count ? calls.took.reduce((a, b) => Math.max(a, b), 0) : 0;
const endOf = (i) => (calls.took[i] < 0 ? END : calls.called[i] + calls.took[i]);

/** The first call that was made at this time or later. */
function firstAt(time) {
  let low = 0,
    high = calls.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (calls.called[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

const often = calls.count ? calls.fs.map(() => 0) : [];
for (let i = 0; i < calls.count; i += 1) often[calls.f[i]] += 1;
const shownFs = often.map((_, f) => f).sort((a, b) => often[b] - often[a] || a - b).slice(0, MOST_F);

/** When any fault was active: shades that lie on one another would say nothing more. */
const disturbed = [];
for (const { from, until } of [...faults].sort((a, b) => a.from - b.from)) {
  const last = disturbed[disturbed.length - 1];
  if (last && from <= last[1]) last[1] = Math.max(last[1], until);
  else disturbed.push([from, until]);
}

/** Shade the faults and mark the leaders, behind and before what a panel shows. */
function shade(pen, height) {
  pen.fillStyle = colours["fault-soft"];
  for (const [from, until] of disturbed) {
    if (until < view.low || from > view.high) continue;
    const x = inPlot(xOf(from));
    pen.fillRect(x, 0, Math.max(inPlot(xOf(until)) - x, 1), height);
  }
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const at of timeTicks().at) {
    const x = Math.round(xOf(at)) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
  }
  pen.stroke();
}

function mark(pen, height) {
  pen.save();
  pen.strokeStyle = colours.lead;
  pen.lineWidth = 1.5;
  pen.setLineDash([5, 3]);
  pen.beginPath();
  for (const { at } of leads) {
    if (at < view.low || at > view.high) continue;
    pen.moveTo(xOf(at), 0);
    pen.lineTo(xOf(at), height);
  }
  pen.stroke();
  pen.restore();
}

function label(pen, text, y) {
  pen.fillStyle = colours.quiet;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText(text, view.gutter - 8, y);
}

function across(pen, y) {
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(view.gutter, Math.round(y) + 0.5);
  pen.lineTo(view.width - RIGHT, Math.round(y) + 0.5);
  pen.stroke();
}

// -- rate -------------------------------------------------------------------------------------

/** How long a bin is: a round time of some pixels. */
const binOf = (pixels) => {
  const { step } = rounds(0, view.high - view.low, plotWidth() / pixels);
  return step;
};

/** Ended calls in each bin in view, by how they ended, each for as many as it stands for. */
function counted(bin) {
  const first = Math.floor(view.low / bin),
    bins = Math.ceil(view.high / bin) - first;
  const counts = KINDS.map(() => new Float64Array(bins));
  for (let i = firstAt(view.low - longest); i < calls.count && calls.called[i] <= view.high; i += 1) {
    const place = Math.floor(endOf(i) / bin) - first;
    if (calls.took[i] >= 0 && place >= 0 && place < bins) counts[calls.ending[i]][place] += data.every[calls.ending[i]];
  }
  return { first, bins, counts };
}

const hatches = new Map();
function hatch(pen, colour) {
  if (!hatches.has(colour)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const brush = tile.getContext("2d");
    brush.strokeStyle = colour;
    brush.lineWidth = 1.4;
    brush.beginPath();
    for (const shift of [-6, 0, 6]) {
      brush.moveTo(shift, 6);
      brush.lineTo(shift + 6, 0);
    }
    brush.stroke();
    hatches.set(colour, pen.createPattern(tile, "repeat"));
  }
  return hatches.get(colour);
}

function drawRate() {
  const pen = cleared(byId("rate"), RATE_HEIGHT);
  const floor = RATE_HEIGHT - 5,
    room = RATE_HEIGHT - 14;
  const bin = binOf(8);
  const { first, bins, counts } = counted(bin);
  let most = 1;
  for (let b = 0; b < bins; b += 1) most = Math.max(most, counts[0][b] + counts[1][b] + counts[2][b] + counts[3][b]);
  const perSecond = most / (bin / 1e6);
  shade(pen, RATE_HEIGHT);
  for (const level of rounds(0, perSecond, 3).at) {
    const y = floor - (level / perSecond) * room;
    if (level) across(pen, y);
    label(pen, level >= 10000 ? `${level / 1000}k` : number(level), y);
  }
  clipped(pen, RATE_HEIGHT);
  for (let b = 0; b < bins; b += 1) {
    const x1 = xOf((first + b) * bin),
      wide = Math.max(xOf((first + b + 1) * bin) - x1 - 1, 1);
    let y = floor;
    for (const kind of [OK, REFUSED, FAILED, UNKNOWN]) {
      const count = counts[kind][b];
      if (!count) continue;
      // What is rare is what one looks for: it is never thinner than one can see.
      const tall = Math.max((count / most) * room, kind === OK ? 1 : 3);
      const name = KINDS[kind] === "fail" ? "failed" : KINDS[kind];
      pen.fillStyle = kind === OK ? colours["ok-edge"] : kind === FAILED ? colours.sheet : colours[name];
      pen.fillRect(x1, y - tall, wide, tall);
      if (kind !== OK) {
        pen.fillStyle = kind === UNKNOWN ? colours["unknown-edge"] : hatch(pen, colours[`${name}-edge`]);
        pen.fillRect(x1, y - tall, wide, tall);
      }
      y -= tall;
    }
  }
  pen.restore();
  across(pen, floor);
  mark(pen, RATE_HEIGHT);
}

// -- latency ----------------------------------------------------------------------------------

const latencyHeight = () => (isNarrow() ? 84 : 96);
let lowTook = 1,
  highTook = 1;
for (let i = 0, least = Infinity; i < calls.count; i += 1) {
  if (calls.took[i] <= 0) continue;
  least = Math.min(least, calls.took[i]);
  lowTook = Math.max(1, least);
  highTook = Math.max(highTook, calls.took[i]);
}
const lowLog = Math.floor(Math.log10(lowTook) * 2) / 2,
  highLog = Math.max(Math.log10(highTook) + 0.08, lowLog + 1);

function makeLatencyPanels() {
  shownFs.forEach((f, i) => {
    const canvas = element("canvas", { class: "latency", role: "img", "aria-label": `How long each ${calls.fs[f]} took, over time; the table is below` });
    const head = element("h3", {}, calls.fs[f]);
    if (i === 0) head.append(element("span", { class: "note" }, "how long each took"), element("span", { class: "legend", id: "latency-legend" }));
    byId("latency-panels").append(element("div", { class: "panel" }, head, canvas));
  });
  const more = often.length - shownFs.length;
  if (more > 0) byId("latency-panels").append(element("p", { class: "help quiet" }, `${more} more kinds of calls are in the table below.`));
  if (shownFs.length) legend("latency-legend", [["line p50", "p50"], ["line p95", "p95"], ["line p99", "p99"]]);
}

/** Quantiles of the answered calls of each bin; of a bin with few calls there are none. */
function quantilesOf(f, bin) {
  const first = Math.floor(view.low / bin),
    bins = Math.ceil(view.high / bin) - first;
  const found = Array.from({ length: bins }, () => []),
    ends = new Float64Array(bins);
  for (let i = firstAt(view.low - longest); i < calls.count && calls.called[i] <= view.high; i += 1) {
    if (calls.f[i] !== f || calls.ending[i] > REFUSED || calls.took[i] < 0) continue;
    const place = Math.floor(endOf(i) / bin) - first;
    if (place >= 0 && place < bins) found[place].push(calls.took[i]);
    if (place >= 0 && place < bins) ends[place] += endOf(i);
  }
  return found.map((took, b) => {
    if (took.length < 3) return null;
    took.sort((a, c) => a - c);
    const at = (q) => took[Math.min(Math.floor(q * took.length), took.length - 1)];
    return { time: ends[b] / took.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  });
}

/** The calls as grains, darker where many lie on one another. */
function grains(pen, f, yOf, height) {
  let visible = 0;
  for (let i = firstAt(view.low); i < calls.count && calls.called[i] <= view.high; i += 1) visible += calls.f[i] === f;
  const size = visible < 120 ? 5 : visible < 600 ? 3 : 2; // of few calls each is to be seen
  const wide = Math.ceil(view.width / size),
    tall = Math.ceil(height / size);
  const seen = new Uint16Array(wide * tall);
  for (let i = firstAt(view.low - longest); i < calls.count && calls.called[i] <= view.high; i += 1) {
    if (calls.f[i] !== f || calls.ending[i] > REFUSED || calls.took[i] < 0) continue;
    const x = xOf(endOf(i));
    if (x < view.gutter || x > view.width - RIGHT) continue;
    const place = Math.floor(x / size) + wide * clamp(Math.floor(yOf(calls.took[i]) / size), 0, tall - 1);
    if (seen[place] < 65535) seen[place] += 1;
  }
  pen.fillStyle = colours["ok-edge"];
  for (let place = 0; place < seen.length; place += 1) {
    if (!seen[place]) continue;
    pen.globalAlpha = Math.min(0.42 + 0.16 * Math.log2(seen[place]), 1);
    pen.fillRect((place % wide) * size, Math.floor(place / wide) * size, size, size);
  }
  pen.globalAlpha = 1;
}

/** Those without an answer: a cross where it was given up, a ring where it never left. */
function unanswered(pen, f, yOf) {
  for (const kind of [FAILED, UNKNOWN]) {
    pen.strokeStyle = colours[kind === FAILED ? "failed-strong" : "unknown-strong"];
    pen.lineWidth = 1.6;
    pen.beginPath();
    for (let i = firstAt(view.low - longest); i < calls.count && calls.called[i] <= view.high; i += 1) {
      if (calls.f[i] !== f || calls.ending[i] !== kind || calls.took[i] < 0) continue;
      const x = xOf(endOf(i)),
        y = yOf(calls.took[i]);
      if (kind === UNKNOWN) {
        pen.moveTo(x - 3.5, y - 3.5);
        pen.lineTo(x + 3.5, y + 3.5);
        pen.moveTo(x - 3.5, y + 3.5);
        pen.lineTo(x + 3.5, y - 3.5);
      } else {
        pen.moveTo(x + 3, y);
        pen.arc(x, y, 3, 0, 7);
      }
    }
    pen.stroke();
  }
}

function drawLatency() {
  const height = latencyHeight();
  const yOf = (us) => height - 6 - ((Math.log10(Math.max(us, 1)) - lowLog) / (highLog - lowLog)) * (height - 14);
  const bin = binOf(26);
  document.querySelectorAll("canvas.latency").forEach((canvas, place) => {
    const f = shownFs[place];
    const pen = cleared(canvas, height);
    shade(pen, height);
    for (let power = Math.ceil(lowLog); power <= highLog; power += 1) {
      across(pen, yOf(10 ** power));
      label(pen, duration(10 ** power).replace(/\.0+ /, " "), yOf(10 ** power));
    }
    clipped(pen, height);
    grains(pen, f, yOf, height);
    const bins = quantilesOf(f, bin);
    for (const [name, dash, wide] of [["p99", [1.5, 2.5], 1.4], ["p95", [5, 3], 1.4], ["p50", [], 2.2]]) {
      for (const [colour, more] of [[colours.sheet, 2], [colours.p50, 0]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = wide + more;
        pen.globalAlpha = more ? 0.6 : 1;
        pen.setLineDash(more ? [] : dash);
        pen.beginPath();
        bins.forEach((one, b) => {
          if (!one) return;
          const x = xOf(one.time),
            y = yOf(one[name]);
          if (b && bins[b - 1]) pen.lineTo(x, y);
          else {
            // One that stands alone is to be seen, too.
            pen.moveTo(bins[b + 1] ? x : x - 5, y);
            if (!bins[b + 1]) pen.lineTo(x + 5, y);
          }
        });
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    unanswered(pen, f, yOf);
    pen.restore();
    mark(pen, height);
  });
}

// -- clocks -----------------------------------------------------------------------------------

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4]];

function drawClocks() {
  if (!data.clocks.length) return;
  const pen = cleared(byId("clocks"), CLOCKS_HEIGHT);
  const all = data.clocks.flatMap(([, steps]) => steps.map(([, ms]) => ms / 1000));
  const low = Math.min(0, ...all) - 0.05,
    high = Math.max(0, ...all) + 0.05;
  const yOf = (s) => CLOCKS_HEIGHT - 10 - ((s - low) / (high - low)) * (CLOCKS_HEIGHT - 20);
  shade(pen, CLOCKS_HEIGHT);
  for (const level of rounds(low, high, 4).at) {
    across(pen, yOf(level));
    label(pen, `${level > 0 ? "+" : ""}${+level.toFixed(3)} s`, yOf(level));
  }
  clipped(pen, CLOCKS_HEIGHT);
  data.clocks.forEach(([node, steps], i) => {
    if (!steps.length) return;
    pen.strokeStyle = colours.p50;
    pen.lineWidth = 1.8;
    pen.setLineDash(DASHES[i % DASHES.length]);
    pen.beginPath();
    steps.forEach(([at, ms], k) => (k ? pen.lineTo(xOf(at), yOf(ms / 1000)) : pen.moveTo(xOf(at), yOf(ms / 1000))));
    pen.stroke();
    const [at, ms] = steps.reduce((a, b) => (Math.abs(b[1]) > Math.abs(a[1]) ? b : a));
    // The node's name stands where its clock was off most.
    if (Math.abs(ms) < 20) return;
    pen.setLineDash([]);
    pen.textAlign = "left";
    pen.textBaseline = ms > 0 ? "top" : "bottom";
    pen.fillStyle = colours.ink;
    pen.fillText(node, clamp(xOf(at), view.gutter, view.width - 40) + 5 + 24 * (i % 5), yOf(ms / 1000) + (ms > 0 ? 4 : -4));
  });
  pen.restore();
  mark(pen, CLOCKS_HEIGHT);
}
