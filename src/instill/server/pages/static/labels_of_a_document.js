// Who may see a document: its labels are asked for and changed.

import { asked, json, make } from "./base.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-labels]");
  if (!button) return;
  const field = make("input", { value: button.dataset.labels, "aria-label": "Labels" });
  const content = make("label", { class: "field" }, "Labels, with commas between. Who holds one of them sees the document.", field);
  if (!(await asked(content))) return;
  try {
    const wanted = field.value.split(",").map((each) => each.trim()).filter(Boolean);
    await json("PUT", `/api/documents/${button.dataset.document}/labels`, { labels: wanted });
    location.reload();
  } catch (error) {
    await asked(make("p", { class: "bad" }, error.message), "Close");
  }
});
