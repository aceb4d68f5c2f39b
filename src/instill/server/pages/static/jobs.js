// Long work: how far it is, stopping it, and what came of it.

import { $, call, json, make, say, tell, values } from "./base.js";

const OVER = ["done", "failed", "cancelled"];
/** What is listed on the page that began it, when it is done. */
const LISTED = ["study", "compare", "curve", "train"];

class Job extends HTMLElement {
  connectedCallback() {
    this.bar = make("progress", { "aria-label": "Progress" });
    this.what = make("p", { class: "said", role: "status" }, `${this.dataset.kind}: ${this.dataset.state}`);
    this.stop = make("button", { type: "button", class: "quiet danger" }, "Stop");
    this.stop.addEventListener("click", () => this.end());
    this.said = make("pre", { tabindex: 0, role: "group", "aria-label": "What it says" });
    this.log = make("details", {}, make("summary", {}, "What it says"), this.said);
    this.log.addEventListener("toggle", () => this.listen());
    this.bar.hidden = this.stop.hidden = OVER.includes(this.dataset.state);
    this.replaceChildren(this.bar, make("div", { class: "row" }, this.what, this.stop), this.log);
    this.stream = new EventSource(`/api/jobs/${this.dataset.id}/events`);
    this.stream.addEventListener("progress", (event) => this.progress(JSON.parse(event.data)));
    this.stream.addEventListener("state", (event) => say(this.what, `${this.dataset.kind}: ${JSON.parse(event.data).state}`));
    this.stream.addEventListener("job", (event) => this.ended(JSON.parse(event.data)));
  }

  disconnectedCallback() { this.stream?.close(); }

  progress(now) {
    if (now.total) { this.bar.max = now.total; this.bar.value = now.done; }
    const far = now.total ? ` ${now.done} of ${now.total}` : "";
    say(this.what, `${this.dataset.kind}:${far} ${now.what}`.trim());
  }

  /** The log, anew every two seconds as long as it is open and the job goes on. */
  async listen() {
    while (this.log.open && this.isConnected) {
      try {
        this.said.textContent = await (await call("GET", `/api/jobs/${this.dataset.id}/log`)).text() || "Nothing yet.";
      } catch (error) { this.said.textContent = error.message; }
      if (this.over) return;
      await new Promise((resolve) => { setTimeout(resolve, 2000); });
    }
  }

  async end() {
    try { await json("DELETE", `/api/jobs/${this.dataset.id}`); } catch (error) { say(this.what, error.message, true); }
  }

  ended(job) {
    this.over = true;
    this.stream.close();
    this.bar.remove();
    this.stop.remove();
    const failed = job.state === "failed";
    const told = failed ? [job.result?.what, job.result?.remedy].filter(Boolean).join(" ") : "";
    say(this.what, `${this.dataset.kind}: ${job.state}. ${told}`, failed);
    tell(this.what.textContent);
    if (job.state === "done" && job.result) this.append(...found(job.result));
    const isNews = job.state === "done" && LISTED.includes(this.dataset.kind) && this.dataset.state !== "done";
    if (isNews) this.append(make("p", {}, make("a", { href: location.href }, "Show it on this page")));
    this.dispatchEvent(new CustomEvent("ended", { bubbles: true, detail: job }));
  }
}

/** What came of it: the sentence that says it, and the plain values by name. */
function found(result) {
  const sentence = result.verdict ?? result.said;
  const list = make("dl", { class: "facts" });
  for (const [name, value] of Object.entries(result)) {
    if (value === null || typeof value === "object" || value === sentence || name === "folder") continue;
    const number = typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value);
    const shown = typeof value === "boolean" ? (value ? "yes" : "no") : number;
    list.append(make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, shown));
  }
  if (!sentence) return [list];
  return [make("p", { class: "verdict" }, sentence), make("details", {}, make("summary", {}, "In numbers"), list)];
}

customElements.define("instill-job", Job);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-estimate]");
  if (!button) return;
  const place = $(".said", button.form) ?? $(".said", button.closest("section"));
  button.disabled = true;
  try {
    say(place, (await json("POST", button.dataset.estimate, values(button.form).arguments)).said);
  } catch (error) { say(place, error.message, true); } finally { button.disabled = false; }
});

document.addEventListener("called", (event) => {
  const job = event.detail;
  const place = event.target.dataset.then === "watch" && ($(event.target.dataset.place ?? "#jobs") ?? event.target.parentElement);
  if (place && job?.job_id) place.prepend(make("instill-job", { class: "job", "data-id": job.job_id, "data-kind": job.kind, "data-state": job.state }));
});
