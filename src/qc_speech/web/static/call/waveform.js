/* The call as a picture: both parties' waveforms with turns, overlaps, silences and findings. */

import { clock, pick } from "./dom.js";

const MARKS = 20, LANE = 38, GAP = 3, AXIS = 18, STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const WAVE = { agent: "#2458c5", customer: "#0f7f76", other: "#6b4fa0", unknown: "#535d6b" };
const TURN = { agent: "#dfe9fd", customer: "#d8f0ec", other: "#ece5f8", unknown: "#e6e9ee" };
const OVERLAP = { interruption: ["#d92d2038", "#b3261e"], overlap: ["#f5b54048", "#a86a00"], backchannel: ["#ffffff50", "#6b7887"] };
const MARK = { violation: "#c92f25", uncertain: "#c07c00", pass: "#3d9a63" };
const ORDER = ["pass", "uncertain", "violation"]; // violations are drawn last, on top

function bytes(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); }

export class Waveform {
  /** `actions`: seek(ms), choose(number of a finding). */
  constructor(host, canvas, data, actions) {
    Object.assign(this, { host, canvas, data, actions });
    this.zoom = 1;
    this.from = 0; // ms at the left edge
    this.position = 0;
    this.marks = [];
    this.chosen = null;
    this.peaks = null;
    this.lanes = data.lanes;
    this.bottom = MARKS + this.lanes.length * (LANE + GAP);
    canvas.addEventListener("click", (event) => this.click(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    host.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    document.addEventListener("languagechange", () => this.draw());
    this.draw();
  }

  get span() { return Math.max(this.data.duration, 1) / this.zoom; }
  x(ms) { return (ms - this.from) / this.span * this.width; }
  ms(x) { return this.from + x / this.width * this.span; }

  setPeaks(peaks) {
    const rows = peaks.channels.map(bytes);
    const tops = rows.map((row) => row.reduce((top, value) => Math.max(top, value), 1));
    this.peaks = { step: peaks.step_ms, rows, tops };
    this.draw();
  }

  setMarks(marks, chosen) {
    this.marks = marks.slice().sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome));
    this.chosen = chosen;
    this.draw();
  }

  move(ms, follow) {
    this.position = ms;
    if (follow && this.zoom > 1 && (ms < this.from || ms > this.from + this.span * 0.95)) {
      this.from = this.inside(ms - this.span * 0.1);
      this.draw();
    } else {
      this.drawHead();
    }
    const seconds = Math.floor(ms / 1000);
    if (seconds !== this.told) {
      this.told = seconds;
      this.host.setAttribute("aria-valuenow", seconds);
      this.host.setAttribute("aria-valuetext", clock(ms));
    }
  }

  magnify(factor, at = this.position) {
    const share = (at - this.from) / this.span;
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), Math.max(1, this.data.duration / 4000));
    this.from = this.inside(at - share * this.span);
    this.draw();
  }

  inside(from) { return Math.min(Math.max(from, 0), this.data.duration - this.span); }

  wheel(event) {
    if (event.ctrlKey) {
      event.preventDefault();
      this.magnify(event.deltaY < 0 ? 1.5 : 1 / 1.5, this.ms(event.offsetX));
    } else if (event.deltaX && this.zoom > 1) {
      event.preventDefault();
      this.from = this.inside(this.from + event.deltaX / this.width * this.span);
      this.draw();
    }
  }

  click(event) {
    const mark = event.offsetY < MARKS ? this.markAt(event.offsetX) : null;
    if (mark) this.actions.choose(mark.number);
    else this.actions.seek(Math.min(Math.max(this.ms(event.offsetX), 0), this.data.duration));
  }

  markAt(x) {
    const near = this.marks.slice().reverse().filter((mark) => Math.abs(this.x(mark.start) - x) <= 8);
    return near.sort((a, b) => Math.abs(this.x(a.start) - x) - Math.abs(this.x(b.start) - x))[0] || null;
  }

  key(event) { // a slider's own keys; the arrows belong to the whole page
    const to = { Home: 0, End: this.data.duration, PageUp: this.position + 30000, PageDown: this.position - 30000 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.actions.seek(to);
  }

  draw() {
    const width = this.canvas.parentElement.clientWidth;
    if (!width) return;
    const height = this.bottom + AXIS, ratio = window.devicePixelRatio || 1;
    this.width = width;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = height + "px";
    const pen = this.pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.clearRect(0, 0, width, height);
    this.drawSilences();
    this.drawAxis();
    this.lanes.forEach((lane, n) => this.drawLane(lane, MARKS + n * (LANE + GAP)));
    this.drawOverlaps();
    this.drawMarks();
    this.picture = null; // taken anew when the head moves
    this.drawHead();
  }

  seen(start, end) { return end > this.from && start < this.from + this.span; }

  drawSilences() {
    this.pen.fillStyle = "#e4e8ed";
    for (const [start, end] of this.data.silences) {
      if (end - start >= 1500 && this.seen(start, end)) {
        this.pen.fillRect(this.x(start), MARKS, this.x(end) - this.x(start), this.bottom - MARKS - GAP);
      }
    }
  }

  drawAxis() {
    const pen = this.pen, step = (STEPS.find((s) => s * 1000 / this.span * this.width >= 60) || 7200) * 1000;
    pen.font = "11px system-ui, sans-serif";
    for (let ms = Math.ceil(this.from / step) * step; ms <= this.from + this.span; ms += step) {
      pen.fillStyle = "#dde3ea";
      pen.fillRect(Math.round(this.x(ms)), MARKS, 1, this.bottom - MARKS);
      pen.fillStyle = "#566273";
      if (this.x(ms) < this.width - 30) pen.fillText(clock(ms), this.x(ms) + 2, this.bottom + AXIS - 5);
    }
  }

  drawLane(lane, top) {
    const pen = this.pen, turns = this.data.turns.filter((turn) => turn[2] === lane.role && this.seen(turn[0], turn[1]));
    pen.fillStyle = TURN[lane.role];
    for (const [start, end] of turns) {
      pen.fillRect(this.x(start), top, Math.max(this.x(end) - this.x(start), 1), LANE);
    }
    if (!this.peaks) return;
    pen.fillStyle = WAVE[lane.role];
    if (lane.masked) turns.forEach(([start, end]) => this.drawWave(lane, top, this.x(start), this.x(end)));
    else this.drawWave(lane, top, 0, this.width);
  }

  /** The largest peak of every pixel column; in a file of several channels of the lane's own. */
  drawWave(lane, top, left, right) {
    const { step, rows, tops } = this.peaks;
    const own = lane.channel === null || !rows[lane.channel] ? rows.keys() : [lane.channel];
    const channels = Array.from(own);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(this.width, right); x++) {
      const first = Math.floor(this.ms(x) / step), last = Math.max(first, Math.ceil(this.ms(x + 1) / step) - 1);
      let size = 0;
      for (const channel of channels) {
        for (let n = first; n <= last; n++) size = Math.max(size, (rows[channel][n] || 0) / tops[channel]);
      }
      const tall = Math.max(1, size * size * (LANE - 4));
      this.pen.fillRect(x, top + (LANE - tall) / 2, 1, tall);
    }
  }

  drawOverlaps() {
    const tall = Math.min(2, this.lanes.length) * (LANE + GAP) - GAP;
    for (const [start, end, kind] of this.data.overlaps) {
      if (!this.seen(start, end) || !OVERLAP[kind]) continue;
      const wide = Math.max(this.x(end) - this.x(start), 2);
      this.pen.fillStyle = OVERLAP[kind][0];
      this.pen.fillRect(this.x(start), MARKS, wide, tall);
      this.pen.strokeStyle = OVERLAP[kind][1];
      this.pen.setLineDash(kind === "backchannel" ? [2, 2] : []);
      this.pen.strokeRect(this.x(start) + 0.5, MARKS + 0.5, wide, tall - 1);
    }
    this.pen.setLineDash([]);
  }

  drawMarks() {
    const pen = this.pen;
    for (const mark of this.marks) {
      if (!this.seen(mark.start - 1, mark.start + 1)) continue;
      const x = this.x(mark.start);
      if (mark.number === this.chosen) {
        pen.fillStyle = "#ffd84d80";
        pen.fillRect(x, MARKS, Math.max(this.x(mark.end) - x, 3), this.bottom - MARKS - GAP);
      }
      pen.fillStyle = MARK[mark.outcome];
      if (mark.outcome !== "pass") pen.fillRect(x - 0.5, 14, 1, this.bottom - 14);
      pen.beginPath();
      if (mark.outcome === "violation") { pen.moveTo(x - 7, 3); pen.lineTo(x + 7, 3); pen.lineTo(x, 16); }
      else if (mark.outcome === "uncertain") { pen.moveTo(x, 3); pen.lineTo(x + 6.5, 9.5); pen.lineTo(x, 16); pen.lineTo(x - 6.5, 9.5); }
      else pen.arc(x, 10, 3.5, 0, 7);
      pen.fill();
      if (mark.judged) { pen.strokeStyle = "#17212e"; pen.lineWidth = 2; pen.stroke(); pen.lineWidth = 1; }
    }
  }

  /** The head alone moves with every frame: the rest is copied from the last drawing. */
  drawHead() {
    const pen = this.pen;
    if (!pen) return;
    if (!this.picture) {
      this.picture = document.createElement("canvas");
      this.picture.width = this.canvas.width;
      this.picture.height = this.canvas.height;
      this.picture.getContext("2d").drawImage(this.canvas, 0, 0);
    }
    const x = this.x(this.position);
    pen.clearRect(0, 0, this.width, this.bottom + AXIS);
    pen.drawImage(this.picture, 0, 0, this.width, this.bottom + AXIS);
    pen.fillStyle = "#17212e";
    if (x >= -1 && x <= this.width + 1) pen.fillRect(Math.round(x) - 1, 0, 2, this.bottom);
  }

  names() { return this.lanes.map((lane) => [lane.role, pick(lane.name)]); }
}
