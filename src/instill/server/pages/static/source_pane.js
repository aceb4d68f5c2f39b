// The pane with the source beside an answer: opened by a citation, closed by Escape.

import { $, $$, Failed, call, make, parsed } from "./base.js";

let opener = null;
let turn = 0;

export async function open(chip) {
  const pane = $("#source");
  if (!pane) return;
  const mine = ++turn;
  try {
    const shown = await source(chip.dataset.source);
    if (mine !== turn) return;
    marked(null);
    opener = chip;
    marked(chip);
    pane.replaceChildren(shown);
    pane.hidden = false;
    $("main").classList.add("open");
    for (const image of $$("img", pane)) image.addEventListener("error", () => withoutPicture(pane, image));
    pane.focus({ preventScroll: true });
    const cited = $("#cited", pane);
    const inside = $(".inside", pane);
    if (cited && inside && !$(".picture", pane)) {
      inside.scrollTop = cited.getBoundingClientRect().top - inside.getBoundingClientRect().top - inside.clientHeight / 3;
    }
  } catch {
    location.assign(chip.href);
  }
}

/** What the pane shows; of a document that is not there any more, that it is not. */
async function source(address) {
  try {
    return parsed(await (await call("GET", address)).text());
  } catch (error) {
    if (!(error instanceof Failed) || !error.problem.remedy) throw error;
    const head = make("header", {}, make("h2", {}, "No source"), make("button", { class: "quiet", "data-close": true, "aria-label": "Close the source" }, "×"));
    return make("div", { class: "inside" }, head, make("p", { class: "bad" }, error.problem.what), make("p", {}, error.problem.remedy));
  }
}

export function close() {
  const pane = $("#source");
  if (!pane || pane.hidden) return;
  turn++;
  pane.hidden = true;
  pane.replaceChildren();
  $("main").classList.remove("open");
  marked(null);
  opener?.focus({ preventScroll: true });
  opener = null;
}

function marked(chip) {
  for (const each of $$('[data-source][aria-expanded="true"]')) each.setAttribute("aria-expanded", "false");
  chip?.setAttribute("aria-expanded", "true");
}

function withoutPicture(pane, image) {
  image.closest("figure").remove();
  const text = $("details", pane);
  if (text) text.open = true;
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest("a[data-source]");
  if (chip && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    if (chip.getAttribute("aria-expanded") === "true") close();
    else open(chip);
  } else if (event.target.closest("[data-close]")) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) close();
});
