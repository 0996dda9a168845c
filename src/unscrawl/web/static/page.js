// One page: shown and corrected; the teacher reads it anew and teaches hands.

import { api } from "./api.js";
import { Bench } from "./bench.js";
import { complain, count, say, show } from "./dom.js";
import { Saver } from "./saver.js";
import { Sheet } from "./sheet.js";
import { Teacher } from "./teacher.js";

export async function pageView(id) {
  const [about, page] = await Promise.all([api.about(), api.page(id)]);
  return new PageView(id, about.hands, page).leave;
}

class PageView {
  constructor(id, hands, page) {
    this.id = id;
    this.main = show("page-view", page.name);
    this.find = (selector) => this.main.querySelector(selector);
    this.picture = api.file(id, "picture");
    this.sheet = new Sheet(
      this.find(".sheet"),
      (line, word, glyph = null) => (line === null ? this.close() : this.open({ line, word, glyph })),
      (line) => this.open({ line, word: null, glyph: null }),
    );
    this.bench = new Bench(this.find("#bench"), this.sheet.image, {
      accept: (at, text) => this.accept(at, text),
      move: (step, at, draft) => this.move(step, at, draft),
      nothing: (at) => {
        this.correct(at, null);
        this.forward(at);
      },
      back: (at) => this.takeBack(at),
      close: (at) => this.close(at),
    });
    this.saver = new Saver((waiting) => this.count(waiting));
    this.teacher = new Teacher(this, hands);
    // Other windows of this browser say at once what they saved; those elsewhere are asked on coming back.
    this.others = new BroadcastChannel("unscrawl");
    this.others.onmessage = ({ data }) => data === id && this.refresh();
    this.back = () => document.visibilityState === "visible" && this.refresh();
    document.addEventListener("visibilitychange", this.back);
    this.tools();
    this.show(page);
  }

  leave = () => {
    document.removeEventListener("visibilitychange", this.back);
    this.others.close();
    this.saver.leave();
    this.teacher.leave();
    this.sheet.leave();
  };

  tools() {
    this.find("h1").textContent = document.title.replace(/ – unscrawl$/, "");
    this.find("#as-text").href = api.file(this.id, "text");
    this.find("#as-json").href = api.file(this.id, "json");
    this.find("#copy").addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.page.text);
      say("The text was copied.");
    });
    const shown = this.sheet.boxes();
    const kinds = [...this.main.querySelectorAll(".menu input")];
    for (const kind of kinds) {
      kind.checked = shown.includes(kind.value);
      kind.addEventListener("change", () =>
        this.sheet.boxes(kinds.filter((one) => one.checked).map((one) => one.value)),
      );
    }
  }

  /** Show a page as the server has it. */
  show(page, changed) {
    this.page = page;
    this.teacher.offer(page.hand);
    this.sheet.draw(page, this.picture, changed);
    this.count(this.saver.waiting);
  }

  count(waiting) {
    const { doubtful, corrected, lines } = this.page;
    const parts = [count(lines.length, "line"), `${doubtful} doubtful`, `${corrected} corrected`];
    parts.push(waiting ? "saving…" : corrected ? "all saved" : "");
    this.find("#counts").textContent = lines.length
      ? parts.filter(Boolean).join(" · ")
      : "Nothing written was found on this picture.";
  }

  /** Ask for the page anew; who is typing goes on, unless somebody else has corrected this very word. */
  async refresh() {
    await this.saver.idle();
    try {
      const page = await api.page(this.id);
      const again = page.reading !== this.page.reading;
      this.show(page, again ? undefined : this.sheet.changed);
      const { at, draft } = this.bench;
      if (!at) return;
      if (again) this.close();
      else if (this.bench.stands(page)) this.sheet.mark(at.line, at.word, at.glyph);
      else this.open(at, draft);
    } catch (error) {
      complain(error.message);
    }
  }

  open(at, draft = null) {
    complain("");
    this.bench.open(this.page, at, draft);
    this.main.firstElementChild.classList.add("benched");
    this.sheet.mark(at.line, at.word, at.glyph);
  }

  close(at = null) {
    this.bench.close();
    this.sheet.mark(null);
    this.main.firstElementChild.classList.remove("benched");
    if (at) (this.sheet.word(at.line, at.word ?? 0) ?? this.main).focus();
  }

  /** Go to the doubtful word after (step 1) or before (-1); false where there is none. */
  move(step, at, draft) {
    if (draft !== null && draft.trim()) this.correct(at, draft);
    const next = this.doubtful(at, step);
    if (next) this.open(next);
    return Boolean(next);
  }

  doubtful({ line, word }, step) {
    const place = (i, j) => 10000 * i + j;
    const here = place(line, word ?? 0);
    const all = this.page.lines.flatMap(({ words }, i) =>
      words.flatMap((w, j) => (w.doubtful ? [{ line: i, word: j, glyph: null }] : [])),
    );
    const beyond = all.filter((at) => Math.sign(place(at.line, at.word) - here) === step);
    return step > 0 ? beyond[0] : beyond.at(-1);
  }

  accept(at, text) {
    if (!text.trim()) {
      complain("Type what is written there, or choose “Nothing here”.");
      return;
    }
    this.correct(at, text);
    this.forward(at);
  }

  forward(at) {
    const next = this.doubtful(at, 1) ?? this.doubtful({ line: -1, word: 0 }, 1);
    if (next) this.open(next);
    else {
      this.close(at);
      say("No doubtful word is left. Learn teaches the hand what you corrected.");
    }
  }

  correct(at, text) {
    const line = this.page.lines[at.line];
    text = text?.trim().replace(/\s+/g, " ") ?? null;
    const { reading } = this.page;
    if (at.word === null) {
      const versions = () => this.page.lines[at.line].words.map((w) => w.version);
      this.save(at, text, () => api.correctLine(this.id, at.line, { reading, versions: versions(), text }));
      return;
    }
    const word = line.words[at.word];
    this.page.doubtful -= word.doubtful;
    this.page.corrected += !word.corrected;
    Object.assign(word, { text, corrected: true, doubtful: false }); // shown at once; the answer settles it
    this.sheet.drawLine(at.line);
    const version = () => this.page.lines[at.line].words[at.word].version;
    this.save(at, text, () => api.correct(this.id, at.line, at.word, { reading, version: version(), text }));
  }

  takeBack(at) {
    const { reading } = this.page;
    const version = () => this.page.lines[at.line].words[at.word].version;
    this.save(at, null, () => api.takeBack(this.id, at.line, at.word, { reading, version: version() }));
    this.close(at);
  }

  save(at, text, request) {
    const saved = (answer) => {
      this.page.lines[at.line] = answer.line;
      this.page.doubtful = answer.doubtful;
      this.page.corrected = answer.corrected;
      this.sheet.drawLine(at.line);
      this.others.postMessage(this.id);
    };
    const failed = async (error) => {
      const lines = this.page.lines.length;
      this.show(await api.page(this.id));
      if (this.page.lines.length === lines) this.open(at, text);
      complain(`Not saved: ${error.message}`);
    };
    this.saver.add(request, saved, failed);
  }
}
