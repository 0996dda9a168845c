// Saves corrections one after the other. While the server is away they wait here, and are tried again.

import { complain } from "./dom.js";

const AGAIN = 2000; // milliseconds

export class Saver {
  /** `changed(n)` tells how many corrections are still to be saved. */
  constructor(changed) {
    this.changed = changed;
    this.waiting = 0;
    this.last = Promise.resolve();
    this.guard = (event) => this.waiting && event.preventDefault();
    addEventListener("beforeunload", this.guard);
  }

  leave() {
    removeEventListener("beforeunload", this.guard);
  }

  /** Do `save()`; `saved(answer)` or `failed(error)` follows, in the order of the calls. */
  add(save, saved, failed) {
    this.changed(++this.waiting);
    this.last = this.last.then(async () => {
      try {
        saved(await this.#persist(save));
      } catch (error) {
        await failed(error).catch((next) => complain(next.message));
      } finally {
        this.changed(--this.waiting);
      }
    });
  }

  /** Wait until everything is saved. */
  idle() {
    return this.last;
  }

  async #persist(save) {
    for (let tried = 0; ; tried++) {
      try {
        const answer = await save();
        if (tried) complain("");
        return answer;
      } catch (error) {
        if (error.status !== 0) throw error;
        complain(`${error.message} What you typed is kept here and saved as soon as it answers.`);
        await new Promise((wake) => setTimeout(wake, AGAIN));
      }
    }
  }
}
