// When a job has ended, the page shows what came of it without being loaded again: its lists, its choices, and the forms
// that can be used from now on. What somebody has typed stays.

import { $, $$, call, parsed } from "./base.js";

const nameOf = (section) => section.id || section.getAttribute("aria-label") || $("h2", section)?.textContent;
const isOfJobs = (part) => part.id === "jobs" || part.matches("details.ended");

document.addEventListener("ended", async () => {
  const response = await call("GET", location.href, undefined, { headers: { accept: "text/html" } }).catch(() => null);
  const fresh = response && parsed(await response.text()).querySelector("main");
  const main = $("main");
  if (!fresh || !main) return;
  let before = null; // the section after which a new one comes
  for (const now of $$("section", fresh)) {
    const old = $$("section", main).find((each) => nameOf(each) === nameOf(now));
    if (old) renew(old, now);
    else if (before) before.after(now);
    before = old ?? now;
  }
});

/** Show in a section what a newer one holds. The jobs in it go on telling of themselves. */
function renew(old, now) {
  const held = $("#jobs", old)?.parentElement ?? old;
  const news = $("#jobs", now)?.parentElement ?? now;
  const told = (part) => [...part.children].filter((each) => !isOfJobs(each)).map((each) => each.textContent).join("");
  if (told(held) === told(news)) return;
  const typed = $$("input[name], select[name], textarea[name]", held).map((field) => [field.name, field.closest("form")?.dataset.call, field]);
  const jobs = $("#jobs", held);
  const at = [...news.children].findIndex((each) => each.id === "jobs");
  const parts = [...news.children];
  [...held.children].filter((each) => !isOfJobs(each)).forEach((each) => each.remove());
  for (const [place, part] of parts.entries()) {
    if (isOfJobs(part)) continue;
    if (jobs && place < at) jobs.before(part);
    else held.append(part);
  }
  for (const [name, form, field] of typed) {
    const same = $$(`[name="${name}"]`, held).find((each) => each.closest("form")?.dataset.call === form && each.type === field.type && (each.type !== "hidden"));
    if (!same) continue;
    if (field.type === "checkbox") same.checked = field.checked;
    else if (field.tagName !== "SELECT") same.value = field.value;
    else if ([...same.options].some((each) => each.value === field.value)) same.value = field.value;
  }
}
