// Draws the calls that the page holds. Every text of a history goes in by `textContent`.
"use strict";

(() => {
  const root = document.documentElement;
  window.addEventListener("error", (event) => {
    root.dataset.error = event.message || "error";
    const trouble = document.getElementById("trouble");
    if (trouble) trouble.hidden = false;
  });

  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const KINDS = ["ok", "refused", "unknown", "failed"];
  const ANSWERS = ["answered", "refused", "unknown", "failed"];
  const SIGNS = { valid: "✓", invalid: "✕", inconclusive: "?" };
  const IN_CORE = 1,
    IS_STUCK = 2,
    FROM_BEFORE = 4;
  const AXIS_HEIGHT = 34;
  const UNITS = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "µs"],
    [1, "ns"],
  ];

  // -- small words ------------------------------------------------------------------------------

  const number = (n) => n.toLocaleString("en-US");
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const unitOf = (size) => UNITS.find(([ns]) => Math.abs(size) >= ns) || UNITS[3];

  /** The time in the unit that suits `scale`, with the digits that a step of `step` needs. */
  function moment(at, scale, step) {
    if (!data.timed) return `event ${number(at)}`;
    const [ns, unit] = unitOf(scale);
    const digits = clamp(Math.ceil(-Math.log10(step / ns) - 1e-9), 0, 9);
    return `${(at / ns).toFixed(digits)} ${unit}`;
  }

  function duration(length) {
    const [ns, unit] = unitOf(length);
    return `${(length / ns).toPrecision(3)} ${unit}`;
  }

  function element(name, attributes = {}, text) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function drawn(name, attributes = {}, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const pen = document.createElement("canvas").getContext("2d");
  const family = getComputedStyle(document.body).fontFamily;
  const widths = new Map();
  function widthOf(text, bold) {
    const known = `${bold ? "b" : "n"}${text}`;
    if (!widths.has(known)) {
      if (widths.size > 20000) widths.clear();
      pen.font = `${bold ? 700 : 500} 12px ${family}`;
      widths.set(known, pen.measureText(text).width);
    }
    return widths.get(known);
  }

  function fitted(text, room, bold) {
    if (room < 16) return "";
    if (widthOf(text, bold) <= room) return text;
    let kept = Math.floor((text.length * room) / widthOf(text, bold));
    while (kept > 0 && widthOf(`${text.slice(0, kept)}…`, bold) > room) kept -= 1;
    return kept >= 2 ? `${text.slice(0, kept)}…` : "";
  }

  // -- axes: both map every call to a place between 0 and 1 -------------------------------------

  /** Time as it went, with breaks where nothing is shown. */
  function timeAxis(stretches) {
    const lengths = stretches.map(([from, to]) => Math.max(to - from, 1));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const least = total * 0.06;
    const gap = total * 0.035;
    const shares = lengths.map((length) => Math.max(length, least));
    const whole = shares.reduce((sum, share) => sum + share, gap * (shares.length - 1));
    let at = 0;
    const pieces = stretches.map(([from], i) => {
      const piece = {
        from,
        to: from + lengths[i],
        low: at / whole,
        high: (at + shares[i]) / whole,
      };
      at += shares[i] + gap;
      return piece;
    });
    const place = (time) => {
      let last = null;
      for (const piece of pieces) {
        if (time < piece.from) {
          if (!last) return piece.low - 0.004;
          const within = (time - last.to) / (piece.from - last.to);
          return last.high + within * (piece.low - last.high);
        }
        if (time <= piece.to) {
          return (
            piece.low + ((time - piece.from) / (piece.to - piece.from)) * (piece.high - piece.low)
          );
        }
        last = piece;
      }
      return last.high + 0.004;
    };
    const gaps = pieces.slice(1).map((piece, i) => ({
      low: pieces[i].high,
      high: piece.low,
      length: piece.from - pieces[i].to,
    }));
    const ticks = (low, high, width) => {
      const found = [];
      for (const piece of pieces) {
        if (piece.high < low || piece.low > high) continue;
        const rate = (piece.to - piece.from) / (piece.high - piece.low);
        const rough = (rate * (high - low) * 108) / width;
        const power = 10 ** Math.floor(Math.log10(rough));
        const step = Math.max(
          1,
          [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) || rough,
        );
        const from = piece.from + (Math.max(low, piece.low) - piece.low) * rate;
        const to = piece.from + (Math.min(high, piece.high) - piece.low) * rate;
        const marks = [];
        for (let n = Math.ceil(from / step); n * step <= to; n += 1) marks.push(n * step);
        // A short piece may hold no round number; its beginning still says where it lies.
        if (!marks.length && piece.low >= low) marks.push(piece.from);
        for (const time of marks) {
          found.push({ at: place(time), label: moment(time, Math.max(Math.abs(to), step), step) });
        }
      }
      return found;
    };
    return {
      start: (call) => place(call.called),
      end: (call) => (call.endless ? null : place(call.returned)),
      gaps,
      ticks,
    };
  }

  /** One step an event: who came before whom stays, how long it took does not. */
  function eventAxis(calls) {
    const events = [];
    for (const call of calls) {
      events.push([call.called, 0, call]);
      if (!call.endless) events.push([call.returned, 1, call]);
    }
    events.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2].row - b[2].row);
    const starts = new Map(),
      ends = new Map();
    const step = 1 / Math.max(events.length - 0.5, 1);
    events.forEach(([, end, call], i) => (end ? ends : starts).set(call, (i + 0.25) * step));
    const reach = events.length
      ? Math.max(...[events[0], events[events.length - 1]].map((e) => Math.abs(e[0])))
      : 1;
    const ticks = (low, high, width) => {
      const every = Math.max(1, Math.ceil((((high - low) / step) * 92) / width));
      const found = [];
      events.forEach(([time], i) => {
        const at = (i + 0.25) * step;
        if (i % every === 0 && at >= low && at <= high) found.push({ at, time });
      });
      // Neighbours get as many digits as it takes to tell them apart.
      const apart = found
        .slice(1)
        .map(({ time }, i) => time - found[i].time)
        .filter((length) => length > 0);
      const fine = Math.max(Math.min(...apart, reach), reach / 1e7, 1);
      return found.map(({ at, time }) => ({ at, label: moment(time, reach, fine) }));
    };
    return {
      start: (call) => starts.get(call),
      end: (call) => ends.get(call) ?? null,
      gaps: [],
      ticks,
    };
  }

  // -- one key ----------------------------------------------------------------------------------

  function subject(picture) {
    const text = (i) => picture.texts[i];
    const calls = picture.calls.map((fields, index) => {
      const [row, process, called, returned, kind, label, said, doubt, flags, details] = fields;
      return {
        index,
        row,
        process,
        called,
        kind,
        returned: returned === null ? called : returned,
        endless: KINDS[kind] === "unknown" || returned === null,
        told: returned !== null,
        label: text(label),
        said: text(said),
        doubt: text(doubt),
        details: text(details),
        core: Boolean(flags & IN_CORE),
        stuck: Boolean(flags & IS_STUCK),
        before: Boolean(flags & FROM_BEFORE),
      };
    });
    const orders = picture.orders.map((order) => ({
      length: order.length,
      end: text(order.end),
      expected: text(order.expected),
      at: new Map(
        order.at.map(([index, place, before, after]) => [
          calls[index],
          { place: place + 1, before: text(before), after: text(after) },
        ]),
      ),
    }));
    return {
      calls,
      orders,
      stretches: picture.stretches,
      dropped: picture.dropped,
      shown: picture.shown,
      hasCore: calls.some((call) => call.core),
      stuck: calls.find((call) => call.stuck) || null,
      finding: (call) => call.core || call.stuck,
    };
  }

  const subjects = new Map();
  const subjectOf = (part) => {
    if (!subjects.has(part)) subjects.set(part, subject(data.pictures[part]));
    return subjects.get(part);
  };

  const stage = byId("stage"),
    lanesSvg = byId("lanes"),
    axisSvg = byId("axis"),
    card = byId("card");
  const coreOnly = byId("core-only"),
    even = byId("even"),
    orderSelect = byId("order");
  const now = {
    part: 0,
    subject: null,
    order: null,
    axis: null,
    calls: [],
    lanes: [],
    low: 0,
    high: 1,
    picked: null,
    pinned: false,
    width: 0,
    gutter: 0,
    laneHeight: 0,
    barHeight: 0,
    height: 0,
    shapes: new Map(),
    layers: {},
  };
  const isNarrow = () => window.innerWidth <= 640;
  const xOf = (u) =>
    now.gutter + ((u - now.low) / (now.high - now.low)) * (now.width - now.gutter - 10);
  const uOf = (x) =>
    now.low + ((x - now.gutter) / (now.width - now.gutter - 10)) * (now.high - now.low);

  function showPart(part) {
    now.part = part;
    now.subject = subjectOf(part);
    now.order = now.subject.orders[0] || null;
    const { subject: here } = now;
    byId("shown").textContent = here.shown;
    document.querySelectorAll(".finding").forEach((finding) => {
      finding.hidden = Number(finding.dataset.part) !== part;
    });
    document.querySelectorAll(".key").forEach((key) => {
      key.setAttribute("aria-pressed", String(Number(key.dataset.part) === part));
    });
    const hasFinding = here.hasCore || here.stuck !== null;
    byId("first-error").hidden = !data.parts.some(([, verdict]) => verdict === "invalid");
    coreOnly.parentElement.hidden = !here.hasCore;
    even.parentElement.hidden = !data.timed;
    KINDS.forEach((name, kind) => {
      document.querySelector(`.for-${name}`).hidden = !here.calls.some(
        (call) => call.kind === kind,
      );
    });
    document.querySelector(".for-core").hidden = !here.hasCore;
    document.querySelectorAll(".for-stuck").forEach((item) => {
      item.hidden = here.stuck === null;
    });
    document.querySelector(".for-order").hidden = here.orders.length === 0;
    fillOrders();
    tellOrderEnd();
    coreOnly.checked = false;
    even.checked = !data.timed;
    layOut();
    focusFinding();
    if (here.hasCore && (isNarrow() || coreIsIllegible())) {
      coreOnly.checked = true;
      even.checked = true;
      layOut();
    }
    if (!hasFinding) showFirst();
    draw();
  }

  /** A beginning whose labels can be read; all of it is one button away. */
  function showFirst() {
    const most =
      Math.max(12, Math.round((now.width - now.gutter) / 24)) * Math.max(1, now.lanes.length / 4);
    now.low = -0.01;
    now.high = 1.01;
    if (now.calls.length > most) {
      now.high = Math.max(now.axis.start(now.calls[Math.floor(most)]), 0.001);
      now.low = -0.01 * now.high;
    }
  }

  function coreIsIllegible() {
    return now.calls.some((call) => {
      if (!now.subject.finding(call) || call.endless) return false;
      return xOf(now.axis.end(call)) - xOf(now.axis.start(call)) < 12;
    });
  }

  function fillOrders() {
    const { orders, dropped, stuck } = now.subject;
    byId("order-choice").hidden = orders.length < 2;
    orderSelect.replaceChildren(
      ...orders.map((order, i) =>
        element(
          "option",
          { value: i },
          `${i + 1} of ${orders.length}: ${number(order.length)} calls, then ${order.end}`,
        ),
      ),
    );
    if (dropped && stuck) {
      orderSelect.append(
        element("option", { disabled: "" }, `${number(dropped)} more are not in this page`),
      );
    }
  }

  const short = (text) => (text.length > 90 ? `${text.slice(0, 89)}…` : text);

  function tellOrderEnd() {
    const { order, subject: here } = now;
    const told = byId("order-end");
    told.textContent = "";
    if (!order || !here.stuck) return;
    const length = order.length === 1 ? "1 call" : `${number(order.length)} calls`;
    told.append(
      `${here.orders.length > 1 ? "This legal order" : "The longest legal order"} places ${length} and leaves the state `,
      element("strong", {}, short(order.end)),
      ". There process ",
      String(here.stuck.process),
      " ",
      element("strong", {}, short(here.stuck.said)),
      "; the model says: ",
      element("strong", {}, short(order.expected)),
      ".",
    );
  }

  // -- layout: what stands in which lane --------------------------------------------------------

  function layOut() {
    const { subject: here } = now;
    now.calls = coreOnly.checked ? here.calls.filter(here.finding) : here.calls;
    now.axis = even.checked || !data.timed ? eventAxis(now.calls) : timeAxis(here.stretches);
    now.low = -0.01;
    now.high = 1.01;
    const lanes = new Map();
    for (const call of now.calls) {
      if (!lanes.has(call.process))
        lanes.set(call.process, { process: call.process, calls: [], core: false });
      const lane = lanes.get(call.process);
      lane.calls.push(call);
      lane.core = lane.core || here.finding(call);
    }
    now.lanes = [...lanes.values()].sort((a, b) => a.process - b.process);
    const wrong = now.lanes.filter((lane) => lane.core);
    if (now.lanes.length > 6 && wrong.length) {
      now.lanes = [...wrong, ...now.lanes.filter((lane) => !lane.core)];
    }
    now.parting =
      now.lanes.length > 6 && wrong.length && wrong.length < now.lanes.length ? wrong.length : 0;
    const dense = now.lanes.length > 24;
    now.labelRoom = coreOnly.checked && isNarrow() ? 18 : 0;
    now.laneHeight = (dense ? 32 : 44) + now.labelRoom;
    now.barHeight = dense ? 17 : 23;
    now.lanes.forEach((lane, i) => {
      lane.top = 8 + i * now.laneHeight + (now.parting && i >= now.parting ? 10 : 0);
      lane.calls.sort((a, b) => a.called - b.called);
      lane.calls.forEach((call, k) => {
        call.lane = lane;
        call.next = lane.calls[k + 1] || null;
        call.previous = lane.calls[k - 1] || null;
      });
    });
    now.height = 16 + now.lanes.length * now.laneHeight + (now.parting ? 10 : 0);
    measure();
    for (const call of now.calls) {
      call.start = now.axis.start(call);
      call.end = now.axis.end(call);
    }
    placeOrder();
    buildShapes();
  }

  function measure() {
    now.width = Math.max(stage.clientWidth, 280);
    const longest = Math.max(0, ...now.lanes.map((lane) => widthOf(`P${lane.process}`, true)));
    now.gutter = isNarrow() ? Math.ceil(longest) + 26 : Math.max(Math.ceil(longest) + 34, 76);
    for (const [svg, height] of [
      [axisSvg, AXIS_HEIGHT],
      [lanesSvg, now.height],
    ]) {
      svg.setAttribute("viewBox", `0 0 ${now.width} ${height}`);
      svg.setAttribute("width", now.width);
      svg.setAttribute("height", height);
    }
  }

  /** Where in its interval each placed call may have taken effect; the order reads forward. */
  function placeOrder() {
    now.placed = [];
    if (!now.order) return;
    const placed = now.calls.filter((call) => now.order.at.has(call));
    placed.sort((a, b) => now.order.at.get(a).place - now.order.at.get(b).place);
    let latest = Infinity;
    for (const call of [...placed].reverse()) {
      if (call.end !== null) latest = Math.min(latest, call.end);
      call.latest = latest;
    }
    // Calls that must all be over by the same moment share what is left until then.
    let left = 0;
    for (let i = placed.length - 1; i >= 0; i -= 1) {
      left = i + 1 < placed.length && placed[i + 1].latest === placed[i].latest ? left + 1 : 1;
      placed[i].sharing = left;
    }
    let earliest = -Infinity;
    for (const call of placed) {
      earliest = Math.max(earliest, call.start);
      const end = Number.isFinite(call.latest) ? call.latest : 1;
      earliest += Math.max(end - earliest, 0) / (call.sharing + 1);
      call.point = earliest;
    }
    now.placed = placed;
  }

  function definitions() {
    const defs = drawn("defs");
    const hatch = drawn("pattern", {
      id: "hatch",
      width: 7,
      height: 7,
      patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(45)",
    });
    hatch.append(drawn("line", { class: "hatch-line", x1: 0, y1: 0, x2: 0, y2: 7 }));
    const gap = drawn("pattern", {
      id: "gap-stripes",
      width: 6,
      height: 6,
      patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(-45)",
    });
    gap.append(drawn("line", { class: "gap-stripe", x1: 0, y1: 0, x2: 0, y2: 6 }));
    const fades = [
      ["fade", "fade-stop"],
      ["fade-edge", "fade-edge-stop"],
    ].map(([id, name]) => {
      const fade = drawn("linearGradient", { id });
      fade.append(
        drawn("stop", { class: name, offset: 0.35 }),
        drawn("stop", { class: name, offset: 1, "stop-opacity": 0 }),
      );
      return fade;
    });
    defs.append(hatch, gap, ...fades);
    return defs;
  }

  function buildShapes() {
    now.layers = {};
    now.shapes = new Map();
    lanesSvg.replaceChildren(definitions());
    for (const name of ["ground", "tails", "rest", "path", "wrong", "places", "names"]) {
      now.layers[name] = drawn("g");
      lanesSvg.append(now.layers[name]);
    }
    const highlighted = now.subject.hasCore || now.subject.stuck !== null;
    for (const call of now.calls) {
      const wrong = now.subject.finding(call);
      const kind = KINDS[call.kind];
      const group = drawn("g", {
        class: [
          "call",
          kind,
          call.core ? "core" : "",
          call.stuck ? "stuck" : "",
          highlighted && !wrong ? "dim" : "",
        ].join(" "),
      });
      const bar = drawn("rect", { class: "bar", rx: 4 });
      group.append(bar);
      const hatch = kind === "refused" ? drawn("rect", { class: "hatch", rx: 4 }) : null;
      if (hatch) group.append(hatch);
      const label = drawn("text");
      group.append(label);
      now.layers[wrong ? "wrong" : "rest"].append(group);
      let tail = null;
      if (call.endless) {
        const behind = drawn("g", { class: group.getAttribute("class") });
        tail = drawn("line", { class: "tail" });
        behind.append(tail);
        now.layers.tails.append(behind);
      }
      now.shapes.set(call, { group, bar, hatch, label, tail });
    }
  }

  // -- drawing: everything that depends on the view ---------------------------------------------

  let waiting = false;
  function drawSoon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  function draw() {
    const right = now.width;
    drawGround();
    for (const call of now.calls) drawCall(call, now.shapes.get(call), right);
    drawOrder();
    drawNames();
    placeCard();
  }

  function drawGround() {
    const ground = [];
    for (const lane of now.lanes) {
      const y = lane.top + now.laneHeight - 1;
      ground.push(drawn("line", { class: "lane-line", x1: 0, x2: now.width, y1: y, y2: y }));
    }
    if (now.parting) {
      const y = now.lanes[now.parting].top - 6;
      ground.push(drawn("line", { class: "lane-parting", x1: 0, x2: now.width, y1: y, y2: y }));
    }
    const marks = [];
    let free = now.gutter;
    for (const tick of now.axis.ticks(now.low, now.high, now.width - now.gutter)) {
      const x = xOf(tick.at);
      if (x < now.gutter - 1) continue;
      ground.push(drawn("line", { class: "tick", x1: x, x2: x, y1: 0, y2: now.height }));
      marks.push(
        drawn("line", { class: "tick", x1: x, x2: x, y1: AXIS_HEIGHT - 7, y2: AXIS_HEIGHT }),
      );
      const width = widthOf(tick.label, false);
      const left = clamp(x - width / 2, now.gutter, now.width - width - 4);
      if (left >= free) {
        marks.push(drawn("text", { x: left, y: AXIS_HEIGHT - 13 }, tick.label));
        free = left + width + 14;
      }
    }
    for (const gap of now.axis.gaps) {
      const [x1, x2] = [Math.max(xOf(gap.low), now.gutter), xOf(gap.high)];
      if (x2 < now.gutter || x1 > now.width) continue;
      ground.push(
        drawn("rect", {
          class: "gap",
          x: x1,
          width: Math.max(x2 - x1, 0),
          y: 0,
          height: now.height,
        }),
      );
      const note = drawn(
        "text",
        { class: "note", x: (x1 + x2) / 2, y: AXIS_HEIGHT - 1, "text-anchor": "middle" },
        x2 - x1 > 60 ? `${data.timed ? duration(gap.length) : "a break"}` : "⋯",
      );
      marks.push(note);
    }
    const { stuck } = now.subject;
    if (stuck && stuck.end !== null && stuck.lane && now.calls.includes(stuck)) {
      const x = xOf(stuck.end);
      if (x > now.gutter)
        ground.push(drawn("line", { class: "deadline", x1: x, x2: x, y1: 0, y2: now.height }));
    }
    now.layers.ground.replaceChildren(...ground);
    axisSvg.replaceChildren(
      ...marks,
      drawn("rect", { class: "gutter", x: 0, y: 0, width: now.gutter, height: AXIS_HEIGHT }),
      drawn("text", { x: 14, y: AXIS_HEIGHT - 13 }, isNarrow() ? "" : "process"),
    );
  }

  function drawCall(call, shape, right) {
    const wrong = now.subject.finding(call);
    const top = call.lane.top + 4 + now.labelRoom;
    let left = xOf(call.start);
    const natural =
      call.end === null ? left + clamp(widthOf(call.label, wrong) + 34, 40, 170) : xOf(call.end);
    let end = Math.max(natural, left + 3);
    if (call.end === null && call.next)
      end = Math.max(left + 3, Math.min(end, xOf(call.next.start) - 2));
    const beyond = end < now.gutter || left > right;
    shape.group.setAttribute("display", beyond ? "none" : "inline");
    if (shape.tail) drawTail(call, shape.tail, end, right);
    call.box = { left, right: end, top, bottom: top + now.barHeight };
    if (beyond) return;
    left = Math.max(left, now.gutter - 12);
    const shown = Math.min(end, right + 12);
    for (const rect of [shape.bar, shape.hatch]) {
      if (!rect) continue;
      rect.setAttribute("x", left);
      rect.setAttribute("y", top);
      rect.setAttribute("width", Math.max(shown - left, 1.5));
      rect.setAttribute("height", now.barHeight);
    }
    const taken = call.previous && call.previous.labelEnd ? call.previous.labelEnd : now.gutter;
    drawLabel(call, shape.label, Math.max(left, taken, now.gutter), end, top, wrong);
  }

  function drawTail(call, tail, from, right) {
    const y = call.lane.top + 4 + now.labelRoom + now.barHeight / 2;
    const visible = from < right;
    tail.setAttribute("display", visible ? "inline" : "none");
    if (!visible) return;
    tail.setAttribute("x1", Math.max(from + 4, now.gutter));
    tail.setAttribute("x2", right);
    tail.setAttribute("y1", y);
    tail.setAttribute("y2", y);
  }

  function drawLabel(call, label, left, right, top, wrong) {
    const text = call.stuck ? `✕ ${call.label}` : call.label;
    const room = Math.min(right, now.width) - left - 10;
    const short = text.replace(/ ✗ .*/, " ✗");
    const inside = [text, short, call.label].find((one) => widthOf(one, wrong) <= room);
    call.labelEnd = 0;
    label.setAttribute("y", top + now.barHeight / 2 + 4.2);
    const write = (name, x, said) => {
      label.setAttribute("class", name);
      label.setAttribute("x", x);
      label.textContent = said;
    };
    if (now.labelRoom) {
      // Room above the bar: the label may be longer than the call.
      label.setAttribute("y", top - 6);
      const end = call.next ? xOf(call.next.start) - 8 : now.width - 4;
      const x = Math.min(left, Math.max(now.gutter, end - widthOf(text, wrong)));
      write("above", x, fitted(text, Math.max(end - x, right - left), wrong));
      return;
    }
    if (inside) {
      write("inside", left + 5, inside);
      return;
    }
    // Too narrow: written beside the bar, on the side that has room.
    const width = widthOf(short, wrong);
    const { next, previous } = call;
    const after = next ? Math.max(xOf(next.start), right) : now.width;
    const before =
      previous && previous.box ? Math.max(previous.box.right, previous.labelEnd) : now.gutter;
    const fitsAfter = Math.min(after, now.width) - right > width + 8;
    const fitsBefore = wrong && left - Math.max(before, now.gutter) > width + 8;
    // What matters may cover what does not.
    const covers = wrong && right + width + 8 < now.width && !(next && now.subject.finding(next));
    if (fitsAfter || (covers && !fitsBefore)) {
      write("outside", right + 5, short);
      call.labelEnd = right + width + 8;
    } else if (fitsBefore) write("outside", left - 5 - width, short);
    else {
      const cut = fitted(call.label, room, wrong);
      write("inside", left + 5, cut.length >= (wrong ? 2 : 5) ? cut : "");
    }
  }

  function drawOrder() {
    const visible = now.placed.filter((call) => call.point >= now.low && call.point <= now.high);
    const highlighted = now.subject.hasCore || now.subject.stuck !== null;
    const room = (now.width - now.gutter) * now.lanes.length;
    const digits = visible.reduce(
      (most, call) => Math.max(most, String(now.order.at.get(call).place).length),
      1,
    );
    const spacious = visible.length * (digits * 7 + 12) * 4 < room;
    const marks = [];
    const points = [];
    for (const call of visible) {
      const x = xOf(call.point);
      const y = call.lane.top + 4 + now.labelRoom + now.barHeight + (now.laneHeight > 40 ? 4 : 2);
      points.push(`${x.toFixed(1)},${y}`);
      const dim = highlighted && !now.subject.finding(call);
      const place = String(now.order.at.get(call).place);
      const named = spacious && now.laneHeight > 40;
      const mark = drawn("g", { class: `place ${dim ? "dim" : ""} ${named ? "" : "small"}` });
      const width = named ? Math.max(17, place.length * 6.6 + 9) : 6;
      const height = named ? 16 : 6;
      mark.append(
        drawn("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: height / 2 }),
      );
      if (named) mark.append(drawn("text", { x, y: y + 3.8 }, place));
      marks.push(mark);
    }
    now.layers.places.replaceChildren(...marks);
    now.layers.path.replaceChildren();
    if (spacious && points.length > 1) {
      now.layers.path.append(drawn("polyline", { class: "path", points: points.join(" ") }));
    }
  }

  function drawNames() {
    const names = [
      drawn("rect", { class: "gutter", x: 0, y: 0, width: now.gutter - 6, height: now.height }),
      drawn("line", {
        class: "gutter-edge",
        x1: now.gutter - 6,
        x2: now.gutter - 6,
        y1: 0,
        y2: now.height,
      }),
    ];
    for (const lane of now.lanes) {
      names.push(
        drawn(
          "text",
          {
            class: `lane-name ${lane.core ? "core" : ""}`,
            x: now.gutter - 14,
            y: lane.top + 4 + now.labelRoom + now.barHeight / 2 + 4,
            "text-anchor": "end",
          },
          isNarrow() ? `P${lane.process}` : String(lane.process),
        ),
      );
    }
    now.layers.names.replaceChildren(...names);
  }

  // -- moving -----------------------------------------------------------------------------------

  function look(low, high) {
    const span = clamp(high - low, 1e-7, 1.06);
    const middle = (low + high) / 2;
    const start = clamp(middle - span / 2, -0.03, Math.max(-0.03, 1.03 - span));
    now.low = start;
    now.high = start + span;
    drawSoon();
  }

  function zoom(factor, x) {
    const at = x === undefined ? (now.low + now.high) / 2 : uOf(x);
    look(at - (at - now.low) * factor, at + (now.high - at) * factor);
  }

  const pan = (share) => {
    const by = share * (now.high - now.low);
    look(now.low + by, now.high + by);
  };

  function focusFinding() {
    const wrong = now.calls.filter(now.subject.finding);
    if (!wrong.length) return;
    const starts = wrong.map((call) => call.start);
    const ends = wrong.map((call) => call.end ?? call.start);
    const low = Math.min(...starts),
      high = Math.max(...ends);
    const pad = Math.max((high - low) * 0.14, 1e-6);
    const all = pad > 0.3 ? [-0.01, 1.01] : [low - pad, high + pad];
    look(Math.max(all[0], -0.01), Math.min(all[1], 1.01));
  }

  function reveal(call) {
    const x = xOf(call.start);
    const end = call.end === null ? x + 60 : xOf(call.end);
    const span = now.high - now.low;
    if (x < now.gutter || x > now.width - 40)
      look(call.start - span * 0.25, call.start + span * 0.75);
    else if (end > now.width && end - x < now.width - now.gutter)
      look(call.start - span * 0.05, call.start + span * 0.95);
  }

  // -- the card ---------------------------------------------------------------------------------

  function pick(call, pinned) {
    if (now.picked && now.shapes.has(now.picked))
      now.shapes.get(now.picked).group.classList.remove("picked");
    now.picked = call;
    now.pinned = Boolean(call && pinned);
    if (call && now.shapes.has(call)) now.shapes.get(call).group.classList.add("picked");
    card.hidden = !call;
    if (call) {
      fillCard(call);
      placeCard();
    }
  }

  function fillCard(call) {
    const { order, subject: here } = now;
    const place = order && order.at.get(call);
    const facts = [];
    const say = (name, value, strong) => {
      if (value) facts.push([name, value, strong]);
    };
    const scale = Math.max(Math.abs(call.called), Math.abs(call.returned));
    const precise = data.timed ? Math.max(1, unitOf(scale)[0] / 1e6) : 1;
    say("process", String(call.process));
    if (data.parts.length > 1) say("key", data.parts[now.part][0]);
    say("outcome", ANSWERS[call.kind]);
    say("called", moment(call.called, scale, precise));
    if (call.endless)
      say(
        "ended",
        call.told ? `never; given up at ${moment(call.returned, scale, precise)}` : "never",
      );
    else {
      say("returned", moment(call.returned, scale, precise));
      if (data.timed) say("took", duration(call.returned - call.called));
    }
    say("details", call.details);
    say("row", number(call.row));
    if (place) {
      const whole = here.stuck ? "chosen order" : "order";
      say("place", `${number(place.place)} of ${number(order.length)} in the ${whole}`);
      say("state before", place.before, true);
      say("state after", place.after, true);
    } else if (call.stuck && order) {
      say("state there", order.end, true);
      say("the model says", order.expected, true);
    } else if (order) {
      say("place", call.kind === 3 ? "none: it had no effect" : "not placed in this order");
    }
    const list = element("dl");
    for (const [name, value, strong] of facts) {
      list.append(element("dt", {}, name), element("dd", strong ? { class: "state" } : {}, value));
    }
    const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
    close.addEventListener("click", () => {
      pick(null);
      lanesSvg.focus({ preventScroll: true });
    });
    const parts = [close, element("h4", {}, call.label)];
    parts.push(
      element(
        "p",
        { class: "said" },
        `process ${call.process} ${call.said}${call.doubt ? ` (${call.doubt})` : ""}`,
      ),
    );
    if (call.stuck)
      parts.push(element("p", { class: "wrong" }, "✕ No legal order has a place for this call."));
    else if (call.core) parts.push(element("p", { class: "said" }, "Part of the minimal core."));
    card.replaceChildren(...parts, list);
  }

  function placeCard() {
    const call = now.picked;
    if (!call || isNarrow() || !call.box) return;
    const ratio = stage.clientWidth / now.width;
    const axis = AXIS_HEIGHT * ratio;
    const width = card.offsetWidth,
      height = card.offsetHeight;
    const x = clamp(
      Math.max(call.box.left, now.gutter) * ratio,
      8,
      Math.max(8, stage.clientWidth - width - 8),
    );
    const below = axis + (call.box.bottom + 12) * ratio;
    const above = axis + (call.box.top - 8) * ratio - height;
    const seen = stage.getBoundingClientRect();
    const fitsBelow = seen.top + below + height < window.innerHeight;
    const fitsAbove = seen.top + above > 0;
    card.style.left = `${x}px`;
    card.style.top = `${fitsBelow || !fitsAbove ? below : above}px`;
  }

  function callAt(x, y, reach) {
    let best = null,
      distance = reach;
    const lane = now.lanes.find((l) => y >= l.top - 3 && y < l.top + now.laneHeight);
    if (!lane) return null;
    for (const call of lane.calls) {
      if (!call.box) continue;
      const off = Math.max(call.box.left - x, x - call.box.right, 0);
      if (off < distance || (off === 0 && best && now.subject.finding(call))) {
        best = call;
        distance = Math.max(off, 0.01);
      }
    }
    return best;
  }

  // -- hands: pointer, wheel, keys --------------------------------------------------------------

  const pointers = new Map();
  let grabbed = null;

  function pointAt(event) {
    const box = lanesSvg.getBoundingClientRect();
    const ratio = now.width / box.width;
    return { x: (event.clientX - box.left) * ratio, y: (event.clientY - box.top) * ratio };
  }

  lanesSvg.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    pointers.set(event.pointerId, pointAt(event));
    grabbed = { ...pointAt(event), low: now.low, high: now.high, moved: pointers.size > 1 };
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      grabbed.apart = Math.max(Math.abs(a.x - b.x), 20);
      grabbed.middle = uOf((a.x + b.x) / 2);
    }
  });

  lanesSvg.addEventListener("pointermove", (event) => {
    const at = pointAt(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType === "mouse" && !now.pinned) {
        const call = callAt(at.x, at.y, 6);
        if (call !== now.picked) pick(call, false);
      }
      return;
    }
    pointers.set(event.pointerId, at);
    if (!grabbed) return;
    if (pointers.size === 2 && grabbed.apart) {
      const [a, b] = [...pointers.values()];
      const factor = grabbed.apart / Math.max(Math.abs(a.x - b.x), 20);
      look(
        grabbed.middle - (grabbed.middle - grabbed.low) * factor,
        grabbed.middle + (grabbed.high - grabbed.middle) * factor,
      );
      return;
    }
    if (!grabbed.moved && Math.abs(at.x - grabbed.x) > 5) {
      grabbed.moved = true;
      lanesSvg.setPointerCapture(event.pointerId);
    }
    if (grabbed.moved) {
      const by =
        ((grabbed.x - at.x) / (now.width - now.gutter - 10)) * (grabbed.high - grabbed.low);
      look(grabbed.low + by, grabbed.high + by);
    }
  });

  function release(event) {
    const held = pointers.delete(event.pointerId);
    if (held && grabbed && !grabbed.moved && event.type === "pointerup") {
      const at = pointAt(event);
      pick(callAt(at.x, at.y, event.pointerType === "mouse" ? 6 : 24), true);
    }
    if (!pointers.size) grabbed = null;
  }
  lanesSvg.addEventListener("pointerup", release);
  lanesSvg.addEventListener("pointercancel", release);
  lanesSvg.addEventListener("pointerleave", (event) => {
    if (!now.pinned && event.pointerType === "mouse" && !card.contains(event.relatedTarget))
      pick(null);
  });

  stage.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(Math.exp(clamp(event.deltaY, -60, 60) * 0.008), pointAt(event).x);
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        pan((event.deltaX || event.deltaY) / now.width);
      }
    },
    { passive: false },
  );

  function step(direction) {
    const from = now.picked && now.shapes.has(now.picked) ? now.picked : null;
    if (!from) {
      const inView = now.calls.filter((call) => call.start >= now.low && call.start <= now.high);
      return inView.find(now.subject.finding) || inView[0] || now.calls[0];
    }
    if (direction === "ArrowLeft") return from.previous || from;
    if (direction === "ArrowRight") return from.next || from;
    const lane = now.lanes[now.lanes.indexOf(from.lane) + (direction === "ArrowDown" ? 1 : -1)];
    if (!lane) return from;
    const off = (call) => Math.abs(call.start - from.start);
    return lane.calls.reduce((best, call) => (off(call) < off(best) ? call : best));
  }

  lanesSvg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key === "+" || key === "=") zoom(0.7);
    else if (key === "-" || key === "_") zoom(1 / 0.7);
    else if (key === "0") look(-0.01, 1.01);
    else if (key === "Escape") pick(null);
    else if (event.shiftKey && (key === "ArrowLeft" || key === "ArrowRight"))
      pan(key === "ArrowLeft" ? -0.2 : 0.2);
    else if (key.startsWith("Arrow")) {
      const call = step(key);
      if (!call) return;
      reveal(call);
      draw();
      pick(call, true);
    } else return;
    event.preventDefault();
  });

  function goTo(call) {
    if (!now.shapes.has(call)) {
      coreOnly.checked = false;
      layOut();
    }
    focusFinding();
    reveal(call);
    draw();
    pick(call, true);
    stage.scrollIntoView({ block: "nearest" });
  }

  byId("zoom-in").addEventListener("click", () => zoom(0.6));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
  byId("whole").addEventListener("click", () => look(-0.01, 1.01));
  byId("first-error").addEventListener("click", () => {
    if (now.part !== 0) showPart(0);
    const wrong = now.calls.filter(now.subject.finding);
    if (wrong.length)
      goTo(
        now.subject.stuck && now.shapes.has(now.subject.stuck)
          ? now.subject.stuck
          : wrong[wrong.length - 1],
      );
  });
  coreOnly.addEventListener("change", () => {
    even.checked = coreOnly.checked || !data.timed;
    pick(null);
    layOut();
    if (!coreOnly.checked) focusFinding();
    draw();
  });
  even.addEventListener("change", () => {
    pick(null);
    layOut();
    if (!coreOnly.checked) focusFinding();
    draw();
  });
  orderSelect.addEventListener("change", () => {
    now.order = now.subject.orders[Number(orderSelect.value)];
    placeOrder();
    tellOrderEnd();
    draw();
    if (now.picked) pick(now.picked, now.pinned);
  });
  document.querySelectorAll(".find").forEach((button) => {
    button.addEventListener("click", () => {
      goTo(now.subject.calls[Number(button.dataset.call)]);
      lanesSvg.focus({ preventScroll: true });
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") pick(null);
  });
  let lastWidth = 0;
  window.addEventListener("resize", () => {
    if (stage.clientWidth === lastWidth) return;
    lastWidth = stage.clientWidth;
    if (!now.subject) return;
    const { low, high } = now;
    layOut();
    look(low, high);
    draw();
    pick(now.picked, now.pinned);
  });

  // -- the list of keys -------------------------------------------------------------------------

  const MOST_LISTED = 60;
  function listKeys(wanted) {
    const list = byId("key-list");
    if (!list) return;
    const found = [];
    let matching = 0;
    data.parts.forEach(([name, verdict, calls], part) => {
      if (wanted && !name.toLowerCase().includes(wanted.toLowerCase())) return;
      matching += 1;
      if (found.length >= MOST_LISTED) return;
      const key = element("button", {
        type: "button",
        class: `key ${verdict}`,
        "data-part": part,
        title: name,
      });
      key.setAttribute("aria-pressed", String(part === now.part));
      key.append(
        element("span", { class: "mark", "aria-hidden": "true" }, SIGNS[verdict]),
        element("span", { class: "name" }, name),
        element(
          "span",
          { class: "calls" },
          part < data.pictures.length ? number(calls) : "no picture",
        ),
      );
      key.setAttribute("aria-label", `key ${name}, ${verdict}, ${number(calls)} calls`);
      key.disabled = part >= data.pictures.length;
      key.addEventListener("click", () => {
        pick(null);
        showPart(part);
      });
      found.push(key);
    });
    list.replaceChildren(...found);
    const wrong = data.parts.filter(([, verdict]) => verdict === "invalid").length;
    byId("key-count").textContent =
      (wanted
        ? `${number(matching)} match`
        : `${number(data.parts.length)}${wrong ? `, ${number(wrong)} not linearizable` : ""}`) +
      (matching > found.length ? `; the first ${found.length} are here` : "");
  }

  if (data.parts.length > 1) {
    byId("keys").hidden = false;
    const search = byId("key-search");
    search.hidden = data.parts.length <= 12;
    search.addEventListener("input", () => listKeys(search.value.trim()));
    listKeys("");
  }
  if (data.pictures.length && data.pictures[0].calls.length) {
    byId("chart").hidden = false;
    showPart(0);
    lastWidth = stage.clientWidth;
  }
  root.dataset.ready = "true";
})();
