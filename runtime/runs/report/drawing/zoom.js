// Zoom for the charts that carry their data: drag across to zoom in, double click or 0 to see all again; + - and the
// arrow keys do the same from the keyboard. Charts of one group move together. Without this script every chart still
// shows the whole record.
(() => {
  "use strict";
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MISSING = 65535;
  const NEAR = 80;
  let printing = false;
  const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

  const element = (name, attributes, text) => {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // --- series: a function from an index to a value, evenly spaced or with an x of their own ---

  const series = (given) => {
    if (given.x) {
      return { length: given.y.length, x: (i) => given.x[i], y: (i) => (given.y[i] === null ? NaN : given.y[i]), own: true };
    }
    const bytes = Uint8Array.from(atob(given.data), (character) => character.charCodeAt(0));
    const numbers = new DataView(bytes.buffer);
    const value = (i) => {
      const number = numbers.getUint16(2 * i, true);
      return number === MISSING ? NaN : given.low + given.step * number;
    };
    return { length: bytes.length / 2, x: (i) => given.start + given.every * i, y: value, ...given };
  };

  const range = (line, view) => {
    if (line.own) return [0, line.length - 1];
    const first = Math.floor((view.low - line.start) / line.every);
    const last = Math.ceil((view.high - line.start) / line.every);
    return [Math.max(0, first), Math.min(line.length - 1, last)];
  };

  const extremes = (lines, view) => {
    let low = Infinity, high = -Infinity;
    for (const line of lines) {
      const [first, last] = range(line, view);
      for (let i = first; i <= last; i++) {
        const y = line.y(i);
        if (line.x(i) < view.low || line.x(i) > view.high) continue;
        if (y < low) low = y;
        if (y > high) high = y;
      }
    }
    return [low, high];
  };

  // The smallest and the largest value of every pixel, in the order in which they come.
  const thinned = (line, view, pixels) => {
    const [first, last] = range(line, view);
    const size = Math.ceil((last - first + 1) / pixels);
    const found = [];
    for (let i = first; i <= last; i += size > 2 ? size : 1) {
      let low = i, high = i;
      for (let j = i; size > 2 && j < Math.min(i + size, last + 1); j++) {
        if (line.y(j) < line.y(low) || Number.isNaN(line.y(low))) low = j;
        if (line.y(j) > line.y(high) || Number.isNaN(line.y(high))) high = j;
      }
      found.push(Math.min(low, high));
      if (low !== high) found.push(Math.max(low, high));
    }
    return found;
  };

  // --- axes ---

  const place = (scale, value) => {
    const on = scale.log ? Math.log10 : (number) => number;
    return (on(value) - on(scale.low)) / (on(scale.high) - on(scale.low));
  };

  const ten = (power) => "10" + [...String(power)].map((character) => SUPERSCRIPTS[character]).join("");

  const roundStep = (least) => {
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9));
  };

  const ticks = (scale, most) => {
    const decades = scale.log ? Math.log10(scale.high / scale.low) : 0;
    if (decades >= 2) {
      const first = Math.ceil(Math.log10(scale.low) - 1e-9), last = Math.floor(Math.log10(scale.high) + 1e-9);
      const every = Math.max(1, Math.ceil((last - first + 1) / most));
      const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((power) => power % every === 0);
      const plain = first >= -3 && last <= 4;
      return powers.map((power) => [10 ** power, plain ? String(Number((10 ** power).toPrecision(1))) : ten(power)]);
    }
    if (decades >= 0.8) return fractionsOfDecades(scale);
    const step = roundStep((scale.high - scale.low) / most);
    const values = [];
    for (let i = Math.ceil(scale.low / step - 1e-9); i <= Math.floor(scale.high / step + 1e-9); i++) values.push(i * step);
    const largest = Math.max(...values.map(Math.abs), 0);
    let power = largest ? Math.floor(Math.log10(largest)) : 0;
    if (power >= -3 && power < 5) power = 0;
    const digits = Math.max(0, power - Math.floor(Math.log10(step) + 1e-9));
    return values.map((value) => [value, label(value / 10 ** power, digits) + (power && value ? "·" + ten(power) : "")]);
  };

  const fractionsOfDecades = ({ low, high }) => {
    const found = [], plain = low >= 1e-4 && high <= 1e5;
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of [1, 2, 5]) {
        const value = Number((factor * 10 ** power).toPrecision(1));
        if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
        found.push([value, plain ? String(value) : `${factor}·${ten(power)}`]);
      }
    }
    return found;
  };

  const label = (value, digits) => {
    const [whole, part] = Math.abs(value).toFixed(digits).split(".");
    const text = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (part ? "." + part : "");
    return /[1-9]/.test(text) ? (value < 0 ? "\u2212" : "") + text : "0";
  };

  // --- one chart ---

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.svg = figure.querySelector(":scope > svg");
      this.given = JSON.parse(figure.querySelector("script").textContent);
      this.lines = this.given.lines.map((line) => ({ ...series(line), ink: line.ink, told: line.told }));
      this.bands = this.given.bands.map((band) => ({ ink: band.ink, ends: [series(band.low), series(band.high)] }));
      this.outputs = [...figure.querySelectorAll(".legend span output")];
      this.at = figure.querySelector(".legend .at");
      this.axes = this.svg.querySelector(".axes");
      this.shapes = this.svg.querySelector(".shapes");
      this.boxes = this.svg.querySelectorAll("clipPath rect, rect.frame");
      this.titles = this.svg.querySelectorAll(":scope > text");
      this.whole = { low: this.given.x.low, high: this.given.x.high };
      this.view = { ...this.whole };
      this.listen();
    }

    get wide() { return this.width - this.given.left - this.given.right; }
    get high() { return this.given.height - this.given.top - this.given.bottom; }
    get zoomed() { return this.view.low > this.whole.low || this.view.high < this.whole.high; }

    draw() {
      const onPaper = this.figure.classList.contains("half") ? 340 : 690;
      this.width = printing ? onPaper : Math.max(300, this.svg.clientWidth || 900);
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.given.height}`);
      for (const box of this.boxes) box.setAttribute("width", this.wide);
      this.titles[0].setAttribute("x", this.given.left + this.wide / 2);
      this.x = { ...this.given.x, ...this.view };
      this.y = this.zoomed ? this.fitted() : this.given.y;
      this.drawAxes();
      this.drawShapes();
      this.drawReset();
    }

    fitted() {
      const [low, high] = extremes([...this.lines, ...this.bands.flatMap((band) => band.ends)], this.view);
      if (!(high > low)) return this.given.y;
      if (this.given.y.log) {
        const room = (high / low) ** 0.05;
        return low > 0 ? { low: low / room, high: high * room, log: true } : this.given.y;
      }
      return { low: low - 0.05 * (high - low), high: high + 0.05 * (high - low), log: false };
    }

    across(x) { return this.given.left + this.wide * place(this.x, x); }
    down(y) { return this.given.top + this.high * (1 - place(this.y, y)); }

    drawAxes() {
      const { left, top } = this.given, bottom = top + this.high, parts = [];
      for (const [value, text] of ticks(this.x, Math.max(3, Math.round(this.wide / 95)))) {
        parts.push(element("path", { d: `M${this.across(value)} ${top}V${bottom}` }));
        parts.push(element("text", { x: this.across(value), y: bottom + 16 }, text));
      }
      for (const [value, text] of ticks(this.y, Math.max(4, Math.floor(this.high / 26)))) {
        parts.push(element("path", { d: `M${left} ${this.down(value)}h${this.wide}` }));
        parts.push(element("text", { x: left - 7, y: this.down(value) + 4, class: "y" }, text));
      }
      this.axes.replaceChildren(...parts);
    }

    drawShapes() {
      const { left, top } = this.given, parts = [];
      for (const band of this.bands) {
        const [low, high] = band.ends.map((end) => this.points(end).filter(([, down]) => Number.isFinite(down)));
        if (low.length) parts.push(element("path", { class: band.ink, d: `M${[...low, ...high.reverse()].join("L")}Z` }));
      }
      for (const level of this.given.levels) {
        parts.push(element("path", { class: "level", d: `M${left} ${this.down(level)}h${this.wide}` }));
      }
      const before = [];
      for (const [at, text] of this.given.marks) {
        const across = this.across(at), back = across > left + 0.8 * this.wide;
        const down = top + 13 + 15 * before.filter((other) => Math.abs(across - other) < NEAR).length;
        before.push(across);
        parts.push(element("path", { class: "mark", d: `M${across} ${top}v${this.high}` }));
        parts.push(element("text", { class: back ? "y" : "mark", x: across + (back ? -4 : 4), y: down }, text));
      }
      for (const line of this.lines) parts.push(element("path", { class: line.ink, d: this.path(line) }));
      this.cursor = element("path", { class: "cursor" });
      this.brush = element("rect", { class: "brush", y: top, height: this.high, width: 0 });
      this.shapes.replaceChildren(...parts, this.cursor, this.brush);
    }

    points(line) {
      return thinned(line, this.view, this.wide).map((i) => [this.across(line.x(i)), this.down(line.y(i))]);
    }

    path(line) {
      if (line.ink.endsWith("points")) return this.crosses(line);
      const words = [], steps = line.ink.endsWith("steps");
      let drawing = false, before = 0;
      for (const [across, down] of this.points(line)) {
        if (Number.isFinite(down)) {
          if (drawing && steps) words.push(`L${across.toFixed(1)} ${before.toFixed(1)}`);
          words.push(`${drawing ? "L" : "M"}${across.toFixed(1)} ${down.toFixed(1)}`);
        }
        drawing = Number.isFinite(down);
        before = down;
      }
      return words.join("");
    }

    crosses(line) {
      const known = this.points(line).filter((point) => point.every(Number.isFinite));
      return known.map(([across, down]) => `M${across - 4} ${down - 4}l8 8m0 -8l-8 8`).join("");
    }

    drawReset() {
      const legend = this.figure.querySelector(".legend");
      legend.querySelector("button")?.remove();
      if (!this.zoomed) return;
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "show all" });
      button.onclick = () => this.show(this.whole);
      legend.append(button);
    }

    // --- what people do ---

    listen() {
      let from = null;
      this.svg.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        from = this.place(event);
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener("pointermove", (event) => {
        this.tell(this.place(event));
        if (from !== null) this.mark(from, this.place(event));
      });
      this.svg.addEventListener("pointerup", (event) => {
        const to = this.place(event), started = from;
        from = null;
        if (started !== null && Math.abs(this.across(to) - this.across(started)) > 6) {
          this.show({ low: Math.min(started, to), high: Math.max(started, to) });
        } else this.brush.setAttribute("width", 0);
      });
      this.svg.addEventListener("pointercancel", () => { from = null; this.brush.setAttribute("width", 0); });
      this.svg.addEventListener("pointerleave", () => this.tell(null));
      this.svg.addEventListener("dblclick", () => this.show(this.whole));
      this.figure.addEventListener("keydown", (event) => this.key(event));
    }

    place(event) {
      const box = this.svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) * (this.width / box.width) - this.given.left) / this.wide;
      return this.inverse(Math.min(1, Math.max(0, share)));
    }

    inverse(share) {
      const { low, high, log } = this.x;
      return log ? low * (high / low) ** share : low + (high - low) * share;
    }

    mark(from, to) {
      const left = Math.min(this.across(from), this.across(to));
      this.brush.setAttribute("x", left);
      this.brush.setAttribute("width", Math.abs(this.across(from) - this.across(to)));
    }

    show(view) {
      for (const chart of charts) {
        if (chart.figure.dataset.group !== this.figure.dataset.group) continue;
        const low = Math.max(view.low, chart.whole.low), high = Math.min(view.high, chart.whole.high);
        if (!(high > low)) continue;
        chart.view = { low, high };
        chart.draw();
      }
    }

    key(event) {
      const moves = { "+": [0.25, 0.75], "=": [0.25, 0.75], "-": [-0.5, 1.5], ArrowLeft: [-0.25, 0.75], ArrowRight: [0.25, 1.25] };
      if (event.key === "0" || event.key === "Escape") this.show(this.whole);
      else if (moves[event.key]) {
        const [low, high] = moves[event.key].map((share) => this.inverse(share));
        if (event.key.startsWith("Arrow") && (low < this.whole.low || high > this.whole.high)) return;
        this.show({ low, high });
      } else return;
      event.preventDefault();
    }

    tell(at) {
      const { top } = this.given;
      this.cursor.setAttribute("d", at === null ? "" : `M${this.across(at)} ${top}v${this.high}`);
      this.at.textContent = at === null ? "" : `${this.given.x_label}: ${Number(at.toPrecision(5))}`;
      const all = [...this.lines.filter((line) => line.told).map((line) => [line]), ...this.bands.map((band) => band.ends)];
      this.outputs.forEach((output, index) => {
        const values = at === null ? [] : (all[index] ?? []).map((line) => line.y(nearest(line, at)));
        const known = values.filter(Number.isFinite).map((value) => String(Number(value.toPrecision(4))).replace("-", "\u2212"));
        output.textContent = known.join(" … ");
      });
    }
  }

  const nearest = (line, at) => {
    if (!line.own) return Math.min(line.length - 1, Math.max(0, Math.round((at - line.start) / line.every)));
    let best = 0;
    for (let i = 1; i < line.length; i++) if (Math.abs(line.x(i) - at) < Math.abs(line.x(best) - at)) best = i;
    return best;
  };

  const charts = [...document.querySelectorAll("figure[data-group]")].map((figure) => new Chart(figure));
  const drawAll = () => charts.forEach((chart) => chart.draw());
  drawAll();
  addEventListener("beforeprint", () => { printing = true; drawAll(); });
  addEventListener("afterprint", () => { printing = false; drawAll(); });
  let waiting = 0;
  addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(drawAll); });
  for (const closed of document.querySelectorAll("details")) closed.addEventListener("toggle", drawAll);
})();
