// A thorough teaching of a hand: begun, shown, stopped. It takes minutes, and the page goes on meanwhile.

import { api } from "./api.js";
import { complain, say } from "./dom.js";

const OFTEN = 1000; // milliseconds between two looks
const SEEN = "unscrawl-thorough"; // the hand this window saw being taught, also when it is loaded again
const STOPPING = "Stopping…";

const pause = () => new Promise((wake) => setTimeout(wake, OFTEN));

export class Thorough {
  /**
   * `act.changed()` is called when a teaching comes into sight or goes, `act.done(hand, kept)` at a good end,
   * but not before `act.free()`: nobody is to be interrupted.
   */
  constructor(section, act) {
    this.section = section;
    this.act = act;
    this.turn = 0;
    this.part = (selector) => section.querySelector(selector);
    this.part("button").addEventListener("click", () => this.#stop());
  }

  get running() {
    return !this.section.hidden;
  }

  leave() {
    this.turn++;
  }

  async start(hand) {
    complain("");
    try {
      this.#draw(hand, await api.teachThoroughly(hand));
    } catch (error) {
      return complain(error.message);
    }
    this.section.focus();
    say(`Learning ${hand}’s hand thoroughly. Reading and correcting go on meanwhile.`, { shown: false });
    await this.follow(hand);
  }

  /** Show how far the teaching of a hand is while there is one, and tell of its end. */
  async follow(hand) {
    const turn = ++this.turn;
    const others = () => turn !== this.turn;
    if (this.hand !== hand) this.#hide();
    this.hand = hand;
    for (; hand; await pause()) {
      const now = await this.#look(hand);
      if (others()) return;
      if (now && now.state !== "running") return this.#end(hand, now, others);
      if (now) this.#draw(hand, now);
    }
  }

  /** Ask how far it is; null where the server does not answer, which may pass. */
  async #look(hand) {
    try {
      const now = await api.thorough(hand);
      if (this.away) complain("");
      this.away = false;
      return now;
    } catch (error) {
      if (error.status !== 0) return { state: "failed", error: error.message };
      this.away = true;
      complain(error.message);
      return null;
    }
  }

  #draw(hand, { share }) {
    sessionStorage.setItem(SEEN, hand);
    const button = this.part("button");
    const fresh = !this.running;
    if (fresh) this.section.hidden = button.hidden = button.disabled = false;
    const text = "This takes some minutes; you can go on reading and correcting.";
    this.#tell(`Learning ${hand}’s hand thoroughly`, button.disabled ? STOPPING : text, share);
    if (fresh) this.act.changed();
  }

  #tell(title, text, share) {
    const percent = `${Math.round(100 * share)} %`;
    const texts = { label: title, p: text, ".how-far": percent };
    for (const [part, content] of Object.entries(texts)) this.part(part).textContent = content;
    this.part("progress").value = share;
  }

  #hide() {
    if (!this.running) return;
    this.section.hidden = true;
    this.act.changed();
  }

  async #end(hand, { state, kept, error }, others) {
    if (sessionStorage.getItem(SEEN) !== hand) return; // it ended long ago, or elsewhere
    if (state === "done") {
      if (!this.act.free()) this.#learnt(hand);
      while (!this.act.free() && !others()) await pause();
      if (others()) return;
    }
    sessionStorage.removeItem(SEEN);
    this.#hide();
    if (state === "done") await this.act.done(hand, kept);
    else if (state === "failed") complain(`${hand} was not taught thoroughly: ${error}`);
    else say(`The thorough teaching was stopped: ${hand} is as it was.`);
  }

  #learnt(hand) {
    const text = "The page is read again once you have closed what you correct.";
    this.#tell(`${hand}’s hand is learnt`, text, 1);
    this.part("button").hidden = true;
    say(`${hand}’s hand is learnt. ${text}`);
  }

  async #stop() {
    this.part("button").disabled = true;
    this.part("p").textContent = STOPPING;
    try {
      await api.stopThorough(this.hand);
    } catch (error) {
      this.part("button").disabled = false;
      complain(error.message);
    }
  }
}
