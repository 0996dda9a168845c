// Small helpers for the document: elements, templates, and the two lines that speak to the user.

/** Make an element; `props` are set as properties, but those with a dash as attributes. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "dataset") Object.assign(node.dataset, value);
    else if (key.includes("-") || key === "role") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children);
  return node;
}

/** Put the content of a template into <main> in place of what was there. */
export function show(template, title) {
  const main = document.getElementById("main");
  main.replaceChildren(document.getElementById(template).content.cloneNode(true));
  document.title = title ? `${title} – unscrawl` : "unscrawl";
  return main;
}

let hush;

/**
 * Tell what happened: read out when convenient and, unless it is on the page anyway, shown for a while;
 * what is still being done is shown until the next word.
 */
export function say(text, { shown = true, busy = false } = {}) {
  const status = document.getElementById("status");
  status.classList.toggle("unseen", !shown);
  status.classList.toggle("busy", busy);
  speak("status", text);
  clearTimeout(hush);
  if (!busy) hush = setTimeout(() => speak("status", ""), 6000);
}

/** Tell what went wrong: stays until it is put right, read out at once; "" takes it away. */
export function complain(text) {
  speak("alert", text);
}

function speak(id, text) {
  document.getElementById(id).textContent = text;
}

/** "1 word", "2 words". */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}
