// Right, wrong, and what would be right; and telling the owner that an answer is wanted.

import { $, $$, json, make, say } from "./base.js";

const WHICH = "Which of the quotes answers is not known, so a study set leaves it out. To have it in one, correct the answer by the words that answer.";

/** Say it of the question that this part of the page shows. */
export async function judge(part, question, verdict, more = {}) {
  const place = $(".after .said", part) ?? $(".said", part);
  try {
    const told = await json("POST", `/api/questions/${question}/judgements`, { verdict, ...more });
    shown(part, verdict);
    if (verdict !== "wanted") $("[data-tell]", part)?.setAttribute("aria-pressed", "false");
    const last = told.judgements.at(-1);
    say(place, "");
    if (verdict === "wanted") say(place, "The owner finds it under Questions.");
    else if (!last.correction) say(place, verdict === "right" && told.citations.length > 1 && !told.answer?.short ? `Kept under Questions. ${WHICH}` : "Kept under Questions.");
    else if (last.spans.length) place.append("Kept, and found in the documents: ", ...last.spans.map((span, at) => chip(span, at + 1)), ". ", ...used());
    else place.append("Kept. No document says it in these words. It is listed as missing, and used for nothing: the documents may say it in other words. If they do, copy these words and correct the answer again.");
    return told;
  } catch (error) {
    say(place, error.message, true);
    return null;
  }
}

/** What a correction is good for. */
const used = () => [
  "The next answer is not changed by it. It is used when refusals are calibrated, the search is tuned, or ways to answer are compared: see ",
  make("a", { href: "/questions?kind=corrected" }, "Questions"), ".",
];

/** Take back what was said; what others said of it stays. */
async function takeBack(part, question) {
  const place = $(".after .said", part) ?? $(".said", part);
  try {
    const told = await json("DELETE", `/api/questions/${question}/judgements`);
    const left = told.judgements.filter((each) => each.verdict !== "wanted").at(-1);
    shown(part, left?.verdict ?? "");
    say(place, left ? `Taken back. ${left.judge || "Somebody"} still says: ${left.verdict}.` : "Taken back.");
  } catch (error) { say(place, error.message, true); }
}

export function shown(part, verdict) {
  if (verdict === "wanted") return $("[data-tell]", part)?.setAttribute("aria-pressed", "true");
  for (const button of $$("[data-judge]", part)) {
    button.setAttribute("aria-pressed", String(button.dataset.judge === verdict));
  }
}

function chip(span, number) {
  const query = `start=${span.start}&end=${span.end}`;
  return make("a", {
    class: "cite", href: `/documents/${span.doc_id}?${query}#cited`, "data-source": `/documents/${span.doc_id}/source?${query}`,
    "aria-expanded": "false", title: span.source.split("/").at(-1),
  }, `${number}`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const part = button?.closest(".exchange, [data-question-part]");
  const form = part && $("form.judging[data-question]", part);
  if (!form) return;
  const question = form.dataset.question;
  if (button.dataset.judge && button.getAttribute("aria-pressed") === "true") {
    form.hidden = true;
    takeBack(part, question);
  } else if (button.dataset.judge === "right") {
    form.hidden = true;
    judge(part, question, "right");
  } else if (button.dataset.judge === "wrong") {
    form.hidden = false;
    $("textarea", form).focus({ preventScroll: true });
    form.scrollIntoView({ block: "nearest" });
  } else if (button.dataset.cancel !== undefined) {
    form.hidden = true;
    judge(part, question, "wrong");
  } else if (button.dataset.tell !== undefined) {
    judge(part, question, "wanted");
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form.judging[data-question]");
  if (!form) return;
  event.preventDefault();
  const part = form.closest(".exchange, [data-question-part]");
  const correction = $("textarea", form).value.trim();
  form.hidden = true;
  judge(part, form.dataset.question, "wrong", correction ? { correction } : {});
});
