// A page about one document is emptied when the document is gone: looked at now and then, and when somebody comes back.

import { $, json, make } from "./base.js";

const STILL_MS = 15000;

async function look() {
  const part = $("[data-still]");
  if (!part || document.hidden) return;
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
