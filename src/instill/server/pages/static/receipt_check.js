// Whether a receipt of forgetting is genuine.
import { $, say } from "./base.js";

document.addEventListener("called", (event) => {
  if (!("verify" in event.target.dataset)) return;
  const { genuine, key } = event.detail;
  say($(".said", event.target), genuine ? `Genuine, signed with the key ${key}.` : "NOT genuine.", !genuine);
});
