// Pointer, wheel and keys, and what they move.

function look(low, high) {
  const span = clamp(high - low, LEAST_SPAN, END * 1.02);
  const middle = (low + high) / 2;
  view.low = clamp(middle - span / 2, -END * 0.01, Math.max(-END * 0.01, END * 1.01 - span));
  view.high = view.low + span;
  drawSoon();
}

function zoom(factor, x) {
  const at = x === undefined ? (view.low + view.high) / 2 : timeOf(x);
  look(at - (at - view.low) * factor, at + (view.high - at) * factor);
}

const pan = (share) => look(view.low + share * (view.high - view.low), view.high + share * (view.high - view.low));
const whole = () => look(0, END);

let waiting = false;
function drawSoon() {
  if (waiting) return;
  waiting = true;
  const now = () => {
    if (!waiting) return;
    waiting = false;
    draw();
  };
  requestAnimationFrame(now);
  setTimeout(now, 200); // who is not looked at is given no frames
}

function draw() {
  drawAxis();
  drawFaults();
  drawRoles();
  if (calls.count) {
    drawRate();
    drawLatency();
    drawCalls();
  }
  drawClocks();
  tell();
}

/** What was so at the moment under the pointer; else, what is in view. */
function tell() {
  const cross = byId("cross");
  cross.hidden = view.at === null || view.at < view.low || view.at > view.high;
  cross.style.left = `${view.at === null ? 0 : xOf(view.at)}px`;
  const readout = byId("readout");
  if (view.at === null) {
    readout.replaceChildren(element("strong", {}, `${moment(Math.max(view.low, 0), 1e4)} – ${moment(Math.min(view.high, END), 1e4)}`), isNarrow() ? "  Touch it to read a moment." : "  Point at a moment to read it.");
    return;
  }
  const at = view.at;
  const told = [];
  if (calls.count) {
    const bin = binOf(26);
    const from = Math.floor(at / bin) * bin;
    const counts = [0, 0, 0, 0];
    const took = [];
    for (let i = firstAt(from - longest); i < calls.count && calls.called[i] < from + bin; i += 1) {
      const end = endOf(i);
      if (end < from || end >= from + bin) continue;
      counts[calls.ending[i]] += data.every[calls.ending[i]];
      if (calls.ending[i] <= REFUSED && calls.took[i] >= 0) took.push(calls.took[i]);
    }
    const each = counts.map((n, kind) => [n, NAMES[kind]]).filter(([n]) => n);
    told.push(each.length ? `${each.map(([n, name]) => `${number(n)} ${name}`).join(", ")} within ${duration(bin)}` : `no call ended within ${duration(bin)}`);
    if (took.length) {
      took.sort((a, b) => a - b);
      const q = (share) => duration(took[Math.min(Math.floor(share * took.length), took.length - 1)]);
      told.push(`p50 ${q(0.5)}, p99 ${q(0.99)}`);
    }
  }
  const leading = stints.filter((one) => one.role === "leading" && one.from <= at && at < one.until);
  if (stints.length) told.push(leading.length ? leading.map((one) => `${data.nodes[one.node]} leads${one.epoch === null ? "" : ` epoch ${one.epoch}`}`).join(", ") : "nobody leads");
  const active = faults.filter((one) => one.from <= at && at <= one.until);
  if (active.length) told.push(active.map((one) => `${one.kind} ${one.whom}`).join(", "));
  readout.replaceChildren(element("strong", {}, moment(at, (view.high - view.low) / 1000)), `  ${told.join(" · ")}`);
}

// -- pointers ---------------------------------------------------------------------------------

const axisBox = byId("axis-box");
const pointers = new Map();
let grabbed = null;

function pointAt(event) {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

stage.addEventListener("pointerdown", (event) => {
  if ((event.pointerType === "mouse" && event.button !== 0) || card.contains(event.target)) return;
  const at = pointAt(event);
  pointers.set(event.pointerId, at);
  const choosing = axisBox.contains(event.target) && event.pointerType === "mouse";
  grabbed = { ...at, low: view.low, high: view.high, moved: pointers.size > 1, choosing, target: event.target };
  if (pointers.size === 2) {
    const [a, b] = [...pointers.values()];
    grabbed.apart = Math.max(Math.abs(a.x - b.x), 20);
    grabbed.middle = timeOf((a.x + b.x) / 2);
  }
});

function pointTo(x) {
  view.at = x >= view.gutter && x <= view.width - RIGHT ? clamp(timeOf(x), 0, END) : null;
  tell();
}

stage.addEventListener("pointermove", (event) => {
  const at = pointAt(event);
  if (!pointers.has(event.pointerId)) {
    if (event.pointerType === "mouse") pointTo(at.x);
    return;
  }
  pointers.set(event.pointerId, at);
  if (!grabbed) return;
  if (pointers.size === 2 && grabbed.apart) {
    const [a, b] = [...pointers.values()];
    const factor = grabbed.apart / Math.max(Math.abs(a.x - b.x), 20);
    look(grabbed.middle - (grabbed.middle - grabbed.low) * factor, grabbed.middle + (grabbed.high - grabbed.middle) * factor);
    return;
  }
  if (!grabbed.moved && Math.abs(at.x - grabbed.x) > 5) {
    grabbed.moved = true;
    stage.setPointerCapture(event.pointerId);
  }
  if (!grabbed.moved) return;
  if (grabbed.choosing) {
    view.chosen = [timeOf(grabbed.x), timeOf(at.x)];
    drawSoon();
  } else {
    const by = ((grabbed.x - at.x) / plotWidth()) * (grabbed.high - grabbed.low);
    look(grabbed.low + by, grabbed.high + by);
  }
});

function release(event) {
  const held = pointers.delete(event.pointerId);
  if (held && grabbed && event.type === "pointerup") {
    const at = pointAt(event);
    if (view.chosen) look(Math.min(...view.chosen), Math.max(...view.chosen));
    else if (!grabbed.moved) {
      pointTo(at.x);
      const canvas = byId("calls");
      if (grabbed.target === canvas) {
        pick(callAt(at.x, at.y - canvas.offsetTop, event.pointerType === "mouse" ? 8 : 24));
      } else if (picked.call !== null) pick(null);
    }
  }
  view.chosen = null;
  if (!pointers.size) grabbed = null;
  drawSoon();
}
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
stage.addEventListener("pointerleave", (event) => {
  if (event.pointerType !== "mouse" || pointers.size) return;
  view.at = null;
  tell();
});

stage.addEventListener(
  "wheel",
  (event) => {
    if (card.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(clamp(event.deltaY, -60, 60) * 0.008), pointAt(event).x);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      pan((event.deltaX || event.deltaY) / view.width);
    }
  },
  { passive: false },
);
axisBox.addEventListener("dblclick", whole);

// -- keys -------------------------------------------------------------------------------------

stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "BUTTON") return;
  const { key } = event;
  if (key === "+" || key === "=") zoom(0.6);
  else if (key === "-" || key === "_") zoom(1 / 0.6);
  else if (key === "0") whole();
  else if (key === "Escape") pick(null);
  else if (event.target.id === "calls" && key.startsWith("Arrow") && !event.shiftKey) {
    const next = step(key);
    if (next === null) return;
    reveal(next);
  } else if (key === "ArrowLeft" || key === "ArrowRight") pan(key === "ArrowLeft" ? -0.2 : 0.2);
  else return;
  event.preventDefault();
});

byId("zoom-in").addEventListener("click", () => zoom(0.5));
byId("zoom-out").addEventListener("click", () => zoom(2));
byId("whole").addEventListener("click", whole);

/** The time around these, with room at both sides. */
function lookAt(from, until) {
  const pad = Math.max((until - from) * 0.25, 2000);
  look(from - pad, until + pad);
}

document.querySelectorAll(".show").forEach((button) => {
  button.addEventListener("click", () => {
    const places = (data.wrong.find(([reason]) => reason === Number(button.dataset.reason)) || [0, []])[1];
    if (!places.length) return;
    lookAt(Math.min(...places.map((i) => calls.called[i])), Math.max(...places.map((i) => Math.min(endOf(i), calls.called[i] + 5e6))));
    byId("calls-panel").scrollIntoView({ block: "center" });
    byId("calls").focus({ preventScroll: true });
  });
});
const placeOfRow = new Map(wrongCalls().map((i) => [calls.row[i], i]));
document.querySelectorAll(".find[data-row]").forEach((button) => {
  const call = placeOfRow.get(Number(button.dataset.row));
  if (call === undefined) return;
  button.addEventListener("click", () => {
    lookAt(calls.called[call], Math.min(endOf(call), calls.called[call] + 5e6));
    byId("calls-panel").scrollIntoView({ block: "center" });
    draw();
    pick(call);
    byId("calls").focus({ preventScroll: true });
  });
});
document.querySelectorAll(".find.go").forEach((button) => {
  const fault = faults[Number(button.dataset.fault)];
  button.addEventListener("click", () => {
    lookAt(fault.from, fault.until);
    byId("chart").scrollIntoView({ block: "start" });
  });
});

const copy = byId("copy");
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("command").textContent);
    copy.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(byId("command"));
  }
});

// -- beginning --------------------------------------------------------------------------------

function layOut() {
  view.width = stage.clientWidth;
  view.gutter = isNarrow() ? 62 : 78;
  draw();
  if (picked.call !== null) placeCard(picked.call);
}

let lastWidth = 0;
window.addEventListener("resize", () => {
  if (stage.clientWidth === lastWidth) return;
  lastWidth = stage.clientWidth;
  layOut();
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  hatches.clear();
  draw();
});

if (calls.count || stints.length || faults.length) {
  byId("chart").hidden = false;
  byId("faults-panel").hidden = !faults.length;
  byId("roles-panel").hidden = !stints.length;
  byId("clocks-panel").hidden = !data.clocks.length;
  byId("rate-panel").hidden = byId("calls-panel").hidden = !calls.count;
  readColours();
  if (stints.length) tellRoles();
  if (calls.count) {
    const there = KINDS.map((kind, i) => [kind, NAMES[i], i]).filter(([, , i]) => calls.ending.includes(i));
    legend("rate-legend", there);
    legend("calls-legend", wrongOf.size ? [...there, ["wrong", "part of what is wrong"]] : there);
    byId("calls-note").textContent = "a lane a client";
    makeLatencyPanels();
  }
  layOut();
  lastWidth = stage.clientWidth;
}
root.dataset.ready = "true";
