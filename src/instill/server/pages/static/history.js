// The list of conversations: what is typed in its field filters it, without a load.

import { $, call, parsed } from "./base.js";

const TYPED_MS = 250;
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

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, TYPED_MS);
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  filter();
});
