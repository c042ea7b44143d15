/* What was said: a line per utterance. The text of all lines is there at once; the words become
   elements of their own only near the window, so that an hour's call opens as fast as a minute's. */

import { clock, fill, h, pick, placeAt } from "./dom.js";

const LONG_SILENCE = 4000;

export class Transcript {
  /** `actions`: seek(ms), choose(number of a finding). */
  constructor(list, data, actions) {
    Object.assign(this, { list, data, actions });
    this.lines = []; // in order of time: {index, start, end, role, speaker, text, words, element}
    this.lit = [];
    this.chosen = null; // the line that keys act on
    this.following = true;
    this.notes = [];
    this.findings = [];
    this.near = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) this.unfold(this.lines[Number(entry.target.dataset.n)]);
      }
    }, { root: null, rootMargin: "400px" });
    list.addEventListener("click", (event) => this.click(event));
    document.addEventListener("languagechange", () => this.build());
  }

  /** `rows`: [index, start, end, role, speaker, confidence, language, text, [start, end, length, low ...]]. */
  load(rows) {
    this.lines = rows.map(([index, start, end, role, speaker, confidence, language, text, flat]) => {
      const words = [];
      for (let n = 0, at = 0; n < flat.length; n += 4) {
        words.push({ start: flat[n], end: flat[n + 1], text: text.slice(at, at + flat[n + 2]), low: flat[n + 3] === 1 });
        at += flat[n + 2];
      }
      return { index, start, end, role, speaker, confidence, language, text, words };
    });
    this.starts = this.lines.flatMap((line) => line.words.map((word) => word.start)).sort((a, b) => a - b);
    this.build();
  }

  build() {
    this.near.disconnect();
    const quiet = this.data.silences.filter(([start, end]) => end - start >= LONG_SILENCE);
    const parts = [...this.lines.map((line, n) => [line.start, this.line(line, n)]),
      ...quiet.map((silence) => [silence[0], this.quiet(silence)])].sort((a, b) => a[0] - b[0]);
    this.list.replaceChildren(...parts.map((part) => part[1]));
    this.lit = [];
    this.lines.forEach((line) => this.near.observe(line.element));
    this.decorate();
    this.choose(this.chosen);
  }

  line(line, n) {
    const low = line.confidence < 0.6;
    line.name = h("span", { class: "who" });
    line.marks = h("p", { class: "marks", hidden: true });
    line.text_ = h("p", { class: "words", lang: line.language === "zh" ? null : line.language });
    line.own = h("p", { class: "machine-text soft", hidden: true });
    line.element = h("li", { class: "turn" + (low ? " low" : ""), "data-n": n },
      h("div", { class: "t-head" }, line.name,
        h("button", { type: "button", class: "go", "data-seek": line.start, tabindex: -1, "aria-label": fill(this.data.text.play_from, clock(line.start)) },
          h("span", { "aria-hidden": "true" }, "▶"), " " + clock(line.start)),
        line.language !== "zh" && h("span", { class: "chip" }, line.language),
        low && h("span", { class: "soft" }, fill(this.data.text.heard, Math.round(line.confidence * 100)))),
      line.text_, line.own, line.marks);
    line.unfolded = false;
    line.text_.textContent = line.text;
    return line.element;
  }

  quiet([start, end, cause]) {
    const why = this.data.names.causes[cause];
    return h("li", { class: "quiet" }, fill(this.data.text.silence, ((end - start) / 1000).toFixed(1)) + (why ? " · " + pick(why) : ""));
  }

  unfold(line) {
    if (line.unfolded || line.corrected) return;
    line.unfolded = true;
    line.text_.replaceChildren(...line.words.map((word, n) => {
      word.element = h("span", { class: word.low ? "w low" : "w", "data-w": n }, word.text);
      return word.element;
    }));
  }

  click(event) {
    const element = event.target.closest(".turn");
    const mark = event.target.closest("[data-finding]");
    if (!element) return;
    const line = this.lines[Number(element.dataset.n)];
    this.choose(line);
    if (mark) { this.actions.choose(Number(mark.dataset.finding)); return; }
    if (event.target.closest("button, textarea, a") && !event.target.closest("[data-seek]")) return;
    const word = event.target.closest(".w");
    if (word && String(getSelection())) return; // a text is being marked to copy it
    if (word) this.actions.seek(line.words[Number(word.dataset.w)].start);
    else if (event.target.closest("[data-seek], .words")) this.actions.seek(line.start);
  }

  choose(line) {
    this.lines.forEach((other) => other.element.classList.toggle("chosen", other === line));
    this.chosen = line || null;
  }

  /** The line at a moment: the one that holds it, else the last that began before it. */
  at(ms) {
    const last = placeAt(this.lines, ms, (line) => line.start);
    for (let n = last; n >= 0 && n > last - 6; n--) {
      if (ms < this.lines[n].end) return this.lines[n];
    }
    return this.lines[Math.max(last, 0)] || null;
  }

  /** The line that keys act on: the one that was clicked, else the one that plays. */
  current(ms) { return this.chosen || this.at(ms); }

  /** Marks what is said now; scrolls the transcript, never the page. */
  show(ms) {
    this.lit.forEach((element) => element.classList.remove("now"));
    this.lit = [];
    let last = null;
    const place = placeAt(this.lines, ms, (line) => line.start);
    for (let n = place; n >= 0 && n > place - 6; n--) {
      const line = this.lines[n];
      if (ms >= line.end) continue;
      last = last || line.element;
      this.unfold(line);
      this.lit.push(line.element);
      for (const word of line.words) {
        if (word.element && ms >= word.start && ms < word.end) this.lit.push(word.element);
      }
    }
    this.lit.forEach((element) => element.classList.add("now"));
    if (last && this.following) this.reveal(last);
  }

  reveal(element) {
    const box = this.list.getBoundingClientRect(), own = element.getBoundingClientRect();
    if (own.top < box.top || own.bottom > box.bottom) {
      this.list.scrollTop += own.top - box.top - box.height / 3;
    }
  }

  nextWord(ms, by) {
    const place = placeAt(this.starts, by > 0 ? ms + 20 : ms - 250, (start) => start);
    return by > 0 ? this.starts[place + 1] : this.starts[place];
  }

  setState(findings, notes) {
    this.findings = findings;
    this.notes = notes;
    this.decorate();
  }

  /** Who a line's speaker is by people's word, else the machine's. */
  roleOf(line) {
    const own = this.notes.filter((note) => note.kind === "role" && note.start === line.start && note.end === line.end);
    const whole = this.notes.filter((note) => note.kind === "speaker" && note.speaker === line.speaker);
    const said = own[own.length - 1] || whole[whole.length - 1];
    return said ? said.value : line.role;
  }

  decorate() {
    for (const line of this.lines) {
      const role = this.roleOf(line);
      line.element.classList.remove("r-agent", "r-customer", "r-other", "r-unknown");
      line.element.classList.add("r-" + role);
      line.name.className = "who r-" + role;
      line.name.textContent = pick(this.data.names.roles[role]) + (role === line.role ? "" : " " + pick(this.data.text.by_people));
      this.setText(line);
      this.setMarks(line);
    }
  }

  setText(line) {
    const texts = this.notes.filter((note) => note.kind === "text" && note.start === line.start && note.end === line.end);
    const note = texts[texts.length - 1];
    const corrected = note ? note.value : undefined;
    if (corrected === line.corrected) return;
    line.corrected = corrected;
    line.unfolded = false;
    line.words.forEach((word) => { word.element = null; });
    line.text_.textContent = corrected === undefined ? line.text : corrected;
    line.own.hidden = corrected === undefined;
    line.own.textContent = corrected === undefined ? "" : fill(this.data.text.machine_heard, line.text);
    if (corrected === undefined && line.element.isConnected) this.unfold(line);
  }

  setMarks(line) {
    const here = this.findings.filter((one) => one.utterance === line.index && one.outcome !== "pass" && one.outcome !== "not_applicable");
    const said = this.notes.filter((note) => note.kind === "comment" && note.start >= line.start && note.start < line.end);
    line.marks.hidden = !here.length && !said.length;
    line.marks.replaceChildren(
      ...here.flatMap((one) => [h("button", { type: "button", tabindex: -1, class: "chip m-" + one.outcome, "data-finding": one.number },
        pick(this.data.names.checks[one.check]) + (one.points ? " " + one.points : "")), " "]),
      ...said.map((note) => h("span", { class: "comment" }, note.by + "：" + note.value)));
  }

  /** Lets a person write what was said; resolves to the new text, or null. */
  edit(line) {
    const before = line.corrected === undefined ? line.text : line.corrected;
    return new Promise((done) => {
      const area = h("textarea", { class: "edit", rows: 3, "aria-label": pick(this.data.text.correct_text) });
      area.value = before;
      let ended = false;
      const end = (value) => {
        if (ended) return;
        ended = true;
        area.remove();
        line.text_.hidden = false;
        done(value);
      };
      area.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { event.stopPropagation(); end(null); }
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          const text = area.value.trim();
          end(text && text !== before ? text : null);
        }
      });
      area.addEventListener("blur", () => end(null));
      line.text_.hidden = true;
      line.text_.after(area);
      this.reveal(line.element);
      area.focus();
      area.select();
    });
  }
}
