// The list of hands to choose from, and asking for the name of a new one.

import { el } from "./dom.js";

const LAST = "unscrawl-hand";
export const NEW = "\u0000new";

/** Fill a <select> with hands; `extra` is a hand that does not exist yet. */
export function fillHands(select, hands, chosen, { fresh = false, extra = null } = {}) {
  const names = extra && !hands.includes(extra) ? [...hands, extra] : hands;
  const options = [el("option", { value: "", textContent: "anybody’s" })];
  options.push(...names.map((name) => el("option", { value: name, textContent: name })));
  if (fresh) options.push(el("option", { value: NEW, textContent: "New hand…" }));
  select.replaceChildren(...options);
  select.value = names.includes(chosen) ? chosen : "";
}

export const lastHand = () => localStorage.getItem(LAST) ?? "";
export const rememberHand = (name) => localStorage.setItem(LAST, name);

/** Ask for the name of a hand; resolves to "" when the user thought better of it. */
export function askName(title, why) {
  const dialog = document.getElementById("name-hand");
  const input = dialog.querySelector("input");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = why;
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue && input.value.trim()), { once: true });
  });
}
