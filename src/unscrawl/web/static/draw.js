// Draw a character and see it classified while drawing.

import { api } from "./api.js";
import { complain, el, show } from "./dom.js";

const PAUSE = 120; // milliseconds between two questions to the server
const THICK = 0.05; // of the paper's side, at middle pressure

export function drawView() {
  const main = show("draw-view", "Draw");
  const paper = main.querySelector("#paper");
  const pen = paper.getContext("2d");
  const alphabet = main.querySelector("#alphabet");
  let strokes = [];
  let stroke = null;

  function point(event) {
    const frame = paper.getBoundingClientRect();
    const scale = paper.width / frame.width;
    // A mouse has no pressure (0.5 while pressed by definition); pens vary the thickness.
    const pressure = event.pointerType === "pen" ? event.pressure : 0.5;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale, pressure];
  }

  function segment([x0, y0], [x1, y1, pressure]) {
    pen.lineWidth = paper.width * THICK * (0.5 + pressure);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1 + 0.01); // a dot has a length too
    pen.stroke();
  }

  function redraw() {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, paper.width, paper.height);
    pen.strokeStyle = "#111";
    pen.lineCap = pen.lineJoin = "round";
    for (const points of strokes) points.forEach((p, i) => segment(points[Math.max(0, i - 1)], p));
    ask();
  }

  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    stroke = [point(event)];
    strokes.push(stroke);
    segment(stroke[0], stroke[0]);
    ask();
  });
  paper.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) {
      stroke.push(point(part));
      segment(stroke.at(-2), stroke.at(-1));
    }
    ask();
  });
  for (const end of ["pointerup", "pointercancel"])
    paper.addEventListener(end, () => {
      stroke = null;
      ask();
    });

  let timer = null;
  let asking = false;
  let again = false;

  function ask() {
    again = true;
    if (timer === null && !asking) timer = setTimeout(answer, PAUSE);
  }

  async function answer() {
    timer = null;
    if (!strokes.length) {
      tell(main, null);
      return;
    }
    asking = true;
    again = false;
    try {
      const picture = await new Promise((take) => paper.toBlob(take, "image/png"));
      const character = await api.classify(picture, alphabet.value);
      if (strokes.length) tell(main, character);
      complain("");
    } catch (error) {
      complain(error.message);
    }
    asking = false;
    if (again) ask();
  }

  main.querySelector("#clear").addEventListener("click", () => {
    strokes = [];
    redraw();
  });
  main.querySelector("#undo").addEventListener("click", () => {
    strokes.pop();
    redraw();
  });
  alphabet.addEventListener("change", ask);
  redraw();
}

function tell(main, character) {
  const none = !character || character.blank;
  main.querySelector("#guess").textContent = none ? "" : character.label;
  const ranks = none ? [] : character.alternatives;
  main.querySelector("#ranks").replaceChildren(
    ...ranks.map(([label, p]) =>
      el("li", {}, el("span", { textContent: label }), el("meter", { value: p, max: 1 }), `${Math.round(100 * p)} %`),
    ),
  );
  const canvas = main.querySelector("#seen");
  const pixels = new ImageData(28, 28);
  const values = character?.seen.flat() ?? new Array(784).fill(0);
  values.forEach((v, i) => pixels.data.set([v, v, v, 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
