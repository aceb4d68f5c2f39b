// What was done is said once the page is loaded again, with a button that takes it back where that can be done.

import { json, make } from "./base.js";
import { goOn, reload } from "./focus.js";

const PLACE = "instill-said";
/** So long what was done stands there, and as long as somebody points at it; where it can be taken back, until it is
 * closed, or something else is done. */
const STANDS_MS = 6000;

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
  shut.addEventListener("click", () => { place.remove(); goOn(); });
  back?.addEventListener("click", async () => {
    back.disabled = true;
    try {
      const replies = [];
      for (const [method, path, body] of undo) replies.push(await json(method, path, body));
      const kept = replies.flatMap((each) => each?.left_out ?? []).map(([name, why]) => `${name}: ${why}`);
      sayAfterLoad(kept.length ? `Not brought back: ${kept.join(" ")}` : "It is as it was before.");
      reload();
    } catch (error) {
      said.textContent = error.message;
      place.classList.add("bad");
      hold();
      back.remove();
    }
  });
  document.body.append(place);
  back?.focus({ preventScroll: true }); // What had the focus is gone with the page before.
  let timer = 0;
  const hold = () => clearTimeout(timer);
  const go = () => {
    hold();
    if (!back && !place.classList.contains("bad")) timer = setTimeout(() => place.remove(), STANDS_MS);
  };
  for (const name of ["mouseenter", "focusin"]) place.addEventListener(name, hold);
  for (const name of ["mouseleave", "focusout"]) place.addEventListener(name, go);
  go();
}

document.addEventListener("DOMContentLoaded", () => {
  const found = held();
  if (found) show(found);
});
