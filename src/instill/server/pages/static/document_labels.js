// Who may see a document, or all documents that a search in the list finds: their labels are asked for and changed, and
// can be changed back.

import { sayAfterLoad } from "./after_load.js";
import { asked, json, make, told } from "./base.js";
import { reload } from "./focus.js";

const names = (field) => field.value.split(",").map((each) => each.trim()).filter(Boolean);

/** Change labels, and load the page again, which says so and offers the way back.
 * @param done of the reply: what is said, and the calls that undo it. */
async function change(address, wanted, done) {
  try {
    sayAfterLoad(...done(await json("PUT", address, wanted)));
    reload();
  } catch (error) {
    await told(error.message);
  }
}

async function ofOne(button) {
  const field = make("input", { value: button.dataset.labels });
  const content = make("div", {},
    make("h2", {}, `Labels of ${button.dataset.title}`),
    make("label", { class: "field" }, "Labels, with commas between. Who holds one of them sees the document.", field));
  if (!(await asked(content))) return;
  const address = `/api/documents/${button.dataset.document}/labels`;
  const before = JSON.parse(button.dataset.held);
  await change(address, { labels: names(field) }, (now) => {
    const labels = now.labels.length ? `has the labels ${now.labels.join(", ")}` : "has no labels";
    return [`“${button.dataset.title}” ${labels} now.`, [["PUT", address, { labels: before }]]];
  });
}

async function ofAll(button) {
  const count = Number(button.dataset.count);
  const add = make("input", {});
  const remove = make("input", {});
  const content = make("div", {},
    make("h2", {}, "Labels of many documents"),
    make("p", {}, `${count === 1 ? "One document" : `All ${count.toLocaleString("en")} documents`} of this list. Their other labels stay.`),
    make("label", { class: "field" }, "Add these labels, with commas between", add),
    make("label", { class: "field" }, "Take these away", remove));
  if (!(await asked(content)) || (!names(add).length && !names(remove).length)) return;
  const address = "/api/documents/labels";
  await change(address, { words: button.dataset.labelAll, count, add: names(add), remove: names(remove) }, ({ documents, changed, undo }) => [
    `${changed.toLocaleString("en")} of ${documents.toLocaleString("en")} documents have other labels now.`,
    undo.map((each) => ["PUT", address, each]),
  ]);
}

document.addEventListener("click", (event) => {
  const one = event.target.closest("button[data-labels]");
  const all = event.target.closest("button[data-label-all]");
  if (one) ofOne(one);
  if (all) ofAll(all);
});

// What is typed but not searched for yet is not what is listed.
document.addEventListener("input", (event) => {
  const field = event.target.closest('input[name="words"]');
  for (const all of field ? document.querySelectorAll("button[data-label-all], button[data-all]") : []) {
    all.disabled = field.value.trim() !== (all.dataset.labelAll ?? all.dataset.all).trim();
    all.title = all.disabled ? "Search first: Enter" : "";
  }
});
