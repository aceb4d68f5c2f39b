// The list of conversations: what is typed in its field filters it, without a load.

import { $, $$, call, json, parsed } from "./base.js";

const TYPED_MS = 250;
/** So many conversations may have begun elsewhere since the list was shown, and as many may be gone. */
const MORE = 100;
const form = $(".history form[role=search]");
let timer = 0;
let turn = 0;

async function filter() {
  const mine = ++turn;
  const address = `${form.getAttribute("action")}?words=${encodeURIComponent(form.elements.words.value.trim())}`;
  const response = await call("GET", address, undefined, { headers: { accept: "text/html" } }).catch(() => null);
  const fresh = response && $("#history", parsed(await response.text()));
  if (fresh && mine === turn) $("#history").replaceWith(fresh);
}

/** Take out of the list what was deleted or forgotten meanwhile. */
export async function withoutGone() {
  const shown = $$("#history li:not(.elsewhere) a");
  if (!shown.length) return;
  const after = Math.max(0, Number($("#history").dataset.after) - MORE); // Before it some may be gone.
  const words = new URLSearchParams({ words: form.elements.words.value.trim(), limit: shown.length + 2 * MORE, after });
  const found = await json("GET", `/api/conversations?${words}`).catch(() => null);
  const there = found && new Set(found.conversations.map((each) => `/ask/${each.conversation_id}`));
  if (there) shown.filter((each) => !there.has(each.getAttribute("href"))).forEach((each) => each.closest("li").remove());
}

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, TYPED_MS);
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  filter();
});
