// Adding documents: files, folders, addresses; and what becomes of each.

import { $, $$, Failed, call, json, make, parsed, say, tell } from "./base.js";

const MOST_FILES = 200;
const MOST_BYTES = 80 * 1024 * 1024;
const list = $("#sent");
const said = $("#said");
let left = 0;
let counts = { good: 0, bad: 0 };

if ($("#drop")) {
  for (const button of $$("[data-choose]")) button.addEventListener("click", () => $(`#${button.dataset.choose}`).click());
  for (const input of [$("#files"), $("#folder")]) {
    input.addEventListener("change", () => {
      send([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      input.value = "";
    });
  }
  let depth = 0;
  document.addEventListener("dragenter", () => { depth++; document.body.classList.add("over"); });
  document.addEventListener("dragleave", () => { if (--depth <= 0) { depth = 0; document.body.classList.remove("over"); } });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("over");
    const files = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return send(files);
    const found = [];
    for (const entry of entries) await walk(entry, found);
    send(found);
  });
  $("#address").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = $("#address input[name=url]");
    const row = waiting(field.value);
    try {
      const body = { url: field.value };
      if (labels().length) body.labels = labels();
      follow(await json("POST", "/api/documents/url", body), [row]);
      field.value = "";
    } catch (error) { failed(row, error); settle(); }
  });
}

/** The files of a dropped entry; a folder is read in portions of a hundred. */
async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
    if (file && !entry.name.startsWith(".")) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve) => { reader.readEntries(resolve, () => resolve([])); });
    if (!part.length) return;
    for (const each of part) await walk(each, found);
  }
}

const labels = () => ($("#labels")?.value ?? "").split(",").map((each) => each.trim()).filter(Boolean);

async function send(files) {
  if (!files.length) return;
  let batch = [];
  let bytes = 0;
  const batches = [];
  for (const each of files) {
    if (batch.length && (batch.length >= MOST_FILES || bytes + each.file.size > MOST_BYTES)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push({ ...each, row: waiting(each.path) });
    bytes += each.file.size;
  }
  batches.push(batch);
  for (const part of batches) {
    const form = new FormData();
    for (const each of part) { form.append("files", each.file, each.file.name); form.append("paths", each.path); }
    for (const label of labels()) form.append("labels", label);
    part.forEach((each) => state(each.row, "sending"));
    try {
      const job = await (await call("POST", "/api/documents", form)).json();
      part.forEach((each) => state(each.row, "waiting"));
      await follow(job, part.map((each) => each.row));
    } catch (error) { part.forEach((each) => failed(each.row, error)); settle(); }
  }
}

function waiting(name) {
  if (!left && list.hidden === false) list.replaceChildren();
  if (!left) counts = { good: 0, bad: 0 };
  const row = make("li", { "data-open": true }, make("span", {}, name), make("span", { class: "soft" }, "waiting"));
  list.append(row);
  list.hidden = false;
  left++;
  return row;
}

const state = (row, text) => { row.children[1].textContent = text; };

function failed(row, error) {
  const problem = error instanceof Failed ? error.problem : { what: error.message ?? error.what, remedy: error.remedy };
  end(row, "not added", "bad");
  row.append(make("span", { class: "remedy" }, [problem.what, problem.remedy].filter(Boolean).join(" ")));
}

function end(row, text, kind = "soft") {
  if (!row.hasAttribute("data-open")) return;
  row.removeAttribute("data-open");
  state(row, text);
  row.children[1].className = kind;
  left--;
  counts[kind === "bad" ? "bad" : "good"]++;
}

/** What a job tells of each file, until it ends. */
function follow(job, rows) {
  const bar = $("#progress progress");
  const paths = job.arguments?.paths ?? [];
  return new Promise((resolve) => {
    const stream = new EventSource(`/api/jobs/${job.job_id}/events`);
    $("#progress").hidden = false;
    bar.removeAttribute("value");
    stream.addEventListener("progress", (event) => {
      const now = JSON.parse(event.data);
      if (now.total) { bar.max = now.total; bar.value = now.done; }
    });
    stream.addEventListener("state", (event) => {
      if (JSON.parse(event.data).state === "running") rows.filter((row) => row.hasAttribute("data-open")).forEach((row) => state(row, "reading"));
    });
    stream.addEventListener("file", (event) => {
      const told = JSON.parse(event.data);
      const row = rows[paths.indexOf(told.source)] ?? (rows.length === 1 ? rows[0] : null);
      if (!row) return;
      if (told.result === "failed") failed(row, told);
      else end(row, { unchanged: "was there already" }[told.result] ?? told.result, "good");
    });
    stream.addEventListener("job", async (event) => {
      stream.close();
      const last = JSON.parse(event.data);
      const why = last.state === "failed" ? { message: last.result?.what, ...last.result } : { what: `It was ${last.state}.` };
      for (const row of rows) {
        if (!row.hasAttribute("data-open")) continue;
        if (last.state === "done") end(row, "done", "good");
        else failed(row, why);
      }
      await settle();
      resolve();
    });
  });
}

/** All are through: say what came of it, and show the list as it now is. */
async function settle() {
  if (left) return;
  $("#progress").hidden = true;
  const parts = [];
  if (counts.good) parts.push(`${counts.good} ${counts.good === 1 ? "is" : "are"} in.`);
  if (counts.bad) parts.push(`${counts.bad} could not be added: see why below.`);
  say(said, parts.join(" "), !counts.good);
  if (counts.good) said.append(" ", make("a", { href: "/" }, "Ask"));
  tell(said.textContent);
  const response = await call("GET", location.href, undefined, { headers: { accept: "text/html" } });
  const fresh = parsed(await response.text()).querySelector("#list");
  if (fresh) $("#list").replaceWith(fresh);
}
