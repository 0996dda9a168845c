// The picture with its boxes, and the text beside it, line against line.

import { count, el } from "./dom.js";

const WIDE = matchMedia("(min-width: 56rem)");
const DOUBTFUL = 0.6; // as unscrawl.render.DOUBTFUL
const SHOWN = "unscrawl-boxes";

export const isDoubtful = (glyph) => glyph.confidence < DOUBTFUL;

export class Sheet {
  /** `pick(line, word, glyph)` is called when the user chooses something, `pickLine(line)` for a whole line. */
  constructor(root, pick, pickLine) {
    this.figure = root.querySelector(".picture");
    this.image = root.querySelector("img");
    this.svg = root.querySelector("svg");
    this.list = root.querySelector(".lines");
    this.pick = pick;
    this.pickLine = pickLine;
    this.figure.addEventListener("click", (event) => this.#hit(event, pick));
    this.figure.addEventListener("pointermove", (event) => this.#hit(event, (line, word) => this.#hover(line, word)));
    this.figure.addEventListener("pointerleave", () => this.#hover(null));
    this.list.addEventListener("click", (event) => this.#clicked(event));
    this.list.addEventListener("keydown", (event) => this.#arrow(event));
    this.list.addEventListener("pointerover", (event) => {
      const word = event.target.closest(".word");
      this.#hover(...(word ? [Number(word.dataset.line), Number(word.dataset.word)] : [null]));
    });
    this.observer = new ResizeObserver(() => this.place());
    this.observer.observe(this.figure);
    this.observer.observe(this.list);
    document.fonts.ready.then(() => this.place());
  }

  leave() {
    this.observer.disconnect();
  }

  /** Show a page; `changed` maps "line word" to what stood there before. */
  draw(page, source, changed = new Map()) {
    this.page = page;
    this.changed = changed;
    if (this.image.getAttribute("src") !== source) this.image.src = source;
    this.image.width = page.width;
    this.image.height = page.height;
    this.svg.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    const left = Math.min(...page.lines.map((line) => line.box[0]));
    const right = Math.max(...page.lines.map((line) => line.box[0] + line.box[2]));
    this.span = [left, right - left];
    this.list.replaceChildren(...page.lines.map((_, i) => this.#line(i, source)));
    this.#boxes();
    this.#stops();
    this.place();
  }

  /** Show one line again after a correction; the focus stays where it was. */
  drawLine(i) {
    const item = this.list.children[i];
    const focused = item.contains(document.activeElement) ? document.activeElement.dataset.word : null;
    item.querySelector(".text").replaceChildren(...this.#words(i));
    if (focused !== null) this.word(i, focused)?.focus();
    this.#doubtful();
    this.#stops();
  }

  word(line, word) {
    return this.list.children[line]?.querySelector(`[data-word="${word}"]`);
  }

  /** Frame what is being corrected; `null` for nothing. */
  mark(line, word = null, glyph = null) {
    this.list.querySelector(".chosen")?.classList.remove("chosen");
    const at = line === null ? null : this.page.lines[line];
    const parts = { line: at, word: at?.words[word], glyph: at?.words[word]?.glyphs[glyph] };
    for (const [kind, part] of Object.entries(parts)) this.#frame(kind, part?.box);
    this.#point(line, parts.word?.box);
    if (!at) return;
    const node = word === null ? this.list.children[line] : this.word(line, word);
    node.classList.add("chosen");
    if (WIDE.matches) node.scrollIntoView({ block: "nearest", behavior: "instant" });
    else node.closest(".line").scrollIntoView({ block: "start", behavior: "instant" });
  }

  /** Show or hide kinds of boxes; without an argument, those of last time. */
  boxes(shown = (localStorage.getItem(SHOWN) ?? "lines words glyphs").split(" ")) {
    localStorage.setItem(SHOWN, shown.join(" "));
    this.figure.dataset.shown = shown.join(" ");
    return shown;
  }

  /** Put every line of the text beside its line of the picture, as near as their heights allow. */
  place() {
    const page = this.page;
    if (!page) return;
    const items = [...this.list.children];
    if (!WIDE.matches) {
      this.list.style.cssText = "";
      for (const item of items) item.style.top = item.style.paddingLeft = "";
      return;
    }
    const scale = this.figure.clientWidth / page.width;
    const longest = Math.max(10, ...page.lines.map((line) => line.text.length));
    const pitch = this.#pitch() * scale;
    const size = Math.max(13, Math.min(26, 0.62 * pitch, (this.list.clientWidth - 44) / (0.47 * longest)));
    this.list.style.fontSize = `${size}px`;
    items.forEach((item, i) => {
      const indent = (page.lines[i].box[0] - this.span[0]) / this.span[1];
      item.style.paddingLeft = `${Math.min(45, 100 * indent).toFixed(1)}%`;
    });
    const heights = items.map((item) => item.offsetHeight);
    let free = 0;
    items.forEach((item, i) => {
      const [, y, , h] = page.lines[i].box;
      const top = Math.max(free, (y + h / 2) * scale - heights[i] / 2);
      item.style.top = `${top}px`;
      free = top + heights[i];
    });
    this.list.style.height = `${free}px`;
  }

  #pitch() {
    const middles = this.page.lines.map(({ box: [, y, , h] }) => y + h / 2).sort((a, b) => a - b);
    const gaps = middles.slice(1).map((y, i) => y - middles[i]).sort((a, b) => a - b);
    return gaps.length ? gaps[gaps.length >> 1] : 40;
  }

  #line(i, source) {
    const edit = el("button", { type: "button", className: "edit", textContent: "✎", title: "Correct the whole line" });
    edit.setAttribute("aria-label", `Correct line ${i + 1} as a whole`);
    const text = el("p", { className: "text" }, ...this.#words(i));
    const item = el("li", { className: "line", dataset: { line: i } }, this.#strip(i, source), text, edit);
    return item;
  }

  /** The line's part of the picture, for narrow windows; all strips have one scale. */
  #strip(i, source) {
    const { width, height } = this.page;
    const [x, y, w, h] = this.#cut(i);
    const strip = el("div", { className: "strip", "aria-hidden": "true" });
    strip.style.aspectRatio = `${w} / ${h}`;
    strip.style.backgroundImage = `url("${source}")`;
    strip.style.backgroundSize = `${(100 * width) / w}% ${(100 * height) / h}%`;
    strip.style.backgroundPosition = `${(100 * x) / (width - w || 1)}% ${(100 * y) / (height - h || 1)}%`;
    return strip;
  }

  /** What of the picture a line's strip shows: left, top, width, height. */
  #cut(i) {
    const { height, lines } = this.page;
    const [x, w] = this.span;
    const [, top, , tall] = lines[i].box;
    const y = Math.max(0, top - 0.2 * tall);
    return [x, y, w, Math.min(height - y, 1.4 * tall)];
  }

  /** Frame `box` on the strip of a line; without a box, no frame is left on any. */
  #point(i, box) {
    for (const old of this.list.querySelectorAll(".strip span")) old.remove();
    if (!box) return;
    const [x, y, w, h] = this.#cut(i);
    const frame = el("span");
    const parts = { left: (box[0] - x) / w, top: (box[1] - y) / h, width: box[2] / w, height: box[3] / h };
    for (const [name, part] of Object.entries(parts)) frame.style[name] = `${100 * part}%`;
    this.list.children[i].querySelector(".strip").append(frame);
  }

  #words(i) {
    return this.page.lines[i].words.flatMap((word, j) => [this.#button(word, i, j), " "]);
  }

  #button(word, line, at) {
    const before = this.changed.get(`${line} ${at}`);
    const notes = [];
    const kinds = ["word"];
    if (word.doubtful) kinds.push("doubtful"), notes.push("doubtful");
    if (word.corrected) kinds.push("corrected"), notes.push(word.text === word.read ? "confirmed" : "corrected");
    if (before !== undefined) kinds.push("changed"), notes.push(`was ${before || "nothing"}`);
    if (word.text === null) kinds.push("struck"), notes.push("struck out");
    const button = el("button", { type: "button", className: kinds.join(" "), tabIndex: -1 });
    button.dataset.line = line;
    button.dataset.word = at;
    button.append(...(word.doubtful ? tinted(word) : [word.text ?? word.read]));
    if (notes.length) button.setAttribute("aria-label", `${word.text ?? word.read}, ${notes.join(", ")}`);
    if (before !== undefined) button.title = `was: ${before}`;
    return button;
  }

  #boxes() {
    const words = this.page.lines.flatMap((line) => line.words);
    this.#outline("lines", this.page.lines);
    this.#outline("words", words);
    this.#outline("glyphs", words.flatMap((w) => w.glyphs));
    this.#doubtful();
  }

  /** Of all boxes, only those of doubtful characters change with a correction. */
  #doubtful() {
    const words = this.page.lines.flatMap((line) => line.words.filter((w) => w.doubtful));
    this.#outline("doubtful", words.flatMap((w) => w.glyphs.filter(isDoubtful)));
  }

  #outline(kind, parts) {
    const path = parts.map(({ box: [x, y, w, h] }) => `M${x} ${y}h${w}v${h}h${-w}z`).join("");
    this.svg.querySelector(`.box-${kind}`).setAttribute("d", path);
  }

  /** Tab stops at doubtful words only; arrow keys reach the others. */
  #stops() {
    const words = [...this.list.querySelectorAll(".word")];
    const stops = words.filter((word) => word.classList.contains("doubtful"));
    for (const word of words) word.tabIndex = -1;
    for (const word of stops.length ? stops : words.slice(0, 1)) word.tabIndex = 0;
    this.list.setAttribute("aria-label", `Text, line by line, with ${count(stops.length, "doubtful word")}`);
  }

  #frame(kind, box) {
    const rect = this.svg.querySelector(`.box-${kind}`);
    rect.style.display = box ? "inline" : "none";
    if (!box) return;
    ["x", "y", "width", "height"].forEach((name, i) => rect.setAttribute(name, box[i]));
  }

  #hover(line, word) {
    for (const node of this.list.querySelectorAll(".hover")) node.classList.remove("hover");
    const node = line === null || line === undefined ? null : this.word(line, word);
    node?.classList.add("hover");
    this.figure.style.cursor = node ? "pointer" : "";
    this.svg.querySelector(".box-line").classList.toggle("faint", Boolean(node));
  }

  #hit(event, found) {
    const frame = this.figure.getBoundingClientRect();
    const scale = this.page.width / frame.width;
    const at = [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
    const inside = ({ box: [x, y, w, h] }) => at[0] >= x && at[0] <= x + w && at[1] >= y && at[1] <= y + h;
    for (const [line, { words }] of this.page.lines.entries()) {
      const word = words.findIndex(inside);
      if (word < 0) continue;
      const glyph = words[word].glyphs.findIndex(inside);
      found(line, word, glyph < 0 ? null : glyph);
      return;
    }
    found(null);
  }

  #clicked(event) {
    const word = event.target.closest(".word");
    if (word) this.pick(Number(word.dataset.line), Number(word.dataset.word), null);
    else if (event.target.closest(".edit")) this.pickLine(Number(event.target.closest(".line").dataset.line));
  }

  #arrow(event) {
    const word = event.target.closest(".word");
    if (!word || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...this.list.querySelectorAll(".word")];
    const line = Number(word.dataset.line);
    const beside = (step) => all[all.indexOf(word) + step];
    const across = (step) => {
      const others = all.filter((other) => Number(other.dataset.line) === line + step);
      const middle = (node) => node.offsetLeft + node.offsetWidth / 2;
      const far = (other) => Math.abs(middle(other) - middle(word));
      return others.sort((a, b) => far(a) - far(b))[0];
    };
    const keys = {
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
      ArrowUp: () => across(-1),
      ArrowDown: () => across(1),
      Home: () => all[0],
      End: () => all.at(-1),
    };
    const next = keys[event.key]?.();
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

/** The characters of a word, doubtful ones that follow each other in one <mark>. */
function tinted(word) {
  const parts = [];
  for (const glyph of word.glyphs) {
    const tag = isDoubtful(glyph) ? "mark" : "span";
    if (parts.at(-1)?.localName !== tag) parts.push(el(tag));
    parts.at(-1).textContent += glyph.text;
  }
  return parts;
}
