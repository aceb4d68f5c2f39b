// What all pages use: calls of the API, forms that make one, questions before something is lost, and keys.

import { sayAfterLoad } from "./after_load.js";
import { keepFocus, reload } from "./focus.js";

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

export class Failed extends Error {
  constructor(problem) {
    const choices = problem.choices ?? [];
    super([problem.what, ...choices.map((each) => `• ${each}`), problem.remedy].filter(Boolean).join(choices.length ? "\n" : " "));
    this.problem = problem;
  }
}

/** What is said where a server is not there any more. */
export const SILENT = { what: "The server does not answer.", remedy: "See whether it still runs, and try again." };

/** After so long somebody wonders what goes on. */
const WAIT_MS = 400;

const token = () => $('meta[name="csrf-token"]')?.content ?? "";

/** A request to this server; what it refuses is thrown as Failed. */
export async function call(method, path, body, more = {}) {
  const { again = false, ...options } = more;
  const headers = { accept: "application/json", ...more.headers };
  if (token()) headers["x-csrf-token"] = token();
  let sent = body;
  if (body !== undefined && !(body instanceof FormData)) {
    headers["content-type"] = "application/json";
    sent = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, { ...options, method, headers, body: sent });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed(SILENT);
  }
  if (response.status === 401 || (response.redirected && new URL(response.url).pathname === "/login")) throw loggedOut();
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (response.status === 403 && told.error?.where === "x-csrf-token") {
    if (again || token() || !(await nowLoggedIn())) throw loggedInAnew();
    return call(method, path, body, { ...more, again: true });
  }
  throw new Failed({ what: `The server answered ${response.status}.`, remedy: "", ...told.error, status: response.status });
}

/** A page that was opened while no key was needed goes on with the login that this browser has since. */
export async function nowLoggedIn() {
  const me = await fetch("/api/me").then((response) => (response.ok ? response.json() : null), () => null);
  if (me?.csrf_token) $('meta[name="csrf-token"]').content = me.csrf_token;
  return Boolean(me?.csrf_token);
}

/** What is asked of a browser that is not logged in: the page stays, with a link. */
function loggedOut() {
  const problem = { what: "A key is needed now, and this page is not logged in.", remedy: "Log in, and do it again.", status: 401 };
  alerted(problem.what, "Log in", `/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return new Failed(problem);
}

function loggedInAnew() {
  const problem = { what: "This browser was logged in anew since this page was opened.", remedy: "Load the page again.", status: 403 };
  alerted(problem.what, "Load the page again", location.pathname + location.search);
  return new Failed(problem);
}

/** A message with a link that stays in sight; the same one stands there once. */
function alerted(text, link, address) {
  $(".toast.login-needed")?.remove();
  document.body.append(make("div", { class: "toast login-needed", role: "alert" }, make("p", {}, text), make("a", { class: "button", href: address }, link)));
}

export const json = async (method, path, body) => {
  const response = await call(method, path, body);
  return response.status === 204 ? null : response.json();
};

/** What is said where the server ends in the midst of an answer. */
export const BROKEN = { what: "The server ended before the answer was complete.", remedy: "See whether it still runs, and ask again." };

/** Server-sent events of a response: [name, data] one after the other. */
export async function* events(response) {
  const decoder = new TextDecoderStream();
  const reader = response.body.pipeThrough(decoder).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Failed(BROKEN);
    });
    if (done) return;
    waiting += value;
    const found = waiting.split("\n\n");
    waiting = found.pop();
    for (const each of found) {
      let name = "message";
      let data = "";
      for (const line of each.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) yield [name, JSON.parse(data)];
    }
  }
}

/** An element; text is text, never markup. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Markup that this server made (it escapes what it shows), as a fragment. */
export function parsed(markup) {
  const page = new DOMParser().parseFromString(markup, "text/html");
  const fragment = document.createDocumentFragment();
  fragment.append(...page.body.childNodes);
  return fragment;
}

/** Tell it to who does not see the page. */
export const tell = (text) => {
  const place = $("#told");
  if (place) place.textContent = text;
};

/** Say something beside what was done. */
export function say(place, text, bad = false) {
  if (!place) return;
  place.textContent = text;
  place.classList.toggle("bad", bad);
}

/** Ask before something is lost. */
export function confirmed(question, yes = "Delete") {
  return asked(make("p", {}, question), yes, true);
}

/** A dialog with what is given; resolves to whether it was agreed to. Enter in a field agrees, Escape does not. What is
 * dangerous has the focus on Cancel, where there is no field. */
export function asked(content, yes = "Save", danger = false) {
  const cancel = make("button", { type: "button", class: "quiet" }, "Cancel");
  cancel.addEventListener("click", () => cancel.closest("dialog").close("no"));
  const agree = make("button", { value: "yes", class: danger ? "danger" : "main", autofocus: !danger && !$("input, textarea", content) }, yes);
  return answered(content, [cancel, agree], $("h2", content)?.textContent ?? yes);
}

/** A dialog that tells what went wrong. */
export function told(message) {
  return answered(make("p", { class: "bad", role: "alert" }, message), [make("button", { value: "no", class: "main" }, "Close")], "What went wrong");
}

async function answered(content, buttons, name) {
  return (await chosen(content, buttons, name)) === "yes";
}

/** A dialog; resolves to the value of the button that was pressed. */
function chosen(content, buttons, name) {
  const dialog = make("dialog", { "aria-label": name });
  dialog.append(make("form", { method: "dialog" }, content, make("div", { class: "row" }, ...buttons)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue);
      dialog.remove();
    });
  });
}

/** Ask before something is lost, with what goes, what stays, and what runs now; resolves to "yes", "later", "no", or
 * "instead", where something else is offered that removes more. */
function planned(question, plan, { yes, later }, instead) {
  const list = (title, items) => items.length && make("div", {}, make("p", {}, title), make("ul", { class: "small" }, ...items.map((each) => make("li", {}, each))));
  const content = make("div", {}, make("p", {}, [question, plan.said].filter(Boolean).join(" ")));
  const parts = [
    list("Not taken out:", (plan.stays ?? []).map((each) => `${each.where}: ${each.said}`)),
    list("To train again:", plan.rebuild ?? []),
    list("These jobs run now. They stop, and begin again afterwards from what is left:", (plan.jobs ?? []).map((each) => each.title)),
  ];
  content.append(...parts.filter(Boolean));
  const cancel = make("button", { value: "no", class: "quiet", autofocus: true }, "Cancel");
  const wait = later && plan.jobs?.length ? make("button", { value: "later" }, `${yes} when they are done`) : null;
  const agree = make("button", { value: "yes", class: "danger" }, wait ? `${yes} now` : yes);
  const other = instead && make("button", { value: "instead", class: "quiet danger" }, `${$("button", instead).firstChild.textContent} instead`);
  return chosen(content, [cancel, other, wait, agree].filter(Boolean), yes);
}

/** Say what it costs before it begins. What takes a while is measured in the open dialog; Cancel ends that. Where it
 * would not begin, the dialog says why, and leaves nothing to agree to. */
async function agreedToCost(form) {
  const button = $("button", form).textContent.trim();
  const title = form.dataset.costTitle ?? `${button}: what it takes`;
  const said = make("p", { role: "status" }, form.dataset.costWaits ?? "A moment: what it takes is being worked out.");
  const bar = make("progress", { "aria-label": "Working out what it takes" });
  const agree = make("button", { value: "yes", class: "main", disabled: true }, button);
  const cancel = make("button", { value: "no", class: "quiet" }, "Cancel");
  const given = new AbortController();
  const agreed = answered(make("div", {}, make("h2", {}, title), said, bar), [cancel, agree], title);
  const measured = call("POST", form.dataset.cost, values(form).arguments, { signal: given.signal })
    .then((response) => response.json())
    .then((cost) => { say(said, cost.said, cost.passed === false); agree.disabled = cost.passed === false; })
    .catch((error) => { if (error.name !== "AbortError") say(said, reason(form, error), true); })
    .finally(() => { bar.remove(); (agree.disabled ? cancel : agree).focus(); });
  const isAgreed = await agreed;
  given.abort();
  await measured;
  return isAgreed;
}

/** The values of a form's named fields, typed as data-type says, nested where a name has a point in it. */
export function values(form) {
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    let value = field.type === "checkbox" ? field.checked : field.value;
    const type = field.dataset.type ?? "";
    if (type === "list") value = value.split(field.dataset.by ?? ",").map((each) => each.trim()).filter(Boolean);
    else if (type === "number") value = value.trim() === "" ? undefined : Number(value);
    else if (type === "maybe") value = value.trim() === "" ? undefined : value;
    if (type === "list" && field.dataset.empty === "none" && !value.length) value = null;
    if (value === undefined) continue;
    const path = field.name.split(".");
    const last = path.pop();
    let at = found;
    for (const each of path) at = at[each] ??= {};
    at[last] = value;
  }
  return found;
}

/** A text with the values of a result where it names them in braces. */
const filled = (text, result) => text.replace(/\{(\w+)\}/g, (_, name) => result?.[name] ?? "");

/** After a moment, say beside a form what it waits for; returns what ends that. */
function waiting(form) {
  const given = $(".said", form);
  const place = given ?? make("span", { class: "said", role: "status" });
  const text = form.dataset.waits ?? `${$("button", form)?.textContent.trim()}: the server is at it.`;
  const timer = setTimeout(() => {
    if (!given) form.append(place);
    say(place, text);
  }, WAIT_MS);
  return () => {
    clearTimeout(timer);
    if (!given) place.remove();
    else if (place.textContent === text) say(place, "");
  };
}

/** What would be lost, as the server tells it. */
function planOf(form) {
  const [method, path] = form.dataset.plan.split(" ");
  return json(method, path, method === "GET" ? undefined : values(form));
}

/** What a form was refused for: a value is named by the label of its field, which gets the focus. */
export function reason(form, error) {
  const wrong = [error.problem?.what, error.problem?.remedy].map((each) => /^This (?:value|setting) (.+?)(?:; see \/docs)?\.?$/.exec(each ?? "")).find(Boolean);
  const parts = (error.problem?.where ?? "").replace(/^body\.|^arguments: /, "").split(".");
  for (; wrong && parts.length; parts.pop()) {
    const name = parts.join(".");
    const field = $$("[name]", form).find((each) => [name, `arguments.${name}`].includes(each.name) && each.labels?.length);
    if (!field) continue;
    const label = [...field.labels[0].childNodes].filter((each) => each.nodeType === Node.TEXT_NODE).map((each) => each.textContent).join("").trim();
    field.focus();
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
    return `“${label}” ${wrong[1]}.`;
  }
  return error.message;
}

const refused = (place, text) => (place ? say(place, text, true) : told(text));

/** Forms of which something is asked or done now: a second click on them does nothing. */
const busy = new WeakSet();

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset?.call) return;
  event.preventDefault();
  if (busy.has(form)) return;
  busy.add(form);
  try { await carriedOut(form); } finally { busy.delete(form); }
});

/** Ask what a form has to ask, make its call, and go where it says. */
async function carriedOut(form) {
  const [method, path] = form.dataset.call.split(" ");
  const place = $(".said", form); // What is refused is said where it was tried: in the form, else in a dialog.
  say(place, "");
  let plan = {};
  if (form.dataset.plan) { // What is lost with it is asked first, and stands in the question.
    try { plan = await planOf(form); } catch (error) { return refused(place, reason(form, error)); }
  }
  if (form.dataset.cost && !(await agreedToCost(form))) return;
  const question = form.dataset.confirm?.replace("{documents}", () => (plan.names ?? []).map((each) => each.replace(/^stdin:/, "")).join(", ") || "it");
  let way = "yes";
  const instead = form.nextElementSibling?.matches("[data-instead]") ? form.nextElementSibling : null;
  if (question && form.dataset.plan) way = await planned(question, plan, form.dataset, instead);
  else if (question) way = (await confirmed(question, form.dataset.yes)) ? "yes" : "no";
  if (way === "instead") instead.requestSubmit();
  if (way !== "yes" && way !== "later") return;
  const buttons = $$("button", form);
  buttons.forEach((button) => { button.disabled = true; });
  const over = waiting(form);
  try {
    const body = method === "DELETE" ? undefined : values(form);
    const result = await (way === "later" ? json("POST", "/api/jobs", { kind: form.dataset.later, arguments: body }) : json(method, path, body));
    over();
    const [then, where] = (form.dataset.then ?? "reload").split(/:(.*)/s);
    form.dispatchEvent(new CustomEvent("called", { bubbles: true, detail: result }));
    const undo = form.dataset.undo && result?.restorable?.length ? [[...form.dataset.undo.split(" "), { documents: result.restorable }]] : [];
    if (form.dataset.done) sayAfterLoad(filled(form.dataset.done, result), undo);
    if (then === "reload") reload();
    else if (then === "go") { keepFocus({ elsewhere: true }); location.assign(filled(where, result)); }
    else if (then === "say") say(place, where);
  } catch (error) {
    over();
    buttons.forEach((button) => { button.disabled = false; });
    await refused(place, reason(form, error));
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = $("#question") ?? $('main input[type="search"]');
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

const history = $("details.history");
const narrow = matchMedia("(max-width: 50rem)");
const fold = () => { if (history) history.open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
