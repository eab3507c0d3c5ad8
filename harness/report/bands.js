// The axis, the faults and the nodes: few things, each an element of its own.

const KIND_ROW = 20;
const LANE = 24;
const axisSvg = byId("axis"),
  faultsSvg = byId("faults"),
  rolesSvg = byId("roles");

const faults = data.faults.map(([kind, whom, aim, from, until, became], index) => ({
  kind,
  whom,
  aim,
  from,
  until: until === null ? END : until,
  became,
  index,
}));
const leads = data.leads.map(([at, node, epoch]) => ({ at, node: data.nodes[node], epoch }));
const stints = data.stints.map(([node, role, from, until, epoch]) => ({
  node,
  role,
  from,
  until,
  epoch,
}));

/** Faults of one kind share a row as long as they do not overlap. */
const rows = [];
for (const fault of faults) {
  let row = rows.find((one) => one.kind === fault.kind && one.until <= fault.from);
  if (!row) {
    row = { kind: fault.kind, faults: [] };
    const last = rows.findLastIndex((one) => one.kind === fault.kind);
    rows.splice(last < 0 ? rows.length : last + 1, 0, row);
  }
  row.until = fault.until;
  row.faults.push(fault);
}

function sized(svg, height) {
  svg.setAttribute("viewBox", `0 0 ${view.width} ${height}`);
  svg.style.height = `${height}px`;
  svg.replaceChildren();
  return svg;
}

const line = (kind, x, top, bottom) =>
  drawn("line", { class: kind, x1: x, x2: x, y1: top, y2: bottom });

function backdrop(svg, height) {
  for (const at of timeTicks().at) svg.append(line("tick", xOf(at), 0, height));
}

function foreground(svg, height) {
  for (const lead of leads) {
    if (lead.at < view.low || lead.at > view.high) continue;
    const mark = drawn("g", { class: "lead" });
    mark.append(line("", xOf(lead.at), 0, height));
    svg.append(mark);
  }
}

function drawAxis() {
  const height = 50;
  const svg = sized(axisSvg, height);
  const { step, at } = timeTicks();
  for (const time of at) {
    svg.append(
      line("edge", xOf(time), 44, height),
      drawn("text", { class: "quiet", x: clamp(xOf(time), view.gutter, view.width - 24), y: 40, "text-anchor": "middle" }, moment(time, step)),
    );
  }
  data.phases.forEach(([name, from], i) => {
    const until = i + 1 < data.phases.length ? data.phases[i + 1][1] : END;
    if (until < view.low || from > view.high) return;
    const x1 = inPlot(xOf(from)),
      x2 = inPlot(xOf(until));
    const label = fitted(name, x2 - x1 - 8);
    svg.append(line("edge", x1, 0, 13));
    if (label) svg.append(drawn("text", { class: "phase-name", x: x1 + 5, y: 11 }, label));
  });
  leads.forEach((lead, i) => {
    if (lead.at < view.low || lead.at > view.high) return;
    const x = xOf(lead.at);
    const room = (i + 1 < leads.length ? Math.min(xOf(leads[i + 1].at) - 6, view.width) : view.width) - x - 10;
    const mark = drawn("g", { class: "lead", "data-node": lead.node });
    mark.append(drawn("path", { d: `M${x - 4} 16h8l-4 7z` }));
    const said = lead.epoch === null ? [lead.node] : [`${lead.node}, epoch ${lead.epoch}`, `${lead.node} e${lead.epoch}`];
    const label = said.find((text) => widthOf(text) < room);
    if (label) mark.append(drawn("text", { x: x + 7, y: 24 }, label));
    mark.append(drawn("title", {}, `${lead.node} begins to lead at ${moment(lead.at, 1e4)}`));
    svg.append(mark);
  });
  for (const call of wrongCalls()) {
    const x = xOf(calls.called[call]);
    if (x >= view.gutter && x <= view.width - RIGHT)
      svg.append(drawn("path", { class: "wrong-mark", d: `M${x - 4} ${height}h8l-4 -7z` }));
  }
  if (view.chosen) {
    const [a, b] = view.chosen.map((t) => inPlot(xOf(t)));
    svg.append(drawn("rect", { class: "chosen", x: Math.min(a, b), width: Math.abs(b - a), y: 0, height }));
  }
}

function drawFaults() {
  if (!rows.length) return;
  const height = rows.length * KIND_ROW + 4;
  const svg = sized(faultsSvg, height);
  backdrop(svg, height);
  rows.forEach((row, i) => {
    const top = i * KIND_ROW + 1;
    if (i === 0 || rows[i - 1].kind !== row.kind)
      svg.append(drawn("text", { class: "quiet", x: view.gutter - 8, y: top + 13, "text-anchor": "end" }, fitted(row.kind, view.gutter - 8)));
    for (const fault of row.faults) {
      if (fault.until < view.low || fault.from > view.high) continue;
      const x1 = inPlot(xOf(fault.from)),
        x2 = Math.max(inPlot(xOf(fault.until)), x1 + 2);
      const became = fault.became === "proven" ? "proven" : fault.became === "moot" ? "moot" : "unproven";
      const band = drawn("g", { class: `band ${became}`, "data-kind": fault.kind });
      band.append(drawn("rect", { class: "body", x: x1, y: top, width: x2 - x1, height: KIND_ROW - 3, rx: 3 }));
      const doubt = became === "proven" ? "" : ` (${fault.became})`;
      const said = fault.whom + doubt;
      const whole = [said, fault.aim + doubt, fault.aim].find((text) => text && widthOf(text) <= x2 - x1 - 10);
      const label = whole || fitted(said, x2 - x1 - 10);
      if (label) band.append(drawn("text", { x: x1 + 5, y: top + 13 }, label));
      band.append(drawn("title", {}, `${fault.kind} ${said}, ${moment(fault.from, 1e4)} – ${moment(fault.until, 1e4)}`));
      svg.append(band);
    }
  });
  foreground(svg, height);
}

function stripes(id, kind, size, turned) {
  const pattern = drawn("pattern", {
    id,
    width: size,
    height: size,
    patternUnits: "userSpaceOnUse",
    patternTransform: turned ? "rotate(45)" : "",
  });
  pattern.append(drawn("rect", { class: "behind", width: size, height: size }));
  pattern.append(drawn("line", { class: kind, x1: 1, x2: 1, y1: 0, y2: size }));
  return pattern;
}

function stint(role, node, from, until, inset) {
  const x1 = inPlot(xOf(from)),
    x2 = inPlot(xOf(until));
  return drawn("rect", {
    class: `stint ${role.replace(" ", "-")}`,
    x: x1,
    width: Math.max(x2 - x1, 1),
    y: node * LANE + 2 + inset,
    height: LANE - 5 - 2 * inset,
    rx: 3,
  });
}

function drawRoles() {
  if (!stints.length) return;
  const height = data.nodes.length * LANE + 4;
  const svg = sized(rolesSvg, height);
  const patterns = drawn("defs");
  patterns.append(stripes("looking", "looking-line", 5, true), stripes("standing", "standing-line", 6, false));
  svg.append(patterns);
  backdrop(svg, height);
  data.nodes.forEach((node, i) => {
    svg.append(drawn("text", { class: "quiet", x: view.gutter - 8, y: i * LANE + 16, "text-anchor": "end" }, fitted(node, view.gutter - 10) || node.slice(0, 4)));
  });
  for (const one of stints) {
    if (one.until < view.low || one.from > view.high) continue;
    const shape = stint(one.role, one.node, one.from, one.until, 0);
    const epoch = one.epoch === null ? "" : `, epoch ${one.epoch}`;
    shape.append(drawn("title", {}, `${data.nodes[one.node]} ${one.role}${epoch}, ${moment(one.from, 1e4)} – ${moment(one.until, 1e4)}`));
    svg.append(shape);
    const x1 = inPlot(xOf(one.from)),
      x2 = inPlot(xOf(one.until));
    const said = one.role === "leading" ? (one.epoch === null ? "leads" : `leads epoch ${one.epoch}`) : one.role === "down" ? "down" : "";
    const short = one.role === "leading" && one.epoch !== null ? `e${one.epoch}` : "";
    const label = widthOf(said) <= x2 - x1 - 10 ? said : widthOf(short) <= x2 - x1 - 6 ? short : "";
    if (label) svg.append(drawn("text", { class: one.role === "leading" ? "on-lead" : "quiet", x: x1 + 6, y: one.node * LANE + 16 }, label));
  }
  for (const [node, from, until] of data.paused) {
    if (until < view.low || from > view.high) continue;
    const shape = stint("paused", node, from, until, 3);
    shape.append(drawn("title", {}, `${data.nodes[node]} stands still, ${moment(from, 1e4)} – ${moment(until, 1e4)}`));
    svg.append(shape);
  }
  foreground(svg, height);
}

/** A legend of those that are there. */
function legend(id, items) {
  byId(id).replaceChildren(
    ...items.map(([kind, text]) => element("span", {}, element("i", { class: `swatch ${kind}` }), text)),
  );
}

function tellRoles() {
  const there = new Set(stints.map((one) => one.role));
  const known = [
    ["leading", "leads", ["leading"]],
    ["following", "follows", ["following", "observing", "read-only"]],
    ["looking", "serves nobody", ["looking", "joining", "not serving"]],
    ["down", "down", ["down"]],
  ];
  const items = known.filter(([, , roles]) => roles.some((role) => there.has(role))).map(([kind, text]) => [kind, text]);
  if (data.paused.length) items.push(["paused", "stands still"]);
  legend("roles-legend", items);
}
