// Long work: how far it is, stopping it, and what came of it.

import { $, $$, call, json, make, parsed, reason, say, tell, values } from "./base.js";
import "./fresh_sections.js";

const OVER = ["done", "failed", "cancelled"];
const LOOK_MS = 2000;
const pause = () => new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });

/** The jobs that an element tells of: those of one upload are shown as one. */
export const idsOf = (element) => (element.dataset.ids ?? element.dataset.id).split(" ");

class Job extends HTMLElement {
  connectedCallback() {
    const { title, state, when } = this.dataset;
    this.bar = make("progress", { "aria-label": `Progress: ${title}` });
    this.what = make("p", { class: "said", role: "status" }, `${title}: ${state}`);
    this.stop = make("button", { type: "button", class: "quiet danger" }, "Stop", make("span", { class: "unseen" }, ` ${title}`));
    this.stop.addEventListener("click", () => this.end());
    this.said = make("pre", { tabindex: 0, role: "group", "aria-label": "What it says" });
    this.log = make("details", {}, make("summary", {}, "What it says"), this.said);
    this.log.addEventListener("toggle", () => this.listen());
    const problems = $$("li", this).map((each) => each.textContent);
    this.replaceChildren(this.bar, make("div", { class: "row" }, this.what, this.stop), this.log);
    this.over = OVER.includes(state);
    if (!this.over) return this.watch();
    const { said, page, link, again } = this.dataset;
    this.close(state, { said, page, link, problems, again: again !== undefined });
    this.what.append(make("span", { class: "soft" }, ` ${when}`));
  }

  disconnectedCallback() { this.stream?.close(); }

  /** Wait until it is begun, then hear what it tells. What waits has no connection of its own: a browser has six for a server. */
  async watch() {
    for (;;) {
      const job = await json("GET", `/api/jobs/${this.dataset.id}`).catch((error) => say(this.what, `${this.dataset.title}: ${error.message}`, true));
      if (!this.isConnected) return;
      if (job?.state === "waiting") say(this.what, `${this.dataset.title}: waiting`);
      if (job && OVER.includes(job.state)) return this.ended(job);
      if (job?.state === "running") break;
      await pause();
    }
    say(this.what, `${this.dataset.title}: running`);
    this.stream = new EventSource(`/api/jobs/${this.dataset.id}/events`);
    this.stream.addEventListener("progress", (event) => this.progress(JSON.parse(event.data)));
    this.stream.addEventListener("open", () => { if (this.what.classList.contains("bad")) say(this.what, `${this.dataset.title}: running`); });
    this.stream.addEventListener("error", () => this.lost());
    this.stream.addEventListener("job", (event) => this.ended(JSON.parse(event.data)));
  }

  /** The stream is broken: a call says why, where it is more than a moment. */
  async lost() {
    if (this.over) return;
    try { await call("GET", `/api/jobs/${this.dataset.id}`); } catch (error) { if (!this.over) say(this.what, `${this.dataset.title}: ${error.message}`, true); }
  }

  progress(now) {
    if (now.total) { this.bar.max = now.total; this.bar.value = now.done; }
    const far = now.total ? ` ${now.done} of ${now.total}` : "";
    say(this.what, `${this.dataset.title}:${far} ${now.what}`.trim());
  }

  /** The log, anew every two seconds as long as it is open and the job goes on. */
  async listen() {
    while (this.log.open && this.isConnected) {
      try {
        this.said.textContent = await (await call("GET", `/api/jobs/${this.dataset.id}/log`)).text() || "Nothing yet.";
      } catch (error) { this.said.textContent = error.message; }
      if (this.over) return;
      await pause();
    }
  }

  async end() {
    try { await json("DELETE", `/api/jobs/${this.dataset.id}`); } catch (error) { say(this.what, error.message, true); }
  }

  ended(job) {
    this.over = true;
    this.stream?.close();
    this.close(job.state, job.outcome);
    tell(`${this.dataset.title}: ${job.state}. ${job.outcome.said}`);
    this.dispatchEvent(new CustomEvent("ended", { bubbles: true, detail: job }));
  }

  /** What came of it, in words, and the page that shows it. */
  close(state, outcome) {
    this.bar.remove();
    this.stop.remove();
    say(this.what, `${this.dataset.title}: ${state}.`, state === "failed");
    const isPartly = state !== "failed" && outcome.problems.length > 0;
    if (outcome.said) this.log.before(make("p", { class: `verdict${state === "failed" ? " bad" : ""}` }, outcome.said));
    if (outcome.problems.length) {
      const list = make("ul", { class: "problems", tabindex: 0, "aria-label": "What could not be added" });
      list.append(...outcome.problems.map((each) => make("li", {}, each)));
      this.log.before(list);
    }
    if (outcome.page) this.log.before(make("p", {}, make("a", { href: outcome.page }, outcome.link)));
    if ((state === "failed" || isPartly) && this.closest("#jobs[data-acts]")) this.stay(outcome.again, isPartly ? "partly" : "failure");
  }

  /** What can be done about a failure, or about what was left out: it stays in sight until it is done again or dismissed. */
  stay(again, kind) {
    const { id, title } = this.dataset;
    const button = (text, act) => {
      const made = make("button", { type: "button", class: "quiet" }, text, make("span", { class: "unseen" }, ` ${title}`));
      made.addEventListener("click", () => act().catch((error) => say(this.what, error.message, true)));
      return made;
    };
    const begin = async () => this.replaceWith(shown(await json("POST", `/api/jobs/${id}/again`)));
    const dismiss = async () => {
      for (const each of idsOf(this)) await json("POST", `/api/jobs/${each}/dismiss`);
      const old = this.closest("details.old");
      this.remove();
      if (old && !$("instill-job", old)) old.remove();
    };
    this.classList.add(kind);
    this.append(make("p", { class: "acts" }, again ? button("Try again", begin) : null, button("Dismiss", dismiss)));
  }
}

customElements.define("instill-job", Job);

/** The jobs of one upload, of which each reads a portion: how far all of them are. Once they have ended, what came of
 * them. */
class Upload extends HTMLElement {
  connectedCallback() {
    const { title } = this.dataset;
    this.ids = this.dataset.ids.split(" ");
    this.sizes = this.dataset.sizes.split(" ").map(Number);
    this.bar = make("progress", { "aria-label": `Progress: ${title}`, max: this.sizes.reduce((sum, each) => sum + each, 0) });
    this.what = make("p", { class: "said", role: "status" }, `${title}: waiting`);
    this.stop = make("button", { type: "button", class: "quiet danger" }, "Stop", make("span", { class: "unseen" }, ` ${title}`));
    this.stop.addEventListener("click", () => this.end());
    this.replaceChildren(this.bar, make("div", { class: "row" }, this.what, this.stop));
    this.watch();
  }

  /** They are done one after the other: the first that has not ended is asked for. */
  async watch() {
    const { title } = this.dataset;
    let before = 0; // documents of the jobs that have ended
    for (let at = 0; at < this.ids.length;) {
      const job = await json("GET", `/api/jobs/${this.ids[at]}`).catch((error) => say(this.what, `${title}: ${error.message}`, true));
      if (!this.isConnected) return;
      if (job && OVER.includes(job.state)) { before += this.sizes[at++]; continue; }
      if (job) {
        this.bar.value = before + job.progress.done;
        say(this.what, `${title}: ${this.bar.value.toLocaleString("en")} of ${this.bar.max.toLocaleString("en")} read`);
      }
      await pause();
    }
    await this.over();
  }

  async end() {
    this.stop.disabled = true;
    for (const id of [...this.ids].reverse()) {
      try { await json("DELETE", `/api/jobs/${id}`); } catch (error) { return say(this.what, error.message, true); }
    }
  }

  /** The page as it now is tells of these jobs together. */
  async over() {
    const response = await call("GET", location.href, undefined, { headers: { accept: "text/html" } }).catch(() => null);
    const ended = response ? $$("instill-job", parsed(await response.text())).filter((each) => idsOf(each).some((id) => this.ids.includes(id))) : [];
    tell(`${this.dataset.title}: ended.`);
    document.dispatchEvent(new CustomEvent("ended"));
    this.replaceWith(...ended);
  }
}

customElements.define("instill-upload", Upload);

/** The element of a job that was just begun. */
function shown(job) {
  return make("instill-job", { class: "job", "data-id": job.job_id, "data-title": job.title, "data-state": job.state });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-estimate]");
  if (!button) return;
  const place = $(".said", button.form) ?? $(".said", button.closest("section"));
  if (!button.form.reportValidity()) return;
  button.disabled = true;
  try {
    say(place, (await json("POST", button.dataset.estimate, values(button.form).arguments)).said);
  } catch (error) { say(place, reason(button.form, error), true); } finally { button.disabled = false; }
});

document.addEventListener("called", (event) => {
  const job = event.detail;
  const place = event.target.dataset.then === "watch" && $("#jobs");
  if (!place || !job?.job_id) return;
  const begun = shown(job);
  place.append(begun);
  begun.scrollIntoView({ block: "nearest" });
});
