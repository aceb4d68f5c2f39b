// When a job has ended, the page shows what came of it without being loaded again: its lists, its choices, and the forms
// that can be used from now on. What somebody has typed, and what was said beside it, stays. A section with `data-stays`
// tells of its own work, and is left alone.

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
    if (old && !old.matches("[data-stays]")) renew(old, now);
    else if (!old && before) before.after(now);
    before = old ?? now;
  }
});

/** What a part of a section belongs to, in the old section as in the new one: a form, or a question. */
function ownerOf(part) {
  const owner = part.closest("[data-question-part], form");
  return owner && ($("[data-question]", owner)?.dataset.question ?? `${owner.dataset.call} ${$("input[name=kind]", owner)?.value}`);
}

/** Show in a section what a newer one holds. The jobs in it go on telling of themselves. */
function renew(old, now) {
  const held = $("#jobs", old)?.parentElement ?? old;
  const news = $("#jobs", now)?.parentElement ?? now;
  const told = (part) => [...part.children].filter((each) => !isOfJobs(each)).map((each) => each.textContent).join("");
  if (told(held) === told(news)) return;
  const focused = document.activeElement;
  const within = (selector) => $$(selector, held).filter((each) => !each.closest("#jobs, details.ended")).map((each) => [ownerOf(each), each]);
  const typed = within("input[name], select[name], textarea[name]");
  const said = within(".said").filter(([, each]) => each.textContent);
  const opened = within("details[open] > summary").map(([, each]) => each.textContent);
  const judged = within(".judging:not([hidden])");
  const jobs = $("#jobs", held);
  const at = [...news.children].findIndex((each) => each.id === "jobs");
  const parts = [...news.children];
  [...held.children].filter((each) => !isOfJobs(each)).forEach((each) => each.remove());
  for (const [place, part] of parts.entries()) {
    if (isOfJobs(part)) continue;
    if (jobs && place < at) jobs.before(part);
    else held.append(part);
  }
  const same = (selector, owner) => $$(selector, held).find((each) => ownerOf(each) === owner);
  for (const summary of $$("details > summary", held)) if (opened.includes(summary.textContent)) summary.parentElement.open = true;
  for (const [owner] of judged) same(".judging", owner)?.removeAttribute("hidden");
  for (const [owner, place] of said) {
    const fresh = owner && same(".said", owner);
    if (fresh && !fresh.textContent) fresh.replaceWith(place);
  }
  for (const [owner, field] of typed) {
    const fresh = $$(`[name="${field.name}"]`, held).find((each) => ownerOf(each) === owner && each.type === field.type && each.type !== "hidden");
    if (!fresh) continue;
    if (field.type === "checkbox") fresh.checked = field.checked;
    else if (field.tagName !== "SELECT") fresh.value = field.value;
    else if ([...fresh.options].some((each) => each.value === field.value)) fresh.value = field.value;
    if (field === focused) fresh.focus();
  }
}
