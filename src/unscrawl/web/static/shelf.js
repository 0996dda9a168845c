// All hands: what each was taught, its file to take along, and the way in for files from elsewhere.

import { api } from "./api.js";
import { complain, count, el, say, show } from "./dom.js";
import { askName } from "./hands.js";

const percent = (rate) => `${(100 * rate).toFixed(1)} %`;

export async function shelfView() {
  const main = show("shelf-view", "Hands");
  const list = main.querySelector(".cards");
  const input = main.querySelector("#hand-file");

  async function draw() {
    const names = await api.hands();
    list.replaceChildren(...(await Promise.all(names.map((name) => card(name, draw)))));
    main.querySelector("#no-hands").hidden = names.length > 0;
  }

  async function take(file, name = "") {
    complain("");
    try {
      const hand = await api.takeHand(file, name);
      await draw();
      say(`${hand.name} was added.`);
    } catch (error) {
      if (error.status !== 409) return complain(error.message);
      const other = await askName("What is it to be called here?", `${error.message}.`);
      if (other) await take(file, other);
    }
  }

  input.addEventListener("change", async () => {
    if (input.files[0]) await take(input.files[0]);
    input.value = "";
  });
  await draw();
}

async function card(name, changed) {
  const hold = await api.hand(name).then(holds, (error) => error.message);
  const act = (text, label, request, question) => {
    const button = el("button", { type: "button", className: "quiet", textContent: text, "aria-label": label });
    button.addEventListener("click", async () => {
      if (!confirm(question)) return;
      complain("");
      try {
        await request();
        await changed();
      } catch (error) {
        complain(error.message);
      }
    });
    return button;
  };
  const file = el("a", { className: "button", href: api.handFile(name), download: "", textContent: "Download" });
  file.setAttribute("aria-label", `Download ${name}`);
  const back = `Take back what ${name} was taught last?`;
  const forget = `Delete ${name} with all that it was taught?`;
  return el(
    "li",
    { className: "card hand" },
    el("div", {}, el("strong", { textContent: name }), el("p", { className: "muted", textContent: hold })),
    el(
      "div",
      { className: "row" },
      file,
      act("Undo last teaching", `Undo the last teaching of ${name}`, () => api.undo(name), back),
      act("Delete", `Delete ${name}`, () => api.forgetHand(name), forget),
    ),
  );
}

function holds({ lines, characters, own_alphabet: own, useful, before, after }) {
  const parts = [];
  if (lines) parts.push(count(lines, "line"));
  if (characters) parts.push(own ? `an alphabet of its own, ${count(characters, "sample")}` : count(characters, "character"));
  if (!parts.length) parts.push("nothing taught yet");
  if (!useful) parts.push("read as any other hand so far");
  else if (before !== null && after !== null)
    parts.push(`${percent(after)} of characters wrong on lines held back, ${percent(before)} without it`);
  return parts.join(" · ");
}
