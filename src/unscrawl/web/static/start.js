// All pages, and the way in for a new one.

import { api } from "./api.js";
import { complain, el, say, show } from "./dom.js";
import { fillHands, lastHand } from "./hands.js";

export async function startView() {
  const main = show("start-view");
  const find = (selector) => main.querySelector(selector);
  const drop = find("#drop");
  let limit = Infinity;

  async function take(file) {
    if (!file) return;
    complain("");
    if (file.size > limit) {
      complain(`This picture is larger than the limit of ${limit >> 20} MB: reduce it.`);
      return;
    }
    drop.querySelector(".busy").hidden = false;
    say("Reading…");
    try {
      const page = await api.add(file, find("#layout").value, find("#hand").value);
      location.hash = `#/page/${page.id}`;
    } catch (error) {
      complain(error.message);
    }
    drop.querySelector(".busy").hidden = true;
  }

  for (const input of main.querySelectorAll("input[type=file]"))
    input.addEventListener("change", () => take(input.files[0]).then(() => (input.value = "")));
  const over = (on) => (event) => {
    event.preventDefault();
    drop.classList.toggle("over", on);
  };
  const dropped = (event) => {
    over(false)(event);
    take(event.dataTransfer.files[0]);
  };
  const pasted = (event) => take(event.clipboardData.files[0]);
  const listeners = { dragover: over(true), dragleave: over(false), drop: dropped, paste: pasted };
  for (const [kind, listener] of Object.entries(listeners)) addEventListener(kind, listener);

  const [about, pages] = await Promise.all([api.about(), api.pages()]);
  limit = about.max_upload;
  fillHands(find("#hand"), about.hands, lastHand());
  listPages(find("#pages"), pages);
  return () => {
    for (const [kind, listener] of Object.entries(listeners)) removeEventListener(kind, listener);
  };
}

function listPages(section, pages) {
  section.hidden = !pages.length;
  section.querySelector("ul").replaceChildren(...pages.map((page) => card(page, section)));
}

function card(page, section) {
  const made = new Date(page.made * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const about = page.hand ? `${made} · ${page.hand}` : made;
  const forget = el("button", { type: "button", className: "quiet", textContent: "Delete" });
  forget.setAttribute("aria-label", `Delete ${page.name}`);
  const item = el(
    "li",
    { className: "card" },
    el("img", { src: api.file(page.id, "picture"), alt: "", loading: "lazy", width: 72, height: 72 }),
    el(
      "div",
      {},
      el("a", { href: `#/page/${page.id}`, textContent: page.name }),
      el("p", { className: "begins", textContent: page.begins || "(nothing was read)" }),
      el("p", { className: "muted", textContent: about }),
    ),
    forget,
  );
  forget.addEventListener("click", async () => {
    if (!confirm(`Delete “${page.name}” with all its corrections?`)) return;
    try {
      await api.forget(page.id);
      item.remove();
      section.hidden = !section.querySelector("li");
      say(`${page.name} was deleted.`);
    } catch (error) {
      complain(error.message);
    }
  });
  return item;
}
