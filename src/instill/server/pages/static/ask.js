// A conversation: the question goes to the server, the answer comes in pieces and then as the page shows it.
// A question that is sent while an answer is written stays in the field and is asked after it.

import { $, $$, BROKEN, Failed, call, events, json, make, parsed, say, tell } from "./base.js";
import { close } from "./source_pane.js";
import { shown } from "./judging.js";
import "./dropping.js";
import { withoutGone } from "./history.js";

const UNREAD_MS = 5000;
const STILL_MS = 10000;
const main = $("main");
const thread = $("#thread");
const field = $("#question");
const composer = $("#composer");
let conversation = main.dataset.conversation;
const GONE = "This conversation is not there any more: it was deleted, or it showed a document that was forgotten.";
let unkept = []; // what was said, where conversations are not kept
let busy = null;
let known = { hidden: $("#unread").hidden, documents: $("#unread").dataset.documents }; // what was said of documents that are not read
let isNext = false; // whether what stands in the field is asked after the answer that is being written

let hasScrolled = false; // whether somebody went elsewhere on the page since the question was sent

for (const name of ["wheel", "touchmove"]) addEventListener(name, () => { hasScrolled = true; }, { passive: true });
if (field.dataset.first !== undefined) field.focus({ preventScroll: true }); // `autofocus` would scroll to the end
if (!location.hash) $$(".exchange").at(-1)?.scrollIntoView({ block: "start" });
for (const part of $$(".exchange")) for (const each of part.dataset.judged.split(" ")) shown(part, each);

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text || isTooLong(field, $("#next"))) return;
  if (busy) return later(true);
  later(false);
  field.value = "";
  ask(text, null);
});
field.addEventListener("input", () => { later(false); isTooLong(field, $("#next")); });
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  } else if (event.key === "ArrowUp" && !field.value) {
    const last = $$(".exchange").at(-1);
    if (last) { event.preventDefault(); edit(last); }
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest(".exchange button");
  if (!button) return;
  const part = button.closest(".exchange");
  if (button.dataset.edit !== undefined) edit(part);
  else if (button.dataset.copy !== undefined) copy(part, button);
  else if (button.dataset.stop !== undefined) busy?.abort();
  else if (button.dataset.again !== undefined) again(part);
  else if (button.dataset.share !== undefined) share(part);
  else if (button.dataset.why !== undefined) {
    const why = $(".why", part);
    why.hidden = !why.hidden;
    button.setAttribute("aria-expanded", String(!why.hidden));
  }
});

/** As long as documents wait to be read, the page says how many. What was refused before the first was in is asked again
 * then, and what was refused before all were read, when they are: the last question only, the others have a button. */
async function watchUnread() {
  while ($("#unread")) {
    await new Promise((resolve) => { setTimeout(resolve, UNREAD_MS); });
    askEarly();
    const isAdding = $("#progress")?.hidden === false;
    if (document.hidden || ($("#unread").hidden && !isAdding)) continue;
    await lookUnread();
  }
}

async function lookUnread() {
  const response = await call("GET", "/", undefined, { headers: { accept: "text/html" } }).catch(() => null);
  const page = response && parsed(await response.text());
  const fresh = page?.querySelector("#unread");
  const empty = page?.querySelector("#empty");
  if (!fresh) return;
  $("#unread").replaceWith(fresh);
  if (empty && $("#empty")) $("#empty").replaceWith(empty);
  askEarly();
}

/** The notice on what is not read is replaced by whoever looks at the server: what changed since is seen here. */
function askEarly() {
  tellEarly();
  if (busy) return;
  const { hidden, dataset: { documents } } = $("#unread");
  const isFirst = known.documents === "0" && documents !== "0";
  const isOver = !known.hidden && hidden;
  known = { hidden, documents };
  const last = $$(".exchange").at(-1);
  if ((isFirst || isOver) && main.dataset.other === undefined && last && $(".early", last)) again(last);
}

/** What was refused before all documents were read can be asked again once they are. */
function tellEarly() {
  const isOver = $("#unread").hidden;
  const last = $$(".exchange").at(-1);
  for (const note of $$(".early")) {
    const isAskedByPage = !isOver && last?.contains(note) && main.dataset.other === undefined;
    $("[data-by-page]", note).hidden = !isAskedByPage;
    if (!isOver) continue;
    $("span", note).textContent = $("span", note).dataset.over;
    $("button", note).hidden = false;
  }
}

/** Ask it again. The last question is asked in its place, as the server does too; of another one, what was said stays. */
function again(part) {
  if (busy) return say($("#next"), "An answer is being written. Ask again when it is there, or stop it.");
  const text = $(".question h2", part).textContent;
  const isLast = part === $$(".exchange").at(-1);
  if (isLast && main.dataset.other === undefined) part.remove();
  else $(".early", part)?.remove();
  ask(text, conversation || !isLast ? null : Number(part.dataset.keep));
}
tellEarly();
watchUnread();

/** What was deleted meanwhile, or is not for who asked any more, is not shown any longer: looked at now and then, and when somebody comes back. */
async function stillThere() {
  if (document.hidden) return;
  withoutGone();
  if (busy || !conversation) return;
  const turns = await json("GET", `/api/conversations/${conversation}`).then((told) => told.turns,
    (error) => (error.problem?.status === 404 ? [] : null));
  if (turns === null || busy) return;
  const kept = $$(".exchange[data-kept]");
  const told = turns.filter((each) => each.role !== "user" && Object.keys(each.answer).length).slice(0, kept.length);
  if (!turns.length) goneNow();
  else if (kept.length > turns.length / 2 || told.some((each, at) => each.documents < kept[at].dataset.documents)) location.reload();
}
addEventListener("visibilitychange", stillThere);
setInterval(stillThere, STILL_MS);
addEventListener("pageshow", (event) => { if (event.persisted) stillThere(); });

/** Something was forgotten: the source beside the answers may show it, and so may answers that are not kept. */
document.addEventListener("purged", (event) => {
  event.preventDefault();
  close();
  if (conversation) stillThere();
  else if ($(".exchange")) {
    busy?.abort();
    goneNow();
  }
});

/** The page is as a new one, and says why. Nothing is asked by itself. */
function goneNow() {
  $(`#history a[href="/ask/${conversation}"]`)?.closest("li").remove();
  conversation = "";
  unkept = [];
  document.title = "Instill";
  window.history.replaceState(null, "", "/");
  thread.replaceChildren(make("p", { class: "notice", role: "alert" }, GONE));
  close();
}

function later(isWanted) {
  isNext = isWanted;
  $("#next").textContent = isWanted ? "It is asked as soon as the answer above is there." : "";
}

/** Whether more stands in the field than is read. Near the limit, its characters are counted. */
function isTooLong(area, place) {
  const longest = Number(field.dataset.longest);
  const length = [...area.value.trim()].length;
  const isOver = length > longest;
  if (isOver) say(place, `${length.toLocaleString("en")} characters; at most ${longest.toLocaleString("en")} are read. Shorten the question, or add long text as a document.`, true);
  else say(place, length > 0.9 * longest ? `${length.toLocaleString("en")} of ${longest.toLocaleString("en")} characters.` : "");
  area.setAttribute("aria-invalid", String(isOver));
  return isOver;
}

async function ask(text, keep) {
  $("#empty")?.remove();
  if (main.dataset.other !== undefined) { // what stands here is somebody else's; this begins one of one's own
    delete main.dataset.other;
    $("#other")?.remove();
    thread.replaceChildren();
  }
  close();
  busy = new AbortController();
  const part = exchange(text, keep ?? $$(".exchange").length * 2);
  const reply = $(".reply", part);
  const answer = $(".answer", part);
  const written = $(".written", part);
  part.scrollIntoView({ block: "start" });
  hasScrolled = false;
  let isAnswered = false;
  let named = "";
  try {
    const body = { text, conversation_id: conversation, history: unkept };
    if (keep !== null) body.keep = keep;
    const response = await call("POST", "/ask", body, { signal: busy.signal });
    for await (const [name, data] of events(response)) {
      if (name === "conversation") named = data.conversation_id;
      else if (name === "piece") written.textContent += data.text;
      else if (name === "error") throw new Error([data.error.what, data.error.remedy].filter(Boolean).join(" "));
      else if (name === "answer") {
        isAnswered = true;
        went(named); // One that holds no answer is not gone to: it would be empty.
        main.dataset.opens = main.dataset.opensMine; // It is held under the labels of who asked last.
        reply.replaceChildren(parsed(data.html));
        if ($(".early", reply)) lookUnread();
        part.dataset.documents = data.documents;
        if (conversation) part.dataset.kept = "";
        if (!hasScrolled) part.scrollIntoView({ block: "start" });
        if (!conversation) unkept = [...unkept.slice(0, keep ?? unkept.length), ...data.turns];
        tell(data.abstained ? $(".prose", reply)?.textContent.trim() ?? "" : "The answer is there.");
      }
    }
    if (!isAnswered) throw new Failed(BROKEN);
  } catch (error) {
    if (conversation && error.problem?.status === 404) {
      goneNow();
      field.value ||= text;
      return;
    }
    const isStopped = error.name === "AbortError";
    if (!isStopped) later(false); // what stands in the field stays there
    reply.replaceChildren(answer);
    answer.replaceChildren(make("p", { class: isStopped ? "soft" : "bad", role: "alert" }, isStopped ? "Stopped." : error.message),
      make("p", {}, retry(text, part)));
  } finally {
    busy = null;
    if (isNext) composer.requestSubmit();
  }
}

function retry(text, part) {
  const button = make("button", { type: "button", class: "retry" }, "Ask again");
  button.addEventListener("click", () => { const keep = Number(part.dataset.keep); part.remove(); ask(text, keep); });
  return button;
}

function exchange(text, keep) {
  const pen = $("#pen").content.cloneNode(true);
  const part = make("article", { class: "exchange", "data-keep": keep, id: `answer-${keep / 2 + 1}` },
    make("div", { class: "question" }, make("h2", {}, text),
      make("button", { class: "quiet", "data-edit": true, "aria-label": "Edit this question and ask again", title: "Edit and ask again" }, pen)),
    make("div", { class: "reply" }, make("div", { class: "answer" }, make("span", { class: "written waiting" })),
      make("div", { class: "acts" }, make("button", { type: "button", class: "quiet", "data-stop": true }, "Stop"))));
  thread.append(part);
  return part;
}

/** The conversation has a name now: the address and the history carry it. */
function went(id) {
  if (!id || id === conversation) return;
  conversation = id;
  window.history.replaceState(null, "", `/ask/${id}`);
  const list = $("#history");
  $$('[aria-current="true"]', list).forEach((each) => each.removeAttribute("aria-current"));
  const first = $(".exchange h2").textContent;
  list.prepend(make("li", {}, make("a", { href: `/ask/${id}`, "aria-current": "true", title: first }, make("span", {}, first))));
}

/** The question becomes a field; asked again, it takes the place of what it was, and of all that came after. */
function edit(part) {
  const row = $(".question", part);
  if ($("form", row) || !$("[data-edit]", row)) return;
  const title = $("h2", row);
  const area = make("textarea", { rows: 2, "aria-label": "Your question" });
  area.value = title.textContent;
  const form = make("form", { class: "judging" }, area, make("div", { class: "row" },
    make("button", { class: "main" }, "Ask again"), make("button", { type: "button", class: "quiet" }, "Cancel")),
    make("p", { class: "said", role: "status" }));
  const back = () => { form.replaceWith(title); button.hidden = false; button.focus(); };
  const button = $("[data-edit]", row);
  button.hidden = true;
  title.replaceWith(form);
  area.focus();
  $("[type=button]", form).addEventListener("click", back);
  area.addEventListener("input", () => isTooLong(area, $(".said", form)));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") back();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text || isTooLong(area, $(".said", form))) return;
    if (busy) return say($("#next"), "An answer is being written. Ask again when it is there, or stop it.");
    const parts = $$(".exchange");
    parts.slice(parts.indexOf(part)).forEach((each) => each.remove());
    ask(text, Number(part.dataset.keep));
  });
}

/** The link to an answer, with who can open it. */
function share(part) {
  if (!conversation) return say($(".after .said", part), "This conversation is not kept, so that no link leads to it.", true);
  return put(part, `${location.origin}${location.pathname}#${part.id}`, `The link is copied. ${main.dataset.opens}`);
}

/** The answer with its sources by number, as text. */
function copy(part) {
  const pieces = $$(".claim", part).map((claim) => {
    const marks = $$(".cite", claim).map((each) => `[${each.lastChild.textContent.trim()}]`).join("");
    return `${$(".prose", claim).innerText.trim()} ${marks}`;
  });
  const body = pieces.length ? pieces : [$(".answer .prose", part)?.innerText ?? ""];
  const sources = $$(".sources .source-chip", part).map((each) => `[${$("b", each).textContent}] ${$("span", each).textContent} · ${each.href}`);
  put(part, [$(".question h2", part).textContent, "", ...body, "", ...sources].join("\n"), "Copied, with its sources.");
}

async function put(part, text, told) {
  const place = $(".after .said", part);
  try {
    await navigator.clipboard.writeText(text);
    say(place, told);
  } catch {
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy"); // where the page is not served by TLS
    area.remove();
    say(place, done ? told : text);
  }
}
