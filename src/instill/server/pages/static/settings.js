// A key that was just made is shown this once; the generator's reply is shown beside the button.

import { $, make, say } from "./base.js";

$("#new-key")?.addEventListener("called", (event) => {
  const { key, secret } = event.detail;
  const again = make("button", { type: "button" }, "I have kept it");
  again.addEventListener("click", () => location.reload());
  $("#new-key").replaceChildren(make("h3", {}, `The key of ${key.name}`),
    make("code", { class: "secret" }, secret), make("p", { class: "soft" }, "It is shown this once. Keep it where passwords are kept."),
    ...(key.role === "public" ? snippet(key, secret) : []), again);
  again.focus();
});

/** What the web site's pages take. */
const snippet = (key, secret) => [make("p", { class: "soft" }, `For the pages of ${key.origins.join(", ")}:`),
  make("code", { class: "secret" }, `<script src="${location.origin}/widget.js" data-key="${secret}" async></script>`)];

$("#greet")?.addEventListener("called", (event) => say($("#greet .said"), event.detail.said));
