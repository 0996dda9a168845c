// What a new reading changed, and what came of teaching.

import { count, el, say } from "./dom.js";

const percent = (rate) => `${(100 * rate).toFixed(rate < 0.1 ? 1 : 0)} %`;

/**
 * Tell of `answer` in `section`; `go(change)` leads to a word, `undo()` takes the teaching back. Who does something
 * else when it comes, `aside`, is not led away from that.
 */
export function tellChanges(section, answer, { go, undo, aside }) {
  const lines = summary(answer);
  const close = el("button", { type: "button", className: "close", textContent: "×", "aria-label": "Close" });
  close.addEventListener("click", () => (section.hidden = true));
  const parts = [
    el("h2", { id: "told-title", textContent: lines[0] }),
    close,
    el("p", { textContent: lines.slice(1).join(" ") }),
  ];
  if (answer.changes.length) parts.push(changeList(answer.changes, go));
  if (answer.taught?.left_out.length) parts.push(leftOut(answer.taught.left_out));
  if (answer.taught?.kept) {
    const button = el("button", { type: "button", className: "quiet", textContent: "Take this teaching back" });
    button.addEventListener("click", undo);
    parts.push(button);
  }
  section.replaceChildren(...parts);
  section.hidden = false;
  if (!aside || document.activeElement === document.body) section.focus({ preventScroll: true });
  if (!aside) section.scrollIntoView({ block: "nearest" });
  say(lines.join(" "), { shown: section.getBoundingClientRect().bottom <= 0 });
}

function summary({ taught, changes, saved, wrong, homeless, page }) {
  const lines = [];
  if (taught && !taught.kept) {
    lines.push("Nothing was learnt: it would not have made this hand’s reading better.");
  } else if (taught?.thorough) lines.push(`${page.hand} was taught thoroughly.`);
  else if (taught) lines.push(`${page.hand} was taught ${count(taught.used, "line")}.`);
  else lines.push(page.hand ? `Read with ${page.hand}’s hand.` : "Read without a hand.");
  if (taught && taught.before !== null && taught.after !== null)
    lines.push(`Wrong characters on lines held back: ${percent(taught.before)} before, ${percent(taught.after)} now.`);
  if (wrong) lines.push(`${saved} of your ${count(wrong, "correction")} ${saved === 1 ? "is" : "are"} now read right without help.`);
  lines.push(changes.length ? `${count(changes.length, "word")} read differently.` : "No word reads differently.");
  if (homeless.length) lines.push(`These corrections found no place: ${homeless.join(", ")}.`);
  return lines;
}

function changeList(changes, go) {
  const item = (change) => {
    const button = el(
      "button",
      { type: "button" },
      el("del", { textContent: change.before || "∅" }),
      " → ",
      el("ins", { textContent: change.after }),
    );
    button.addEventListener("click", () => go(change));
    return el("li", {}, button);
  };
  return el("ul", { className: "changes", "aria-label": "Words that read differently" }, ...changes.map(item));
}

function leftOut(list) {
  return el(
    "details",
    {},
    el("summary", { textContent: `${count(list.length, "line")} left out` }),
    el("ul", {}, ...list.map(({ name, why }) => el("li", { textContent: `${name}: ${why}` }))),
  );
}
