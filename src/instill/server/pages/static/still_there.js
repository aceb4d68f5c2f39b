// An open page does not go on showing what was forgotten: every page asks now and then, and when somebody comes back to it,
// whether something was. If so, it is loaded again; the conversation sees to itself. A page about one document is
// emptied when the document is gone.

import { $, json, make } from "./base.js";

const STILL_MS = 10000;

async function look() {
  if (document.hidden) return;
  const [purged] = await Promise.all([lastPurge(), lookForDocument()]);
  const mark = $('meta[name="purged"]');
  if (purged === null || purged === mark.content) return;
  const goesOn = document.dispatchEvent(new CustomEvent("purged", { cancelable: true }));
  if (goesOn) location.reload();
  else mark.content = purged;
}

const lastPurge = () => fetch("/still-there", { headers: { accept: "application/json" } })
  .then((response) => (response.ok && !response.redirected ? response.json() : null))
  .then((told) => told?.purged ?? null, () => null);

async function lookForDocument() {
  const part = $("[data-still]");
  if (!part) return;
  const status = await json("GET", part.dataset.still).then(() => 200, (error) => error.problem?.status);
  if (status !== 404) return;
  document.title = "Instill";
  $("main").replaceChildren(make("p", { class: "soft" },
    "This document is not there any more: it was deleted or forgotten, or your key does not see it. ",
    make("a", { href: "/documents" }, "Documents")));
}
addEventListener("visibilitychange", look);
addEventListener("focus", look);
addEventListener("pageshow", (event) => { if (event.persisted) look(); });
setInterval(look, STILL_MS);
