"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Plots: drawn when they come near the window, as many would slow the page's opening.
  const config = () => {
    const [ink, faint, rule] = ["--ink", "--faint", "--rule"].map(colour);
    return {
      background: "transparent",
      font: "system-ui, sans-serif",
      view: { stroke: rule },
      axis: { labelColor: faint, titleColor: faint, gridColor: rule, domainColor: rule, tickColor: rule, titleFontWeight: "normal" },
      legend: { labelColor: ink, titleColor: faint, orient: "top" },
      text: { color: ink },
      rule: { color: ink },
      mark: { tooltip: false },
    };
  };
  const draw = (place) => {
    const spec = data.plots[place.dataset.plot];
    // A concatenation has no container to take its width from: axes and their titles are beside it.
    const width = Math.max(200, place.clientWidth - 110);
    for (const view of spec.vconcat || []) view.width = width;
    window.vegaEmbed(place, spec, { ast: true, actions: false, renderer: "canvas", config: config() })
      .catch((error) => { place.textContent = String(error); });
  };
  const seen = new IntersectionObserver((entries) => {
    for (const each of entries) {
      if (!each.isIntersecting) continue;
      seen.unobserve(each.target);
      draw(each.target);
    }
  }, { rootMargin: "300px" });
  for (const place of document.querySelectorAll(".plot")) seen.observe(place);

  // The table of layers.
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  let sorted = null;
  const sortBy = (index) => {
    const head = heads[index];
    const down = sorted === index ? !head.classList.contains("down") : !head.classList.contains("text");
    const key = head.dataset.key;
    const numeric = data.columns.some((each) => each.key === key);
    const value = (row) => (numeric ? data.values[row.dataset.row][key] : row.cells[index].textContent);
    const known = (x) => x !== null && x !== undefined && x !== "";
    const order = [...rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (!known(a) || !known(b)) return known(b) - known(a);
      const less = numeric ? a - b : a.localeCompare(b);
      return down ? -less : less;
    });
    body.append(...(index ? order : down ? rows : [...rows].reverse()));
    for (const each of heads) each.classList.remove("up", "down");
    head.classList.add(down ? "down" : "up");
    sorted = index;
  };
  heads.forEach((head, index) => head.addEventListener("click", () => sortBy(index)));

  // The network: zoom, move, colour, choose.
  const svg = document.getElementById("graph");
  const moved = document.getElementById("moved");
  const nodes = [...svg.querySelectorAll(".node")];
  const whole = svg.viewBox.baseVal;
  const [width, height] = [whole.width, whole.height];
  svg.removeAttribute("viewBox");
  let view = { x: 0, y: 0, scale: 1 };
  const show = () => moved.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
  const showWhole = () => {
    const scale = Math.min(1.4, svg.clientWidth / width, svg.clientHeight / height);
    view = { x: (svg.clientWidth - scale * width) / 2, y: (svg.clientHeight - scale * height) / 2, scale };
    show();
  };
  const showStart = () => {
    showWhole();
    if (view.scale > 0.6 || !nodes.length) return;
    // Too small to read: begin at the first node.
    const first = nodes[0].transform.baseVal[0].matrix;
    view = { x: svg.clientWidth / 2 - 86 - first.e, y: 24 - first.f, scale: 1 };
    show();
  };
  const zoom = (factor, x, y) => {
    const scale = Math.min(4, Math.max(0.02, view.scale * factor));
    const real = scale / view.scale;
    view = { x: x - (x - view.x) * real, y: y - (y - view.y) * real, scale };
    show();
  };
  const inside = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...inside(event));
  }, { passive: false });
  const fingers = new Map();
  let travelled = 0;
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, inside(event));
    travelled = 0;
  });
  svg.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = inside(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (travelled > 4 && !svg.hasPointerCapture(event.pointerId)) {
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("moving");
    }
    if (other) {
      const [x, y] = other[1];
      const apart = (point) => Math.hypot(point[0] - x, point[1] - y) || 1;
      zoom(apart(now) / apart(before), x, y);
    } else {
      view = { ...view, x: view.x + now[0] - before[0], y: view.y + now[1] - before[1] };
      show();
    }
    fingers.set(event.pointerId, now);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
    svg.addEventListener(name, (event) => {
      if (name === "pointerleave" && svg.hasPointerCapture(event.pointerId)) return;
      fingers.delete(event.pointerId);
      svg.classList.remove("moving");
    });
  }
  const middle = () => [svg.clientWidth / 2, svg.clientHeight / 2];
  document.getElementById("whole").addEventListener("click", showWhole);
  document.getElementById("larger").addEventListener("click", () => zoom(1.4, ...middle()));
  document.getElementById("smaller").addEventListener("click", () => zoom(1 / 1.4, ...middle()));
  showStart();

  const details = document.getElementById("details");
  const choose = (node, row) => {
    for (const each of nodes) each.classList.toggle("chosen", row === undefined ? each === node : each.dataset.row === row);
    for (const each of rows) each.classList.toggle("chosen", each.dataset.row === row);
    details.replaceChildren();
    details.hidden = !node;
    if (!node) return;
    const add = (parent, kind, text) => parent.append(Object.assign(document.createElement(kind), { textContent: text }));
    add(details, "h3", row === undefined ? node.querySelector("title").textContent : rows[row].cells[0].textContent);
    const list = document.createElement("dl");
    for (const [title, text] of row === undefined ? [] : data.texts[row]) {
      add(list, "dt", title);
      add(list, "dd", text);
    }
    details.append(list);
  };
  for (const node of nodes) {
    node.addEventListener("click", () => {
      if (travelled <= 4) choose(node.classList.contains("chosen") ? null : node, node.dataset.row);
    });
  }
  for (const row of rows) {
    row.addEventListener("click", () => {
      const node = nodes.find((each) => each.dataset.row === row.dataset.row);
      choose(row.classList.contains("chosen") ? null : node, row.dataset.row);
    });
  }

  // Colours, from few to many.
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const shade = (share) => {
    const at = Math.min(share, 0.9999) * (stops.length - 1);
    const index = Math.floor(at);
    return stops[index].map((from, i) => Math.round(from + (at - index) * (stops[index + 1][i] - from)));
  };
  const by = document.getElementById("by");
  const scale = document.getElementById("scale");
  by.append(new Option("chip and host", ""));
  for (const each of data.columns) by.append(new Option(each.title, each.key));
  const amount = (value) => {
    if (Math.abs(value) >= 10000) return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
    return String(Number(value.toPrecision(3)));
  };
  const paint = () => {
    const column = data.columns.find((each) => each.key === by.value);
    const value = (node) => (column && node.dataset.row !== undefined ? data.values[node.dataset.row][column.key] : null);
    const spread = column && column.spread;
    const usable = (x) => x !== null && x !== undefined && (!spread || x > 0);
    const known = nodes.map(value).filter(usable);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const level = (x) => (spread ? Math.log(x) : x);
    const share = (x) => (high > low ? (level(x) - level(low)) / (level(high) - level(low)) : 0.5);
    for (const node of nodes) {
      const [rect, texts] = [node.querySelector("rect"), node.querySelectorAll("text")];
      const x = value(node);
      const rgb = usable(x) ? shade(share(x)) : null;
      rect.style.fill = rgb ? `rgb(${rgb})` : "";
      const bright = rgb && 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 130;
      for (const text of texts) text.style.fill = rgb ? (bright ? "#10151d" : "#ffffff") : "";
    }
    scale.replaceChildren();
    if (!known.length) return;
    const bar = Object.assign(document.createElement("canvas"), { width: 120, height: 12 });
    const pen = bar.getContext("2d");
    for (let x = 0; x < 120; x += 1) {
      pen.fillStyle = `rgb(${shade(x / 119)})`;
      pen.fillRect(x, 0, 1, 12);
    }
    scale.append(amount(low), bar, amount(high));
  };
  by.addEventListener("change", paint);
  if (data.columns.some((each) => each.key === "cycles")) by.value = "cycles";
  paint();
})();
