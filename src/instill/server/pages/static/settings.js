// A key that was just made is shown this once; the generator's reply is shown beside the button.

import { $, json, make, nowLoggedIn, say } from "./base.js";
import { reload } from "./focus.js";

const form = $("#new-key");
let unkept = false; // whether a key stands here that nobody has copied

window.addEventListener("beforeunload", (event) => { if (unkept) event.preventDefault(); });
document.addEventListener("copy", () => { unkept = false; });

form?.addEventListener("called", async (event) => {
  const { key, secret } = event.detail;
  const isFirst = form.dataset.first !== undefined;
  const again = make("button", { type: "button", class: "main" }, "I have kept it");
  again.addEventListener("click", () => { unkept = false; reload(); });
  unkept = true;
  $("#keys-say").textContent = "A key is shown once. What is kept of it is a hash.";
  const login = make("p", { class: "said", role: "status" });
  form.replaceChildren(make("h3", {}, `The key of ${key.name}`), login, ...(key.role === "public" ? ofSite(key, secret) : own(secret)), make("p", { class: "row" }, again));
  again.focus();
  if (!isFirst) return;
  try {
    await json("POST", "/api/login", { key: secret });
    await nowLoggedIn();
    say(login, `This browser is logged in with it now, as ${key.name}. Other browsers and programs need a key from now on.`);
  } catch (error) { say(login, `This browser is not logged in: ${error.message}`, true); }
});
form?.elements.name.addEventListener("input", (event) => {
  const place = $("#same-name");
  const plain = (name) => name.trim().split(/\s+/).join(" ").toLowerCase();
  const isTaken = JSON.parse(place.dataset.names).map(plain).includes(plain(event.target.value));
  place.textContent = isTaken ? "An active key has this name. Choose another name, or revoke that key first." : "";
});

const own = (secret) => [...copied(secret), make("p", { class: "soft" }, "It is shown this once. Keep it where passwords are kept.")];

/** What the web site's pages take. */
const ofSite = (key, secret) => [
  make("p", { class: "soft" }, `For the pages of ${key.origins.join(", ")}:`),
  ...copied(`<script src="${location.origin}/widget.js" data-key="${secret}" async></script>`),
  make("p", { class: "soft" }, "It is shown this once. It stands in the source of these pages, where everybody can read it: it only asks, from these sites, and sees documents with its labels."),
];

/** A text with a button that copies it. */
function copied(text) {
  const button = make("button", { type: "button" }, "Copy");
  const told = make("span", { class: "said", role: "status" });
  const code = make("code", { class: "secret" }, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      unkept = false;
      say(told, "Copied.");
    } catch {
      getSelection().selectAllChildren(code);
      say(told, document.execCommand("copy") ? "Copied." : "It is selected: copy it with the keyboard."); // where the page is not served by TLS
    }
  });
  return [code, make("p", { class: "row" }, button, told)];
}

$("#greet")?.addEventListener("called", (event) => say($("#greet .said"), event.detail.said));
