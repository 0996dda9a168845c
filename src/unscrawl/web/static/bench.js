// Where one word is corrected: its crop, its characters with their alternatives, and the right text.

import { el } from "./dom.js";
import { isDoubtful } from "./sheet.js";

const SHOWN = 4; // alternatives of a character
const TOUCH = matchMedia("(pointer: coarse)");

export class Bench {
  /**
   * `act` has what the user may ask for: accept(at, text), move(step, at, text), nothing(at), back(at), close(at).
   * `at` is {line, word, glyph}; word null is the whole line.
   */
  constructor(form, image, act) {
    this.form = form;
    this.image = image;
    this.act = act;
    this.input = form.querySelector("input");
    this.at = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act.accept(this.at, this.input.value);
    });
    form.addEventListener("click", (event) => {
      const kind = event.target.closest("[data-act]")?.dataset.act;
      if (kind === "next") act.move(1, this.at, this.draft);
      else if (kind) act[kind](this.at);
    });
    form.addEventListener("keydown", (event) => this.#key(event));
  }

  /** What was typed, null where the text is as it was. */
  get draft() {
    return this.input.value === this.text ? null : this.input.value;
  }

  /** Whether the word that is shown is still as it was; if so, go on with `page`. */
  stands(page) {
    const line = page.lines[this.at.line];
    const versions = (this.at.word === null ? line.words : [line.words[this.at.word]]).map((word) => word.version);
    const same = String(versions) === String(this.versions);
    if (same) this.page = page;
    return same;
  }

  /** Show a word or, with at.word null, a line; `draft` is text that was typed before. */
  open(page, at, draft = null) {
    this.at = at;
    this.page = page;
    const line = page.lines[at.line];
    this.part = at.word === null ? { ...line, glyphs: [], read: line.text } : line.words[at.word];
    this.versions = (at.word === null ? line.words : [this.part]).map((word) => word.version);
    this.text = this.part.text ?? "";
    this.form.hidden = false;
    this.form.classList.toggle("whole", at.word === null);
    this.input.value = draft ?? this.text;
    this.form.querySelector("#right-label").textContent =
      at.word === null ? `What line ${at.line + 1} says` : "What is written there";
    this.form.querySelector("[data-act=nothing]").hidden = at.word === null;
    this.form.querySelector("[data-act=back]").hidden = !this.part.corrected;
    const label = this.part.text === null ? `struck out, read as ${this.part.read}` : `read as ${this.part.read}`;
    this.form.querySelector("canvas").setAttribute("aria-label", `Crop of the picture, ${label}`);
    this.#glyphs();
    if (this.image.complete) this.#crops();
    else this.image.addEventListener("load", () => this.at && this.#crops(), { once: true });
    if (TOUCH.matches) return; // the screen's keyboard would hide the alternatives: a tap on the field calls it
    this.input.focus({ preventScroll: true });
    if (at.glyph === null) this.input.select();
    else this.#select(at.glyph);
  }

  close() {
    this.form.hidden = true;
    this.at = null;
  }

  #glyphs() {
    const columns = this.part.glyphs.map((glyph, i) => {
      const others = rivals(glyph).slice(0, SHOWN - 1);
      const chip = ([c, p]) =>
        el("button", {
          type: "button",
          className: c === glyph.text ? "chip best" : "chip",
          textContent: c,
          title: `${Math.round(100 * p)} %`,
          "aria-label": `Character ${i + 1}: ${c}, ${Math.round(100 * p)} percent`,
          onclick: () => this.#replace(i, c),
        });
      return el(
        "div",
        { className: isDoubtful(glyph) ? "glyph doubtful" : "glyph" },
        el("canvas", { "aria-hidden": "true" }),
        ...[[glyph.text, glyph.confidence], ...others].map(chip),
      );
    });
    const parts = this.form.querySelector(".bench-glyphs");
    parts.replaceChildren(...columns);
    parts.hidden = !columns.length;
    if (this.at.glyph !== null) columns[this.at.glyph]?.classList.add("chosen");
  }

  #crops() {
    const canvas = this.form.querySelector(".bench-crop canvas");
    const [x, y, w, h] = this.part.box;
    const margin = 0.25 * h;
    const frames = this.part.glyphs.map((glyph) => ({ box: glyph.box, doubtful: isDoubtful(glyph) }));
    this.#crop(canvas, [x - margin, y - margin, w + 2 * margin, h + 2 * margin], 84, frames);
    [...this.form.querySelectorAll(".glyph canvas")].forEach((small, i) => {
      const [gx, gy, gw, gh] = this.part.glyphs[i].box;
      const side = 1.25 * Math.max(gw, gh);
      this.#crop(small, [gx + gw / 2 - side / 2, gy + gh / 2 - side / 2, side, side], 36, []);
      veil(small, (1 - gw / side) / 2);
    });
  }

  /** Draw `box` of the page, in pixels of the original, `height` CSS pixels high. */
  #crop(canvas, [x, y, w, h], height, frames) {
    const dense = devicePixelRatio || 1;
    const scale = (height / h) * dense;
    const shrunk = this.image.naturalWidth / this.page.width;
    canvas.width = Math.max(1, Math.round(w * scale));
    canvas.height = Math.round(height * dense);
    canvas.style.aspectRatio = `${w} / ${h}`;
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.image, x * shrunk, y * shrunk, w * shrunk, h * shrunk, 0, 0, canvas.width, canvas.height);
    const style = getComputedStyle(document.documentElement);
    for (const { box, doubtful } of frames) {
      pen.strokeStyle = style.getPropertyValue(doubtful ? "--doubt-line" : "--glyph-line");
      pen.lineWidth = doubtful ? 2 * dense : dense;
      pen.strokeRect((box[0] - x) * scale, (box[1] - y) * scale, box[2] * scale, box[3] * scale);
    }
  }

  /** Characters as the user counts them: £ and é are one each. */
  get #characters() {
    return Array.from(this.input.value);
  }

  #replace(i, character) {
    const characters = this.#characters;
    const whole = characters.length === this.part.glyphs.length ? characters : this.part.glyphs.map((g) => g.text);
    whole[i] = character;
    this.input.value = whole.join("");
    if (!TOUCH.matches) this.input.focus();
    this.#select(i);
  }

  #select(i) {
    const before = this.#characters.slice(0, i).join("").length;
    this.input.setSelectionRange(before, before + (this.#characters[i]?.length ?? 0));
  }

  /** The character that ↑ and ↓ change: the one at the cursor, or the least sure when all are selected. */
  #current() {
    const { selectionStart: start, selectionEnd: end, value } = this.input;
    const glyphs = this.part.glyphs;
    if (end - start === value.length && value.length > 1) {
      const least = Math.min(...glyphs.map((glyph) => glyph.confidence));
      return glyphs.findIndex((glyph) => glyph.confidence === least);
    }
    const before = Array.from(value.slice(0, start)).length;
    return start === end && start === value.length ? before - 1 : before;
  }

  #cycle(step) {
    const i = this.#current();
    const glyph = this.part.glyphs[i];
    if (!glyph || this.#characters.length !== this.part.glyphs.length) return;
    const choice = [glyph.text, ...rivals(glyph).map(([c]) => c)];
    const now = choice.indexOf(this.#characters[i]);
    this.#replace(i, choice[(now + step + choice.length) % choice.length]);
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.act.close(this.at);
    else if (event.target !== this.input) return;
    else if (event.key === "Tab") {
      if (!this.act.move(event.shiftKey ? -1 : 1, this.at, this.draft)) return; // the way out of the field
    } else if (event.key === "ArrowUp") this.#cycle(-1);
    else if (event.key === "ArrowDown") this.#cycle(1);
    else return;
    event.preventDefault();
  }
}

/** What else a character may be; a space would part the word, which is better typed. */
const rivals = (glyph) => glyph.alternatives.filter(([c]) => c !== glyph.text && c.trim());

/** Let the neighbours of a character fade, so that it is seen which one is meant; `share` of both sides is theirs. */
function veil(canvas, share) {
  const pen = canvas.getContext("2d");
  const wide = Math.floor(canvas.width * share * 0.9);
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--raised");
  pen.globalAlpha = 0.7;
  pen.fillRect(0, 0, wide, canvas.height);
  pen.fillRect(canvas.width - wide, 0, wide, canvas.height);
}
