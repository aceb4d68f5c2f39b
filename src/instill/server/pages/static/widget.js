// A small chat for any page of a web site: a button in the corner, questions, answers with their sources, and the way
// to a person where the documents do not answer. It runs in a page of others: all that it shows is text, all its styles
// stay in its own tree, and it asks its own server only. docs/widget.md says what may be set.
(() => {
  const script = document.currentScript;
  const given = script?.dataset ?? {};
  if (!given.key) {
    console.error("Instill: the script takes data-key with a public key.");
    return;
  }
  const ADDRESS = new URL("api/ask", script.src).href;
  const KEPT = `instill-widget ${ADDRESS}`;
  const MOST_TURNS = 10;
  const NOT_HERE = "This chat is not set up for this site.";
  const said = {
    title: given.title || "Ask our documents",
    greeting: given.greeting || "Ask a question in your own words. Each answer shows the sources it stands on.",
    placeholder: given.placeholder || "Your question",
    handover: given.handoverText || "Ask a person",
  };

  function make(tag, attributes, ...children) {
    const svg = ["svg", "path"].includes(tag);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
    element.append(...children.filter((child) => child != null));
    return element;
  }
  const icon = (path) => make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, make("path", { d: path }));

  /** Where a person is reached: a page, an e-mail address or a telephone; "" for what could run something. */
  function handover(question) {
    const wanted = (given.handover ?? "").trim();
    if (!wanted) return "";
    if (/^[^\s@:/?]+@[^\s@:/?]+$/.test(wanted)) return `mailto:${wanted}?body=${encodeURIComponent(question)}`;
    if (/^\+?[\d ()/.-]{5,}$/.test(wanted)) return `tel:${wanted.replace(/[^\d+]/g, "")}`;
    return safe(wanted, ["http:", "https:", "mailto:", "tel:"]);
  }

  function safe(address, kinds) {
    try {
      const found = new URL(address, location.href);
      return kinds.includes(found.protocol) ? found.href : "";
    } catch {
      return "";
    }
  }

  /** Markdown's marks of emphasis, code, links and headings are left out; the words stay. */
  const plain = (text) => text
    .replace(/!?\[([^\]]*)\]\([^)\s]*\)/g, "$1")
    .replace(/(\*\*|__|`)(?=\S)(.+?)\1/g, "$2")
    .replace(/^#{1,6} /gm, "");

  const log = make("div", { class: "log", role: "log", "aria-label": "Conversation", tabindex: "0" });
  const field = make("textarea", { id: "field", rows: "1", maxlength: "2000", placeholder: said.placeholder, autocomplete: "off", required: "" });
  const send = make("button", { class: "send", "aria-label": "Ask" }, icon("M12 19V5M6 11l6-6 6 6"));
  const form = make("form", {}, make("label", { for: "field", class: "unseen" }, said.placeholder), field, send);
  const shut = make("button", { type: "button", class: "quiet", "aria-label": "Close" }, icon("M6 6l12 12M18 6L6 18"));
  const again = make("button", { type: "button", class: "quiet words" }, "New conversation");
  const panel = make("section", { id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" },
    make("header", {}, make("h2", { id: "title" }, said.title), again, shut), log, form);
  const launch = make("button", { type: "button", class: "launch", "aria-expanded": "false", "aria-controls": "panel" },
    icon("M4 5h16v11H10l-4 4v-4H4z"), make("span", {}, said.title));

  let turns = kept();
  let busy = false;

  function kept() {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
      return Array.isArray(found) ? found.filter((each) => each?.question && [each.answer?.claims, each.answer?.nearest].every(Array.isArray)) : [];
    } catch {
      return [];
    }
  }
  function keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(turns.slice(-MOST_TURNS)));
    } catch { /* Where nothing may be kept, a new page begins a new conversation. */ }
  }

  /** What was said, as the server reads it: with the documents that an answer cited. */
  const history = () => turns.slice(-MOST_TURNS).flatMap(({ question, answer }) => {
    const cited = answer.claims.flatMap((claim) => claim.citations);
    const names = cited.flatMap((each) => [each.title, each.headings.split(" > ").at(-1)]).filter(Boolean);
    return [
      { role: "user", text: question },
      { role: "assistant", text: answer.text, topics: [...new Set(names)], documents: [...new Set(cited.map((each) => each.doc_id))] },
    ];
  });

  /** Whether the server is there at all. A browser does not tell a page why it may not read an answer; this request has
   * no answer to read, and only says that there is one. */
  const isThere = () => fetch(script.src, { mode: "no-cors", credentials: "omit", cache: "no-store" }).then(() => true, () => false);

  async function asked(question) {
    let response;
    try {
      response = await fetch(ADDRESS, {
        method: "POST",
        mode: "cors",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        headers: { authorization: `Bearer ${given.key}`, "content-type": "application/json" },
        body: JSON.stringify({ question, history: history() }),
      });
    } catch {
      if (!(await isThere())) throw new Error("The server cannot be reached. Try again in a moment.");
      console.error(`Instill: the server is there, but it does not answer pages of ${location.origin}: this site is not among the web sites of the key, or the key was revoked. Make a key that names this site: on the page Settings, or with instill keys add NAME --role public --label public --origin ${location.origin}`);
      throw new Error(NOT_HERE);
    }
    if (response.ok) return response.json();
    const told = await response.json().catch(() => null);
    console.error("Instill:", response.status, told?.error?.what ?? "", told?.error?.where ?? "", told?.error?.remedy ?? "");
    const after = Number(response.headers.get("retry-after"));
    if (response.status === 429 || (response.status === 503 && after)) {
      const seconds = after || 10;
      throw new Error(`There are many questions at the moment. Try again in ${seconds} s.`);
    }
    if ([401, 403].includes(response.status)) throw new Error(NOT_HERE);
    throw new Error("There is no answer at the moment. Try again later.");
  }

  function shown(question, answer) {
    const claims = answer.abstained ? answer.nearest : answer.claims;
    const places = [];
    for (const each of claims.flatMap((claim) => claim.citations)) {
      if (!places.some((known) => key(known) === key(each))) places.push(each);
    }
    const parts = [];
    if (answer.abstained) parts.push(make("p", {}, answer.text), person(question));
    else if (answer.claims.length) {
      if (answer.short && answer.short.length < 120 && !begins(plain(answer.claims[0].text), plain(answer.short))) parts.push(make("p", { class: "short" }, plain(answer.short)));
      for (const claim of answer.claims) {
        const numbers = claim.citations.map((each) => places.findIndex((known) => key(known) === key(each)) + 1);
        parts.push(make("p", {}, plain(claim.text), ...numbers.map((number) => make("sup", {}, `${number}`))));
      }
    } else parts.push(make("p", {}, plain(answer.text)));
    if (places.length) {
      const list = make("ol", {}, ...places.slice(0, answer.abstained ? 3 : places.length).map(source));
      parts.push(make("p", { class: "soft" }, answer.abstained ? "What comes nearest:" : "Sources:"), list);
    }
    return parts;
  }
  /** Whether a text begins with the sentence `short`: then that is said once. */
  function begins(text, short) {
    const end = short.replace(/[.!?:\s]+$/, "");
    return text.toLowerCase().startsWith(end.toLowerCase()) && /^(\s*$|[.!?:]+(\s|$))/.test(text.slice(end.length));
  }
  const key = (each) => `${each.doc_id} ${each.start} ${each.end}`;

  function source(each) {
    const address = /^https?:/.test(each.source) ? safe(each.source, ["http:", "https:"]) : "";
    const place = each.page != null ? `, p. ${each.page}` : "";
    const link = address && make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, "Open the page");
    return make("li", {}, make("details", {}, make("summary", {}, `${each.title || each.source}${place}`),
      make("blockquote", {}, plain(each.text)), link || null));
  }

  function person(question) {
    const address = handover(question);
    if (!address) return null;
    const elsewhere = address.startsWith("http") ? { target: "_blank", rel: "noopener" } : {};
    return make("p", {}, make("a", { class: "person", href: address, ...elsewhere }, said.handover));
  }

  function add(question, ...parts) {
    const reply = make("div", { class: "reply" }, ...parts.filter(Boolean));
    log.append(make("article", {}, make("p", { class: "question" }, question), reply));
    log.scrollTop = log.scrollHeight;
    return reply;
  }

  function drawn() {
    log.replaceChildren(make("p", { class: "greeting" }, said.greeting));
    for (const { question, answer } of turns) add(question, ...shown(question, answer));
    again.hidden = !turns.length;
  }

  async function ask(question) {
    busy = true;
    const reply = add(question, make("p", { class: "soft waiting" }, "Looking through the documents"));
    try {
      const answer = await asked(question);
      const { text, short, abstained, claims, nearest } = answer;
      turns.push({ question, answer: { text, short, abstained, claims, nearest } });
      keep();
      reply.replaceChildren(...shown(question, answer).filter(Boolean));
    } catch (error) {
      reply.replaceChildren(...[make("p", { class: "bad" }, error.message), person(question)].filter(Boolean));
      field.value = field.value || question;
    } finally {
      busy = false;
      again.hidden = !turns.length;
      log.scrollTop = reply.parentElement.offsetTop - log.offsetTop - 8;
    }
  }

  function toggle(open) {
    panel.hidden = !open;
    launch.hidden = open;
    launch.setAttribute("aria-expanded", String(open));
    (open ? field : launch).focus();
    log.scrollTop = log.scrollHeight;
  }

  launch.addEventListener("click", () => toggle(true));
  shut.addEventListener("click", () => toggle(false));
  again.addEventListener("click", () => { if (!busy) { turns = []; keep(); drawn(); field.focus(); } });
  panel.addEventListener("keydown", (event) => {
    event.stopPropagation(); // The page's own shortcuts are not meant.
    if (event.key === "Escape") toggle(false);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = field.value.trim();
    if (!question || busy) return;
    field.value = "";
    ask(question);
  });

  const STYLE = `
    :host { all: initial; color-scheme: inherit; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
      --paper: light-dark(#ffffff, #1f1f1d); --ink: light-dark(#23211d, #e9e6df); --soft: light-dark(#5f5a52, #aaa59b);
      --line: light-dark(#dcd7cd, #3a3936); --wash: light-dark(#f3f1ec, #2a2a27); --bad: light-dark(#a3341f, #f0937f);
      --main: var(--instill-accent, light-dark(#0d6b63, #6cc7bb)); --main-ink: var(--instill-accent-ink, light-dark(#fff, #0c1f1d)); }
    *, *::before, *::after { box-sizing: border-box; }
    [hidden] { display: none !important; }
    button, textarea { font: inherit; color: inherit; }
    button { cursor: pointer; border: 0; background: none; display: inline-flex; align-items: center; justify-content: center; }
    svg { width: 1.25em; height: 1.25em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    :focus-visible { outline: 2px solid var(--main); outline-offset: 2px; }
    .launch { position: fixed; right: 1em; bottom: 1em; z-index: 2147483000; gap: .5em; max-width: calc(100vw - 2em); padding: .7em 1.1em; border-radius: 99px;
      background: var(--main); color: var(--main-ink); font-weight: 600; box-shadow: 0 4px 20px rgb(0 0 0 / .22); }
    #panel { position: fixed; right: 1em; bottom: 1em; z-index: 2147483000; display: flex; flex-direction: column; width: min(25em, calc(100vw - 2em));
      height: min(38em, calc(100vh - 2em)); background: var(--paper); color: var(--ink); border: 1px solid var(--line); border-radius: 16px;
      box-shadow: 0 16px 60px rgb(0 0 0 / .25); overflow: hidden; overflow-wrap: anywhere; }
    header { display: flex; align-items: center; gap: .3em; padding: .6em .6em .6em 1.1em; border-bottom: 1px solid var(--line); }
    h2 { flex: 1; margin: 0; font-size: 1em; font-weight: 600; }
    .quiet { min-width: 2.2em; min-height: 2.2em; border-radius: 8px; color: var(--soft); }
    .quiet:hover { background: var(--wash); color: var(--ink); }
    .words { font-size: .82em; padding: 0 .6em; }
    .log { flex: 1; overflow-y: auto; padding: 1em 1.1em; }
    .log p { margin: 0 0 .6em; white-space: pre-wrap; }
    .greeting, .soft { color: var(--soft); font-size: .92em; }
    article + article { margin-top: 1.4em; }
    .log .question { width: fit-content; max-width: 88%; margin-left: auto; padding: .45em .85em; border-radius: 14px 14px 4px 14px; background: var(--wash); }
    .short { font-size: 1.2em; line-height: 1.35; font-weight: 600; }
    sup { font-size: .7em; font-weight: 600; color: var(--main); margin-left: .25em; line-height: 0; }
    ol { margin: 0; padding-left: 1.4em; font-size: .9em; }
    li { margin-bottom: .25em; }
    summary { cursor: pointer; }
    blockquote { margin: .4em 0; padding-left: .8em; border-left: 2px solid var(--main); color: var(--soft); white-space: pre-wrap; max-height: 14em; overflow-y: auto; }
    a { color: var(--main); }
    .person { display: inline-block; padding: .4em 1em; border-radius: 99px; background: var(--main); color: var(--main-ink); font-weight: 600; text-decoration: none; }
    .bad { color: var(--bad); }
    .waiting::after { content: "…"; animation: fade 1.2s ease-in-out infinite alternate; }
    @keyframes fade { from { opacity: .2; } }
    @media (prefers-reduced-motion: reduce) { .waiting::after { animation: none; } }
    form { display: flex; align-items: flex-end; gap: .4em; margin: 0; padding: .6em; border-top: 1px solid var(--line); }
    textarea { flex: 1; min-width: 0; resize: none; field-sizing: content; min-height: 2.5em; max-height: 8em; padding: .45em .7em; border: 1px solid var(--line); border-radius: 12px;
      background: var(--paper); }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    .send { width: 2.5em; height: 2.5em; border-radius: 12px; background: var(--main); color: var(--main-ink); }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media (max-width: 30em) { #panel { inset: 0; width: auto; height: auto; border: 0; border-radius: 0; } }
    @media print { :host { display: none; } }`;

  const root = document.createElement("instill-widget");
  const tree = root.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // Not a style element: the page's own policy may forbid those.
  sheet.replaceSync(STYLE);
  tree.adoptedStyleSheets = [sheet];
  tree.append(launch, panel);
  drawn();
  const begin = () => document.body.append(root);
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
