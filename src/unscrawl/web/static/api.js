// Talks to the server. Every failure is an ApiError with one clear line; status 0: the server does not answer.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const options = { method, headers: { "X-Unscrawl": "page" } };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch {
    throw new ApiError(0, "unscrawl does not answer: is “unscrawl serve” still running?");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer.error ?? `error ${response.status}`);
  return answer;
}

function form(fields) {
  const data = new FormData();
  for (const [key, value] of Object.entries(fields)) if (value) data.append(key, value);
  return data;
}

const page = (id) => `pages/${encodeURIComponent(id)}`;
const word = (id, line, word) => `${page(id)}/lines/${line}/words/${word}`;
const hand = (name) => `hands/${encodeURIComponent(name)}`;

export const api = {
  about: () => ask("GET", "about"),
  pages: () => ask("GET", "pages"),
  page: (id) => ask("GET", page(id)),
  add: (picture, layout, hand) => ask("POST", "pages", form({ picture, layout, hand })),
  forget: (id) => ask("DELETE", page(id)),
  correct: (id, line, at, right) => ask("PUT", word(id, line, at), right),
  takeBack: (id, line, at, { reading, version }) =>
    ask("DELETE", `${word(id, line, at)}?reading=${reading}&version=${version}`),
  correctLine: (id, line, right) => ask("PUT", `${page(id)}/lines/${line}`, right),
  read: (id, reading, hand) => ask("POST", `${page(id)}/read`, { reading, hand }),
  learn: (id, hand) => ask("POST", `${page(id)}/learn`, { hand }),
  hands: () => ask("GET", "hands"),
  hand: (name) => ask("GET", hand(name)),
  handFile: (name) => `/api/${hand(name)}/file`,
  takeHand: (file, name) => ask("POST", "hands", form({ file, name })),
  forgetHand: (name) => ask("DELETE", hand(name)),
  thorough: (name) => ask("GET", `${hand(name)}/thorough`),
  teachThoroughly: (name) => ask("POST", `${hand(name)}/thorough`),
  stopThorough: (name) => ask("DELETE", `${hand(name)}/thorough`),
  undo: (name) => ask("POST", `${hand(name)}/undo`),
  classify: (picture, alphabet) => ask("POST", "classify", form({ picture, alphabet })),
  file: (id, kind) => `/api/${page(id)}/${kind}`,
};
