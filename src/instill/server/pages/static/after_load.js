// What was done is said once the page is loaded again, with a button that takes it back where that can be done.

import { json, make } from "./base.js";

const PLACE = "instill-said";

/** Have it said after the next load.
 * @param undo calls [method, path, body] that take it back, one after the other; [] where nothing does. */
export function sayAfterLoad(text, undo = []) {
  for (const calls of [undo, []]) {
    try {
      sessionStorage.setItem(PLACE, JSON.stringify({ text, undo: calls }));
      return;
    } catch { /* What is too long to be kept is said without a way back; where nothing may be kept, not at all. */ }
  }
}

function held() {
  try {
    const found = JSON.parse(sessionStorage.getItem(PLACE));
    sessionStorage.removeItem(PLACE);
    return found;
  } catch {
    return null;
  }
}

function show({ text, undo }) {
  const said = make("p", {}, text);
  const shut = make("button", { type: "button", class: "quiet", "aria-label": "Close the message" }, "×");
  const back = undo.length ? make("button", { type: "button" }, "Undo") : null;
  const place = make("div", { class: "toast", role: "status" }, said, back, shut);
  shut.addEventListener("click", () => place.remove());
  back?.addEventListener("click", async () => {
    back.disabled = true;
    try {
      for (const [method, path, body] of undo) await json(method, path, body);
      sayAfterLoad("It is as it was before.");
      location.reload();
    } catch (error) {
      said.textContent = error.message;
      place.classList.add("bad");
      back.remove();
    }
  });
  document.body.append(place);
}

document.addEventListener("DOMContentLoaded", () => {
  const found = held();
  if (found) show(found);
});
