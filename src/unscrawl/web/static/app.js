// Which view is shown: #/ (all pages), #/page/ID, #/hands, #/draw.

import { complain, say } from "./dom.js";
import { drawView } from "./draw.js";
import { pageView } from "./page.js";
import { shelfView } from "./shelf.js";
import { startView } from "./start.js";

let leave = () => {};

async function route() {
  leave();
  leave = () => {};
  complain("");
  say("");
  const [, view, id] = location.hash.split("/");
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.getAttribute("href") === `#/${view === "hands" || view === "draw" ? view : ""}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const views = { page: () => pageView(id), hands: shelfView, draw: drawView };
  try {
    leave = (await (views[view] ?? startView)()) ?? leave;
  } catch (error) {
    complain(error.message);
  }
}

document.getElementById("skip").addEventListener("click", () => document.getElementById("main").focus());
addEventListener("hashchange", route);
route();
