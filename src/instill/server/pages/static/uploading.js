// Files and addresses go to the server, one portion after the other; what becomes of each is shown in a list.
//
// A portion is sent as soon as the one before it has arrived: the server reads them in its own time. Once all are sent,
// the page may be left. What the server does not take, because it is not there, is held here and can be sent again.

import { $, $$, Failed, SILENT, call, json, make, parsed, say } from "./base.js";

const MOST_FILES = 200;
const MOST_BYTES = 80 * 1024 * 1024;
/** Parts of a page that tell of the documents: fetched anew when all files are through. */
const TELLING = ["#list", "#empty", "#unread"];
const UNKNOWN = { what: "The server tells no more of it.", remedy: "See the list of documents." };
const list = $("#sent");
const said = $("#said");
/** Of `all`: `sent` is what the server has, `refused` what it did not want; `good` and `bad` is what came of both. */
let counts = { all: 0, sent: 0, refused: 0, good: 0, bad: 0 };
let notSent = []; // what is said of files of a drop that are left out
let unsent = []; // portions that the server was not there for
let reading = 0; // documents of the job that goes on, read but not yet in the index
let sending = Promise.resolve();
let following = Promise.resolve();
let followed = []; // jobs of what stands in the list, each with its rows

const isThrough = () => counts.good + counts.bad === counts.all;
const labels = () => ($("#labels")?.value ?? "").split(",").map((each) => each.trim()).filter(Boolean);
const state = (row, text) => { row.children[1].textContent = text; };

window.addEventListener("beforeunload", (event) => { if (counts.sent + counts.refused < counts.all) event.preventDefault(); });
$("#send-rest button")?.addEventListener("click", () => {
  $("#send-rest").hidden = true;
  say(said, "");
  for (const { portion, marks } of unsent.splice(0)) {
    portion.forEach(({ row }) => { state(row, "not sent yet"); row.children[1].className = "soft"; });
    sending = sending.then(() => upload(portion, marks));
  }
});
/** Show the whole list, also where only what failed was shown. */
function showAll() {
  list.classList.remove("failed-only");
  $("#only-failed button").setAttribute("aria-pressed", "false");
}

$("#only-failed button")?.addEventListener("click", (event) => {
  const isOn = list.classList.toggle("failed-only");
  event.target.setAttribute("aria-pressed", String(isOn));
});

$("#dismiss-failed button")?.addEventListener("click", async () => {
  try {
    for (const { id } of followed) await json("POST", `/api/jobs/${id}/dismiss`);
    begun();
    list.hidden = true;
  } catch (error) { say(said, error.message, true); }
});

/** Upload files.
 * @param files {file, path}: the path has the folders that were chosen or dropped.
 * @param leftOut what is said of files that are not sent. */
export function send(files, leftOut = "") {
  const marks = labels();
  for (const portion of portions(files.map((each) => ({ ...each, row: added(each.path) })))) {
    sending = sending.then(() => upload(portion, marks));
  }
  if (leftOut) notSent.push(leftOut); // once the rows stand there: the first of them begins the list anew
  far();
}

/** Have the server fetch a page; whether it will. */
export async function addAddress(url) {
  const row = added(url);
  const body = { url };
  if (labels().length) body.labels = labels();
  try {
    const job = await json("POST", "/api/documents/url", body);
    counts.sent++;
    watch(job, [row]);
    return true;
  } catch (error) {
    counts.refused++;
    failed(row, error);
    settle();
    return false;
  }
}

function portions(files) {
  const found = [];
  let bytes = 0;
  for (const each of files) {
    if (!found.length || found.at(-1).length >= MOST_FILES || bytes + each.file.size > MOST_BYTES) {
      found.push([]);
      bytes = 0;
    }
    found.at(-1).push(each);
    bytes += each.file.size;
  }
  return found;
}

async function upload(portion, marks) {
  const rows = portion.map((each) => each.row);
  const form = new FormData();
  for (const each of portion) { form.append("files", each.file, each.file.name); form.append("paths", each.path); }
  for (const label of marks) form.append("labels", label);
  rows.forEach((row) => state(row, "sending"));
  try {
    const job = await (await call("POST", "/api/documents", form)).json();
    rows.forEach((row) => state(row, "sent, waits to be read"));
    counts.sent += rows.length;
    watch(job, rows);
  } catch (error) {
    if (error.problem?.what === SILENT.what) return lost(portion, marks);
    counts.refused += rows.length;
    rows.forEach((row) => failed(row, error));
  }
  if (counts.sent + counts.refused === counts.all && !isThrough()) say(said, "All are sent. You may leave this page: they are read all the same.");
  far();
  settle();
}

/** The server was not there for a portion: it is held, and what the server has is told apart from it. */
function lost(portion, marks) {
  unsent.push({ portion, marks });
  portion.forEach(({ row }) => { state(row, "not sent"); row.children[1].className = "bad"; });
  $("#send-rest").hidden = false;
  far();
  silent();
}

/** Say that the server is not there, what it has, and what it has not. */
function silent() {
  const number = (count) => count.toLocaleString("en");
  const parts = ["The server does not answer."];
  if (counts.sent > counts.good + counts.bad - counts.refused) parts.push(`It has ${number(counts.sent)} of ${number(counts.all)} files, and reads them when it runs again.`);
  const held = unsent.reduce((sum, { portion }) => sum + portion.length, 0);
  if (held) parts.push(`${number(held)} were not sent: keep this page open, and send them when it runs.`);
  say(said, parts.join(" "), true);
}

/** The list begins anew: nothing stands in it. */
function begun() {
  list.replaceChildren();
  showAll();
  $("#only-failed").hidden = $("#dismiss-failed").hidden = true;
  counts = { all: 0, sent: 0, refused: 0, good: 0, bad: 0 };
  followed = [];
  notSent = [];
  say(said, "");
}

/** A row of the list for something that is added; the list begins anew when all before were through. */
function added(name) {
  if (isThrough()) begun();
  const row = make("li", { "data-open": true }, make("span", {}, name), make("span", { class: "soft" }, "not sent yet"));
  list.append(row);
  list.hidden = $("#progress").hidden = false;
  counts.all++;
  return row;
}

/** How far all of it is: each is sent, and then read. */
function far() {
  const bar = $("#progress progress");
  bar.max = 2 * counts.all;
  const read = counts.good + counts.bad - counts.refused + Math.max(0, reading);
  bar.value = counts.sent + read + 2 * counts.refused;
  $("#progress span").textContent = `${counts.sent} of ${counts.all} sent, ${read} read${counts.refused ? `, ${counts.refused} refused` : ""}`;
}

function failed(row, error) {
  if (!row.hasAttribute("data-open")) return;
  const problem = error instanceof Failed ? error.problem : { what: error.message ?? error.what, remedy: error.remedy };
  end(row, "not added", "bad");
  row.classList.add("failed");
  row.append(make("span", { class: "remedy" }, [problem.what, problem.remedy].filter(Boolean).join(" ")));
  const before = list.querySelectorAll(".failed").length - 1;
  list.insertBefore(row, list.children[before]);
}

function end(row, text, kind = "soft") {
  if (!row.hasAttribute("data-open")) return;
  row.removeAttribute("data-open");
  state(row, text);
  row.children[1].className = kind;
  counts[kind === "bad" ? "bad" : "good"]++;
  if (reading > 0) reading--;
  far();
}

/** What was forgotten is not added; an admin can allow it again. */
function wasForgotten(row, told) {
  const who = $("[data-allows]") ? "" : "An admin can allow it again.";
  failed(row, { what: "It was forgotten, and its uploaded copy is deleted.", remedy: who });
  state(row, "not added: it was forgotten");
  if (who) return;
  const allow = make("button", { type: "button", class: "quiet" }, "Allow it again");
  allow.addEventListener("click", async () => {
    allow.disabled = true;
    try {
      await json("POST", "/api/forget/allow", { reference: told.remedy });
      $(".remedy", row).textContent = "It is allowed again: add it once more.";
    } catch (error) {
      $(".remedy", row).textContent = error.message;
    }
  });
  $(".remedy", row).append(" ", allow);
}

/** What takes the place of an earlier document says so, and gives its place back. */
function replaced(row, told) {
  const name = row.children[0].textContent;
  end(row, `replaces the earlier ${name}`, "bold");
  row.classList.add("replaced");
  const undo = make("button", { type: "button", class: "quiet" }, "Undo");
  undo.addEventListener("click", async () => {
    undo.disabled = true;
    try {
      await json("POST", "/api/documents/restore", { documents: [told.replaced] });
      state(row, `the earlier ${name} is back; the newer one can be brought back below`);
      undo.remove();
      await freshTelling();
    } catch (error) {
      say(said, error.message, true);
    }
  });
  row.append(undo);
}

/** Jobs are done one after the other, and are watched so: a browser has few connections to one server. */
function watch(job, rows) {
  followed.push({ id: job.job_id, rows });
  following = following.then(() => follow(job, rows)).then(settle);
}

/** What a job tells of each file, until it ends. */
function follow(job, rows) {
  const paths = job.arguments?.paths ?? [];
  let isLost = false;
  const over = (resolve) => { reading = 0; resolve(); };
  return new Promise((resolve) => {
    const stream = new EventSource(`/api/jobs/${job.job_id}/events`);
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) {
        for (const row of rows) failed(row, UNKNOWN);
        over(resolve);
      } else {
        isLost = true;
        silent();
      }
    });
    stream.addEventListener("open", () => {
      if (isLost) say(said, unsent.length ? "The server answers again. Some files are not sent yet." : "The server answers again.");
      isLost = false;
    });
    stream.addEventListener("progress", (event) => { // Documents are read one by one, and go into the index in batches.
      reading = Math.min(JSON.parse(event.data).done, rows.length) - rows.filter((row) => !row.hasAttribute("data-open")).length;
      far();
    });
    stream.addEventListener("state", (event) => {
      if (JSON.parse(event.data).state === "running") rows.filter((row) => row.hasAttribute("data-open")).forEach((row) => state(row, "reading"));
    });
    stream.addEventListener("file", (event) => {
      const told = JSON.parse(event.data);
      const row = rows[paths.indexOf(told.source)] ?? (rows.length === 1 ? rows[0] : null);
      if (!row) return;
      if (told.result === "failed") failed(row, told);
      else if (told.result === "forgotten") wasForgotten(row, told);
      else if (told.replaced) replaced(row, told);
      else end(row, { unchanged: "was there already" }[told.result] ?? told.result);
    });
    stream.addEventListener("job", (event) => {
      stream.close();
      const last = JSON.parse(event.data);
      const why = last.state === "failed" ? last.result : { what: `It was ${last.state}.` };
      for (const row of rows) {
        if (last.state === "done") end(row, "done");
        else failed(row, why);
      }
      over(resolve);
    });
  });
}

/** Show the documents as they now are. */
async function freshTelling() {
  const response = await call("GET", location.href, undefined, { headers: { accept: "text/html" } }).catch(() => null);
  const fresh = response && parsed(await response.text());
  for (const part of TELLING) {
    const place = $(part);
    const now = fresh?.querySelector(part);
    if (place && now) place.replaceWith(now);
  }
}

/** All are through: say what came of it, and show the documents as they now are. */
async function settle() {
  if (!counts.all || !isThrough()) return;
  $("#progress").hidden = true;
  if ($("#question") && !counts.bad && !$(".replaced", list)) list.hidden = true; // nothing is left to be read in it, and one asks here
  await freshTelling();
  if (!isThrough()) return; // more was added meanwhile
  once();
  outcome();
}

/** What could not be added is told once: with its job, where that can be tried again or tells of files besides those of
 * the list; else in the list. */
function once() {
  for (const job of $$("#jobs instill-job")) {
    const ids = job.dataset.ids.split(" ");
    const mine = followed.filter(({ id }) => ids.includes(id));
    if (!mine.length) continue;
    if (mine.length === ids.length && !job.hasAttribute("data-again")) job.remove();
    else mine.flatMap(({ rows }) => rows).filter((row) => row.matches(".failed")).forEach((row) => row.remove());
  }
}

/** Say what came of all, and offer what can be done with the list. */
function outcome() {
  const failing = $$(".failed", list).length;
  const where = failing === counts.bad ? `the list begins with ${failing === 1 ? "it" : "them"} and says why` : "below it is said why";
  const parts = [];
  const over = $$(".replaced", list).length;
  if (counts.good) parts.push(`${counts.good} ${counts.good === 1 ? "is" : "are"} in.`);
  if (over) parts.push(`${over} ${over === 1 ? "replaces an earlier document" : "replace earlier documents"}, which can be brought back.`);
  if (counts.bad && (counts.good || failing)) parts.push(`${counts.bad} could not be added: ${where}.`);
  parts.push(...notSent);
  say(said, parts.join(" "), !counts.good);
  if (counts.good && !$("#question")) said.append(" ", make("a", { href: "/" }, "Ask"));
  list.hidden ||= !list.children.length;
  $("#dismiss-failed").hidden = !failing;
  $("#only-failed").hidden = !failing || failing === list.children.length;
  if ($("#only-failed").hidden) showAll();
}
