// What reads a page anew: choosing another hand, learning, taking that back.

import { api } from "./api.js";
import { complain, say } from "./dom.js";
import { NEW, askName, fillHands, lastHand, rememberHand } from "./hands.js";
import { Thorough } from "./thorough.js";
import { tellChanges } from "./told.js";

export class Teacher {
  /** `view` is the page's, `hands` are the names of all there are. */
  constructor(view, hands) {
    this.view = view;
    this.hands = hands;
    this.select = view.find("#hand");
    this.select.addEventListener("change", () => this.choose());
    view.find("#learn").addEventListener("click", () => this.learn());
    view.find("#thorough").addEventListener("click", () => this.learnThoroughly());
    this.thorough = new Thorough(view.find("#teaching"), {
      changed: () => this.allow(),
      free: () => !view.bench.at && !this.working,
      done: (hand, kept) => this.taught(hand, kept),
    });
  }

  leave() {
    this.thorough.leave();
  }

  /** Offer all hands, with that of the page's last reading chosen. */
  offer(hand) {
    fillHands(this.select, this.hands, hand ?? this.fresh ?? lastHand(), { fresh: true, extra: this.fresh });
    this.chosen();
  }

  /** Let a hand that exists be taught thoroughly, and show how far that is. */
  chosen() {
    this.allow();
    this.thorough.follow(this.known ? this.select.value : "");
  }

  get known() {
    return this.hands.includes(this.select.value);
  }

  allow() {
    this.view.find("#thorough").disabled = !this.known || this.working || this.thorough.running;
  }

  async choose() {
    const { select } = this;
    if (select.value === NEW) {
      const why = "What you correct teaches this hand alone; other pages can be read with it too.";
      const name = await askName("Whose hand is this?", why);
      this.fresh = name || this.fresh;
      if (name) rememberHand(name);
      this.offer(name || this.view.page.hand || "");
      return name;
    }
    const hand = select.value;
    rememberHand(hand);
    this.chosen();
    if (hand === this.fresh && !this.known) return hand;
    await this.busy("Reading again…", () => this.read(hand));
    return hand;
  }

  read(hand) {
    return api.read(this.view.id, this.view.page.reading, hand || null);
  }

  async learn() {
    if (!this.select.value) {
      this.select.value = NEW;
      if (!(await this.choose())) return;
    }
    const hand = this.select.value;
    await this.busy(`Learning ${hand}’s hand…`, () => api.learn(this.view.id, hand));
    if (this.hands.includes(hand)) return;
    this.hands = (await api.about()).hands;
    this.view.show(this.view.page, this.view.sheet.changed);
  }

  /** Teach the chosen hand what was corrected here, where anything was, and then thoroughly all that it keeps. */
  async learnThoroughly() {
    const hand = this.select.value;
    await this.view.saver.idle();
    const right = this.view.page.lines.some(({ words }) => words.some((word) => word.corrected && word.text));
    if (!right || (await this.busy(`Learning ${hand}’s hand…`, () => api.learn(this.view.id, hand))))
      await this.thorough.start(hand);
  }

  /** Read the page again with a hand that was taught thoroughly meanwhile. */
  async taught(hand, kept) {
    const request = async () => {
      const { before, after } = await api.hand(hand);
      const answer = await this.read(hand);
      return { ...answer, taught: { thorough: true, kept, before, after, left_out: [] } };
    };
    await this.busy("Reading again…", request, { aside: true });
  }

  async undo(hand) {
    await this.busy(`Taking back what ${hand} was taught last…`, async () => {
      await api.undo(hand);
      this.hands = (await api.about()).hands;
      return this.read(this.hands.includes(hand) ? hand : null);
    });
  }

  /** Do what gives a new reading, and tell what it changed, by the way where it was not just asked for. */
  async busy(text, request, { aside = false } = {}) {
    const { view } = this;
    complain("");
    view.close();
    await view.saver.idle();
    say(text, { busy: true });
    this.waiting(true);
    let answer;
    try {
      answer = await request();
      view.show(answer.page, new Map(answer.changes.map((c) => [`${c.line} ${c.word}`, c.before])));
      tellChanges(view.find("#told"), answer, {
        go: ({ line, word }) => view.open({ line, word, glyph: null }),
        undo: () => this.undo(answer.page.hand),
        aside,
      });
      view.others.postMessage(view.id);
    } catch (error) {
      say("");
      complain(error.message);
      if (error.status === 409) view.refresh();
    }
    this.waiting(false);
    return answer;
  }

  /** Show that a new reading is on its way; one at a time is enough. */
  waiting(on) {
    this.working = on;
    this.view.main.firstElementChild.ariaBusy = on ? "true" : null;
    this.view.find("#learn").disabled = this.select.disabled = on;
    this.allow();
  }
}
