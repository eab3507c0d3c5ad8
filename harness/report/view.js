// One axis of time for everything: what is in view, and how it is written.
// Every text of a run goes into the page by `textContent`, or onto a canvas.

const root = document.documentElement;
window.addEventListener("error", (event) => {
  root.dataset.error = event.message || "error";
  document.getElementById("trouble").hidden = false;
});

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const number = (n) => n.toLocaleString("en-US");
const LEAST_SPAN = 200; // µs
const END = Math.max(data.end, LEAST_SPAN);
const RIGHT = 14;

/** From `low` to `high`, in µs, on `width` pixels of which the first `gutter` bear names. */
const view = { low: 0, high: END, width: 0, gutter: 0, at: null };
const isNarrow = () => window.innerWidth <= 640;
const plotWidth = () => Math.max(view.width - view.gutter - RIGHT, 10);
const xOf = (time) =>
  view.gutter + ((time - view.low) / (view.high - view.low)) * plotWidth();
const timeOf = (x) =>
  view.low + ((x - view.gutter) / plotWidth()) * (view.high - view.low);
const inPlot = (x) => clamp(x, view.gutter, view.width - RIGHT);

const UNITS = [
  [1e6, "s"],
  [1e3, "ms"],
  [1, "µs"],
];

function duration(us) {
  const [size, unit] = UNITS.find(([n]) => us >= n) || UNITS[2];
  const shown = us / size;
  return `${shown.toFixed(shown >= 100 || unit === "µs" ? 0 : shown >= 10 ? 1 : 2)} ${unit}`;
}

/** A moment of the run, with the digits that a step of `step` needs. */
function moment(us, step) {
  const digits = clamp(Math.ceil(-Math.log10(step / 1e6) - 1e-9), 0, 6);
  return `${(us / 1e6).toFixed(digits)} s`;
}

/** Round numbers from `low` to `high`, about `wanted` of them. */
function rounds(low, high, wanted) {
  const rough = Math.max((high - low) / Math.max(wanted, 1), 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999) || rough;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n += 1) found.push(n * step);
  return { step, at: found };
}

const timeTicks = () => rounds(view.low, view.high, plotWidth() / 96);

// -- making things ----------------------------------------------------------------------------

function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside.map((one) => (typeof one === "number" ? String(one) : one)));
  return made;
}

function drawn(name, attributes = {}, ...inside) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

const measure = document.createElement("canvas").getContext("2d");
const family = getComputedStyle(document.body).fontFamily;
const FONT = `500 12px ${family}`;
measure.font = FONT;
const widthOf = (text) => measure.measureText(text).width * 1.04;

/** As much of the text as fits, or nothing. */
function fitted(text, room) {
  if (room < 14) return "";
  if (widthOf(text) <= room) return text;
  const kept = Math.floor((text.length * room) / widthOf(text)) - 1;
  return kept >= 3 ? `${text.slice(0, kept)}…` : "";
}

/** The colours of the style, of which a canvas knows nothing. */
const colours = {};
function readColours() {
  const style = getComputedStyle(root);
  for (const name of [
    "paper", "sheet", "ink", "quiet", "line", "lane", "focus", "bad", "dim-edge", "lead",
    "ok", "ok-edge", "ok-strong", "refused", "refused-edge", "refused-strong",
    "unknown", "unknown-edge", "unknown-strong", "failed-edge", "failed-strong",
    "fault", "fault-soft", "p50", "on-strong",
  ]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

/** A canvas as sharp as the screen, cleared; its unit is a pixel of the style. */
function cleared(canvas, height) {
  const sharp = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.round(view.width * sharp);
  if (canvas.width !== width || canvas.height !== Math.round(height * sharp)) {
    canvas.width = width;
    canvas.height = Math.round(height * sharp);
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, view.width, height);
  pen.font = FONT;
  return pen;
}

/** Only what is in the plot may be painted until `pen.restore()`. */
function clipped(pen, height) {
  pen.save();
  pen.beginPath();
  pen.rect(view.gutter, 0, plotWidth(), height);
  pen.clip();
}
