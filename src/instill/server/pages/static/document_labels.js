// Who may see a document, or all documents that a search in the list finds: their labels are asked for and changed.

import { asked, json, make, told } from "./base.js";

const names = (field) => field.value.split(",").map((each) => each.trim()).filter(Boolean);

async function change(address, wanted) {
  try {
    await json("PUT", address, wanted);
    location.reload();
  } catch (error) {
    await told(error.message);
  }
}

async function ofOne(button) {
  const field = make("input", { value: button.dataset.labels });
  const content = make("div", {},
    make("h2", {}, `Labels of ${button.dataset.title}`),
    make("label", { class: "field" }, "Labels, with commas between. Who holds one of them sees the document.", field));
  if (await asked(content)) await change(`/api/documents/${button.dataset.document}/labels`, { labels: names(field) });
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
  await change("/api/documents/labels", { words: button.dataset.labelAll, count, add: names(add), remove: names(remove) });
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
  const all = field?.form?.querySelector("button[data-label-all]");
  if (!all) return;
  all.disabled = field.value.trim() !== all.dataset.labelAll.trim();
  all.title = all.disabled ? "Search first: Enter" : "";
});
