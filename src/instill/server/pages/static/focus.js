// The focus is never lost: where what had it is gone, hidden, or was out of use for a moment, it goes to what stands
// there now. Who uses the keyboard goes on where they were, also after the page was loaded again.

const PLACE = "instill-focus";
const ITEM = "li, tr, .card, article, instill-job";
const FOCUSABLE = "a[href], button:not([disabled]), summary, input:not([disabled], [type=hidden]), select:not([disabled]), textarea:not([disabled])";

let last = null; // what had the focus, and where it stood; null where somebody clicked elsewhere
let pending = null; // where it was on the page before, until it is given

const isShown = (part) => part.isConnected && part.getClientRects().length > 0;
const firstIn = (part) => (part.matches(FOCUSABLE) && isShown(part) ? part : [...part.querySelectorAll(FOCUSABLE)].find(isShown));
const nameOf = (list) => [list.closest("section")?.getAttribute("aria-label") ?? list.closest("[id]")?.id, list.tagName, list.getAttribute("aria-label"), list.className].join(" ");

function placeOf(part) {
  const item = part.closest(ITEM);
  const list = item?.parentElement;
  return {
    call: part.closest("form[data-call]")?.dataset.call ?? "",
    list: list ? nameOf(list) : "",
    at: list ? [...list.children].indexOf(item) : 0,
    parts: [list, part.closest("section"), document.querySelector("main")].filter(Boolean),
  };
}

/** What of a list stands now where something stood: the next item, or the last one. */
function itemAt(list, at) {
  const items = [...list.children].filter((each) => each.matches(ITEM) && firstIn(each));
  const before = [...list.children].slice(0, at).filter((each) => items.includes(each)).length;
  return items.length ? firstIn(items[Math.min(before, items.length - 1)]) : null;
}

const give = (part) => part?.focus({ preventScroll: true });

/** The focus goes to the main part of the page where nothing better is there. */
function toMain() {
  give(document.querySelector("main"));
}

/** What is closest before a part that is there and not shown: what opened it. */
function before(part) {
  const owner = part.closest("article, [data-question-part], section, main") ?? document.body;
  const all = [...owner.querySelectorAll(FOCUSABLE)].filter(isShown);
  return all.filter((each) => each.compareDocumentPosition(part) & Node.DOCUMENT_POSITION_FOLLOWING).at(-1) ?? all[0];
}

function look() {
  const now = document.activeElement;
  if (!last || (now && now !== document.body) || document.querySelector("dialog[open]")) return;
  const { part, at, parts } = last;
  if (isShown(part)) {
    if (!part.disabled) give(part); // It was out of use while something was done.
    return;
  }
  if (part.isConnected) return give(before(part));
  const there = parts.filter((each) => each.isConnected);
  give(buttonOf(last.call) || (there[0] === parts[0] && last.list && itemAt(parts[0], at)) || there.map(firstIn).find(Boolean));
  if (document.activeElement === document.body) toMain();
}

/** The button of the form that makes this call, where there is one. */
function buttonOf(call) {
  const form = call && [...document.querySelectorAll("form[data-call]")].find((each) => each.dataset.call === call);
  return form ? [...form.querySelectorAll("button:not([disabled])")].find(isShown) ?? firstIn(form) : null;
}

document.addEventListener("focusin", ({ target }) => {
  if (!target.closest("dialog, .toast")) last = { part: target, ...placeOf(target) };
});
document.addEventListener("pointerdown", ({ target }) => { if (!target.closest("dialog, .toast")) last = null; });
new MutationObserver(() => setTimeout(look)).observe(document.body, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["disabled", "hidden", "open"],
});

/** Remember where the focus is for the next page: the same one, loaded again, or with `elsewhere` another one. */
export function keepFocus({ elsewhere = false } = {}) {
  const { call = "", list = "", at = 0 } = last ?? pending ?? {};
  const kept = elsewhere ? {} : { call, list, at, path: location.pathname };
  try { sessionStorage.setItem(PLACE, JSON.stringify(kept)); } catch { /* Then it begins at the top. */ }
}

/** Load the page again, and go on where the focus is. */
export function reload() {
  keepFocus();
  location.reload();
}

function held() {
  try {
    const found = JSON.parse(sessionStorage.getItem(PLACE));
    sessionStorage.removeItem(PLACE);
    return found;
  } catch { return null; }
}

/** Give the focus to what stands where it was on the page before, unless something asked for it. */
export function goOn() {
  if (!pending || (document.activeElement && document.activeElement !== document.body)) return;
  const { call, list, at, path } = pending;
  pending = null;
  if (path !== location.pathname) return toMain();
  const place = list && [...document.querySelectorAll(ITEM)].map((each) => each.parentElement).find((each) => nameOf(each) === list);
  give(buttonOf(call) || (place && itemAt(place, at)));
  if (document.activeElement === document.body) toMain();
}

addEventListener("load", () => {
  pending = held();
  setTimeout(goOn); // After what the page itself gives the focus to.
});
