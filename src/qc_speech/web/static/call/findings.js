/* The findings with their verdicts, and the score with what changed it. */

import { byId, clock, fill, h, number, pick, signed } from "./dom.js";

const OPEN = (one) => !one.review && (one.outcome === "violation" || one.outcome === "uncertain");
const GROUPS = ["open", "violation", "uncertain", "pass", "not_applicable"];

function groupOf(one) { return OPEN(one) ? "open" : one.outcome; }

export class Findings {
  /** `actions`: choose(number), play(finding), judge(finding, outcome), why(finding), comment(finding). */
  constructor(host, data, actions) {
    Object.assign(this, { host, data, actions });
    this.chosen = null; // a number
    this.pending = new Map(); // number -> outcome that the server has not yet confirmed
    this.reasons = new Map(); // check -> lines of explanation
    this.unfolded = new Set();
    host.addEventListener("click", (event) => this.click(event));
    document.addEventListener("languagechange", () => { this.reasons.clear(); this.draw(); });
  }

  setState(state) {
    this.state = state;
    this.draw();
  }

  get all() { return this.state.findings; }

  /** In the order in which they stand on the page. */
  ordered() {
    return GROUPS.flatMap((group) => this.all.filter((one) => groupOf(one) === group)
      .sort((a, b) => (a.start === null ? -1 : a.start) - (b.start === null ? -1 : b.start)));
  }

  find(number) { return this.all.find((one) => one.number === number) || null; }

  current() { return this.find(this.chosen); }

  /** The next or the last one before, of those that a person has to look at or that cost points. */
  step(by) {
    const shown = this.ordered().filter((one) => one.outcome === "violation" || one.outcome === "uncertain" || one.review);
    const here = shown.findIndex((one) => one.number === this.chosen);
    return shown[here < 0 ? (by > 0 ? 0 : shown.length - 1) : here + by] || null;
  }

  nextOpen() {
    const open = this.ordered().filter((one) => OPEN(one) && !this.pending.has(one.number));
    return open.find((one) => one.number !== this.chosen) || null;
  }

  choose(number, focus) {
    this.chosen = number;
    this.host.querySelectorAll(".finding").forEach((card) => {
      const here = Number(card.dataset.number) === number;
      card.classList.toggle("here", here);
      if (!here) return;
      const folded = card.closest("details");
      if (folded) folded.open = true;
      card.scrollIntoView({ block: "nearest" });
      if (focus) card.focus({ preventScroll: true });
    });
  }

  draw() {
    const ordered = this.ordered();
    const parts = GROUPS.map((group) => {
      const own = ordered.filter((one) => groupOf(one) === group);
      if (!own.length && group !== "open") return null;
      const title = h("h3", { class: "g-" + group }, pick(this.data.text["group_" + group]) + " ", h("span", { class: "count" }, own.length));
      const list = own.length
        ? h("ul", { class: "cards" }, own.map((one) => this.card(one)))
        : h("p", { class: "empty" }, pick(this.data.text.all_looked));
      if (group === "open" || group === "violation") return h("section", {}, title, list);
      const details = h("details", { "data-group": group, open: this.unfolded.has(group) }, h("summary", {}, title), list);
      details.addEventListener("toggle", () => { if (details.open) this.unfolded.add(group); else this.unfolded.delete(group); });
      return details;
    });
    const focused = this.host.contains(document.activeElement);
    this.host.replaceChildren(...parts.filter(Boolean));
    if (this.chosen !== null) this.choose(this.chosen, focused);
    this.drawScore();
  }

  card(one) {
    const { names, text } = this.data, outcome = this.pending.get(one.number) || one.outcome;
    const lines = this.reasons.get(one.check);
    return h("li", { class: "finding o-" + outcome + (this.pending.has(one.number) ? " pending" : ""), "data-number": one.number, tabindex: -1, id: "f" + one.number },
      h("div", { class: "f-top" },
        h("h4", {}, pick(names.checks[one.check])),
        h("span", { class: "outcome m-" + outcome }, pick(names.outcomes[outcome])),
        one.points ? h("strong", { class: "pts" }, signed(one.points) + " " + pick(text.points)) : null),
      h("p", { class: "tags" },
        h("span", { class: "chip" }, pick(names.families[one.family])),
        h("span", { class: "chip sev-" + one.severity }, pick(names.severities[one.severity])),
        h("span", { class: "soft" }, pick(text.confidence) + " " + Math.round(one.confidence * 100) + "%"),
        one.dimension ? h("span", { class: "soft" }, pick(names.dimensions[one.dimension])) : null),
      one.quote ? h("blockquote", {}, one.speaker ? h("span", { class: "who r-" + one.speaker }, pick(names.roles[one.speaker]) + " ") : null, one.quote) : null,
      one.reason ? h("p", { class: "why", lang: "zh-CN" }, one.reason) : null,
      h("p", { class: "f-foot" },
        h("span", { class: "clause" }, h("span", { class: "soft" }, pick(text.clause) + " "), h("span", { lang: "zh-CN" }, one.clause || "—")),
        one.start === null ? h("span", { class: "soft" }, pick(text.whole_call))
          : h("button", { type: "button", class: "go", "data-do": "play", "aria-label": fill(text.play_from, clock(one.start)) }, h("span", { "aria-hidden": "true" }, "▶"), " " + clock(one.start))),
      one.review ? h("p", { class: "judged" }, this.judgedText(one)) : null,
      this.data.can.review ? this.buttons(one, outcome) : null,
      lines ? h("pre", { class: "lines", tabindex: 0, "aria-label": pick(text.why) }, lines.join("\n")) : null);
  }

  judgedText(one) {
    const { text, names } = this.data;
    const said = fill(text.judged, one.review.by, pick(names.outcomes[one.outcome]),
      one.machine === null ? pick(text.added) : pick(names.outcomes[one.machine]));
    return said + (one.review.note ? "：" + one.review.note : "");
  }

  buttons(one, outcome) {
    const { text } = this.data;
    const button = (what, key, label, on) => h("button", { type: "button", class: "plain verdict-key" + (on ? " on" : ""), "data-do": what, "aria-keyshortcuts": key, "aria-pressed": on === undefined ? null : String(Boolean(on)) },
      pick(label) + " ", h("kbd", { "aria-hidden": "true" }, key));
    const judged = Boolean(one.review) || this.pending.has(one.number);
    const main = one.machine === "uncertain" || one.machine === null
      ? [button("violation", "v", text.is_violation, judged && outcome === "violation"), button("pass", "o", text.is_fine, judged && outcome === "pass"),
        one.machine === null ? null : button("confirm", "c", text.stays_uncertain, judged && outcome === "uncertain")]
      : [button("confirm", "c", text.confirm, judged && outcome === one.machine), button("overturn", "x", text.overturn, judged && outcome !== one.machine)];
    return h("div", { class: "verdicts", role: "group", "aria-label": pick(text.verdict) }, main,
      button("comment", "k", text.comment), button("why", "w", text.why));
  }

  click(event) {
    const card = event.target.closest(".finding");
    if (!card) return;
    const one = this.find(Number(card.dataset.number));
    const asked = event.target.closest("[data-do]");
    this.actions.choose(one.number);
    if (asked) this.actions[asked.dataset.do](one);
  }

  drawScore() {
    const { data, state } = this, { text, names } = data;
    byId("total").textContent = number(state.score.total);
    byId("grade").textContent = state.score.grade;
    byId("machine-total").textContent = state.score.total === state.machine.total ? "" : fill(text.machine_total, number(state.machine.total));
    byId("critical").hidden = !state.score.critical;
    byId("review").textContent = pick(state.score.review ? text.to_review : text.no_review);
    byId("review").className = "chip " + (state.score.review ? "warn" : "ok");
    byId("reasons").replaceChildren(...state.score.reasons.map((reason) => h("li", { lang: "zh-CN" }, reason)));
    byId("reasons-box").hidden = !state.score.reasons.length;
    byId("changes").replaceChildren(...state.changes.map((change) => h("li", {},
      fill(text.change, pick(names.checks[change.check]), change.before ? pick(names.outcomes[change.before]) : pick(text.added), pick(names.outcomes[change.after]), change.by) + " ",
      h("strong", { class: change.points < 0 ? "red" : "green" }, signed(change.points)))));
    byId("changes-box").hidden = !state.changes.length;
    const rows = state.findings.filter((one) => one.points).map((one) => h("tr", {},
      h("th", { scope: "row" }, pick(names.checks[one.check])), h("td", { class: "clock" }, one.start === null ? pick(text.whole_call) : clock(one.start)),
      h("td", { class: "n" }, signed(one.points))));
    byId("sum-rows").replaceChildren(
      h("tr", {}, h("th", { scope: "row" }, pick(text.start_score)), h("td", {}), h("td", { class: "n" }, "100")), ...rows,
      state.adjust ? h("tr", {}, h("th", { scope: "row", colspan: 2 }, pick(text.adjust)), h("td", { class: "n" }, signed(state.adjust))) : "");
    byId("sum-total").textContent = number(state.score.total);
    byId("dimension-rows").replaceChildren(...state.score.dimensions.map(([name, value]) => h("tr", {},
      h("th", { scope: "row" }, pick(names.dimensions[name])), h("td", { class: "n" }, value === null ? h("span", { class: "soft" }, pick(text.not_shown)) : number(value)))));
  }
}
