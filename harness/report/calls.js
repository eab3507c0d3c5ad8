// Every call: a lane a client, a bar a call.

const picked = { call: null };
const wrongOf = new Map(); // call -> the reasons that speak of it
for (const [reason, places] of data.wrong) {
  for (const place of places) wrongOf.set(place, [...(wrongOf.get(place) || []), reason]);
}
const wrongCalls = () => [...wrongOf.keys()];

const lanes = calls.count ? Array.from({ length: calls.lanes }, () => []) : [];
for (let i = 0; i < calls.count; i += 1) {
  const lane = ((calls.process[i] % calls.lanes) + calls.lanes) % calls.lanes;
  lanes[lane].push(i);
}
const laneOf = (i) => ((calls.process[i] % calls.lanes) + calls.lanes) % calls.lanes;
const laneHeight = () => clamp(Math.floor(900 / Math.max(lanes.length, 1)), 5, isNarrow() ? 18 : 20);
const callsHeight = () => lanes.length * laneHeight() + 16;
const topOf = (lane) => 10 + lane * laneHeight();

/** The calls of a lane that are in view; one before may reach into it. */
function inView(lane) {
  const its = lanes[lane];
  let low = 0,
    high = its.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (calls.called[its[middle]] < view.low) low = middle + 1;
    else high = middle;
  }
  const found = [];
  for (let k = Math.max(low - 2, 0); k < its.length && calls.called[its[k]] <= view.high; k += 1) {
    if (endOf(its[k]) >= view.low) found.push(its[k]);
  }
  return found;
}

const FILLS = ["ok", "refused", "sheet", "unknown"];
const EDGES = ["ok-edge", "refused-edge", "failed-edge", "unknown-edge"];

function drawCalls() {
  if (!lanes.length) return;
  const height = callsHeight(),
    tall = laneHeight(),
    bar = Math.max(tall - 4, 3);
  const pen = cleared(byId("calls"), height);
  shade(pen, height);
  lanes.forEach((_, lane) => {
    if (tall >= 11 || lane % 5 === 0) label(pen, String(lane), topOf(lane) + bar / 2);
  });
  clipped(pen, height);
  lanes.forEach((_, lane) => {
    const its = inView(lane),
      top = topOf(lane);
    // Many calls to a pixel are one bar. Those without an answer are painted over the others.
    for (const kind of [REFUSED, OK, FAILED, UNKNOWN]) {
      let until = -1;
      for (const i of its) {
        if (calls.ending[i] !== kind) continue;
        const x1 = Math.max(xOf(calls.called[i]), view.gutter - 4);
        const x2 = Math.max(Math.min(xOf(endOf(i)), view.width + 4), x1 + (kind === OK ? 1 : 2));
        if (x2 <= until) continue;
        const wide = x2 - x1;
        pen.fillStyle = colours[wide < 4 ? EDGES[kind] : FILLS[kind]];
        pen.fillRect(x1, top, wide, bar);
        if (wide >= 4) outline(pen, kind, x1, top, wide, bar, i);
        until = wide < 4 ? Math.ceil(x2) : x2;
      }
    }
  });
  for (const [i] of wrongOf) ring(pen, i, bar, colours.bad, 2.5);
  if (picked.call !== null) ring(pen, picked.call, bar, colours.focus, 3);
  pen.restore();
  mark(pen, height);
}

function outline(pen, kind, x, y, wide, tall, i) {
  if (kind === REFUSED) {
    pen.fillStyle = hatch(pen, colours["refused-edge"]);
    pen.globalAlpha = 0.45;
    pen.fillRect(x, y, wide, tall);
    pen.globalAlpha = 1;
  }
  pen.strokeStyle = colours[EDGES[kind]];
  pen.lineWidth = 1;
  pen.setLineDash(kind === UNKNOWN ? [4, 3] : kind === FAILED ? [1.5, 3] : []);
  pen.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
  pen.setLineDash([]);
  if (tall < 12) return;
  const text = fitted(calls.texts[calls.label[i]], wide - 8);
  if (!text) return;
  pen.fillStyle = colours.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(text, Math.max(x, view.gutter) + 4, y + tall / 2 + 0.5);
}

function ring(pen, i, bar, colour, width) {
  const x1 = xOf(calls.called[i]),
    x2 = Math.max(xOf(endOf(i)), x1 + 3);
  const top = topOf(laneOf(i));
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(x1 - 1.5, top - 1.5, x2 - x1 + 3, bar + 3);
  if (colour !== colours.bad) return;
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x1 - 4, top - 9);
  pen.lineTo(x1 + 4, top - 9);
  pen.lineTo(x1, top - 2);
  pen.fill();
}

/** The call at this place of the canvas, or the next one within reach. */
function callAt(x, y, reach) {
  const lane = Math.floor((y - 8) / laneHeight());
  if (lane < 0 || lane >= lanes.length) return null;
  let best = null,
    distance = reach;
  for (const i of inView(lane)) {
    const off = Math.max(xOf(calls.called[i]) - x, x - xOf(endOf(i)), 0);
    if (off < distance || (off === distance && wrongOf.has(i))) {
      best = i;
      distance = off;
    }
  }
  return best;
}

// -- the card ---------------------------------------------------------------------------------

const card = byId("card"),
  stage = byId("stage");

function pick(call) {
  picked.call = call;
  card.hidden = call === null;
  if (call !== null) fillCard(call);
  drawCalls();
  if (call !== null) placeCard(call);
}

function fillCard(i) {
  const facts = [
    ["process", String(calls.process[i])],
    ["key", calls.keys[calls.key[i]]],
    ["node", calls.nodes[calls.node[i]]],
    ["outcome", NAMES[calls.ending[i]]],
    ["because", calls.texts[calls.why[i]]],
    ["called", moment(calls.called[i], 1)],
    [calls.ending[i] === UNKNOWN ? "given up" : "returned", calls.took[i] < 0 ? "nobody saw it" : moment(endOf(i), 1)],
    ["took", calls.took[i] < 0 ? "" : duration(calls.took[i])],
    ["row", number(calls.row[i])],
  ];
  const list = element("dl");
  for (const [name, value] of facts) if (value) list.append(element("dt", {}, name), element("dd", {}, value));
  const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => {
    pick(null);
    byId("calls").focus({ preventScroll: true });
  });
  const parts = [close, element("h4", {}, calls.texts[calls.label[i]])];
  for (const reason of wrongOf.get(i) || []) {
    const title = document.querySelector(`#reason-${reason} h3`);
    parts.push(element("p", { class: "bad" }, title ? title.textContent.trim() : "✕ part of a wrong"));
  }
  if (calls.ending[i] === UNKNOWN) parts.push(element("p", { class: "quiet" }, "It may have taken effect, or may yet."));
  card.replaceChildren(...parts, list);
}

function placeCard(i) {
  if (isNarrow()) return;
  const canvas = byId("calls");
  const top = canvas.offsetTop + topOf(laneOf(i));
  const below = top + laneHeight() + 8;
  const seen = stage.getBoundingClientRect();
  const fits = seen.top + below + card.offsetHeight < window.innerHeight;
  card.style.left = `${clamp(xOf(calls.called[i]), 8, Math.max(8, view.width - card.offsetWidth - 8))}px`;
  card.style.top = `${fits ? below : Math.max(top - card.offsetHeight - 14, 0)}px`;
}

/** Move on from the picked call, or begin with the first wrong one in view. */
function step(key) {
  if (picked.call === null) {
    const first = firstAt(view.low);
    const wrong = wrongCalls().find((i) => calls.called[i] >= view.low && calls.called[i] <= view.high);
    return wrong ?? (first < calls.count ? first : null);
  }
  const lane = laneOf(picked.call);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const its = lanes[lane];
    return its[its.indexOf(picked.call) + (key === "ArrowRight" ? 1 : -1)] ?? picked.call;
  }
  const other = lanes[lane + (key === "ArrowDown" ? 1 : -1)];
  if (!other || !other.length) return picked.call;
  const off = (i) => Math.abs(calls.called[i] - calls.called[picked.call]);
  return other.reduce((best, i) => (off(i) < off(best) ? i : best));
}

function reveal(i) {
  const span = view.high - view.low;
  if (calls.called[i] < view.low || calls.called[i] > view.high) look(calls.called[i] - span * 0.3, calls.called[i] + span * 0.7);
  pick(i);
}
