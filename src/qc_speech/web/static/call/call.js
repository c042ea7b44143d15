/* The call page: one clock for player, waveform and transcript; every action has a key. */

import { byId, clock, fill, h, pick, signed } from "./dom.js";
import { askComment, askMiss, askRole, showHelp } from "./dialogs.js";
import { Findings } from "./findings.js";
import { Player } from "./player.js";
import { Refused, Server } from "./server.js";
import { Transcript } from "./transcript.js";
import { Waveform } from "./waveform.js";

const RUN_UP = 1000; // a finding is heard from so many ms before its place
const data = JSON.parse(byId("call-data").textContent);
let state = data.state;

const server = new Server(data);
const player = new Player(byId("audio"), data);
const waveform = new Waveform(byId("waveform"), byId("wave"), data, { seek: (ms) => player.seek(ms), choose });
const transcript = new Transcript(byId("turns"), data, { seek: (ms) => player.seek(ms, true), choose });
const findings = new Findings(byId("findings"), data, { choose, play, why, comment, violation, pass, confirm, overturn });

function say(text, bad) {
  const note = byId("note");
  note.textContent = text;
  note.classList.toggle("bad", Boolean(bad));
  note.hidden = !text;
}

// State

function setState(next) {
  state = next;
  findings.setState(state);
  transcript.setState(state.findings, state.notes);
  drawMarks();
  byId("notes").replaceChildren(...state.notes.filter((note) => note.kind === "comment").map((note) => h("li", {},
    h("button", { type: "button", class: "go", "data-seek": note.start }, clock(note.start)), " " + note.by + "：" + note.value)));
  byId("notes-box").hidden = !state.notes.some((note) => note.kind === "comment");
  const undo = byId("undo");
  if (undo) {
    undo.disabled = !state.undo;
    byId("looked").setAttribute("aria-pressed", String(state.looked));
  }
}

function drawMarks() {
  waveform.setMarks(state.findings.filter((one) => one.start !== null && one.outcome !== "not_applicable")
    .map((one) => ({ number: one.number, start: one.start, end: one.end, outcome: findings.pending.get(one.number) || one.outcome, judged: Boolean(one.review) })), findings.chosen);
}

/** Shows what changed in the score, in words. */
function tellScore(before, after, what) {
  const score = before === after ? fill(data.text.score_same, after) : fill(data.text.score_moved, before, after, signed(after - before));
  say(what + "　" + score);
}

/** Sends a change; what it does is shown when the server has kept it. Resolves to whether it was. */
async function change(what, body, told) {
  const before = state.score.total;
  try {
    setState(await server.change(what, body));
    tellScore(before, state.score.total, told);
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.state) setState(error.state);
    else setState(state); // what was shown ahead of the server is taken back
    say(pick(error.said), true);
    return false;
  }
}

// Verdicts

async function judge(one, outcome) {
  if (!data.can.review) return;
  findings.pending.set(one.number, outcome); // shown at once, before the server has answered
  const next = findings.nextOpen();
  findings.draw();
  drawMarks();
  if (next) choose(next.number, true);
  const told = pick(data.names.checks[one.check]) + "：" + pick(data.names.outcomes[outcome]);
  const body = { finding: one.number, check: one.check, start: one.start, end: one.end, outcome, note: "" };
  const sent = server.change("verdict", body); // stands in the queue before the next key is pressed
  const before = state.score.total;
  try {
    const next_state = await sent;
    findings.pending.delete(one.number);
    setState(next_state);
    tellScore(before, state.score.total, told);
  } catch (error) {
    findings.pending.delete(one.number);
    if (!(error instanceof Refused)) throw error;
    setState(error.state || state);
    choose(one.number, true);
    say(pick(error.said), true);
  }
}

function confirm(one) { judge(one, one.machine || one.outcome); }
function violation(one) { judge(one, "violation"); }
function pass(one) { judge(one, "pass"); }

function overturn(one) {
  const said = one.machine || one.outcome;
  if (said === "violation") judge(one, "pass");
  else if (said === "pass" || said === "not_applicable") judge(one, "violation");
  else say(pick(data.text.choose_verdict));
}

async function miss() {
  const at = Math.round(player.now), line = transcript.current(at);
  const asked = await askMiss(data);
  if (!asked) return;
  const span = asked.whole || !line ? { start: null, end: null } : { start: line.start, end: line.end };
  await change("miss", { check: asked.check, ...span, note: asked.note }, fill(data.text.missed, pick(data.names.checks[asked.check])));
}

async function correctText() {
  const line = transcript.current(player.now);
  if (!line) return;
  player.audio && player.audio.pause();
  const text = await transcript.edit(line);
  if (text) await change("note", { kind: "text", start: line.start, end: line.end, speaker: line.speaker, value: text }, pick(data.text.text_corrected));
}

async function correctRole() {
  const line = transcript.current(player.now);
  if (!line) return;
  const asked = await askRole();
  if (!asked) return;
  const body = asked.whole ? { kind: "speaker", start: null, end: null } : { kind: "role", start: line.start, end: line.end };
  await change("note", { ...body, speaker: line.speaker, value: asked.role }, pick(data.text.role_corrected));
}

async function comment(one) {
  const at = one && one.start !== null ? one.start : Math.round(player.now);
  const text = await askComment();
  if (text) await change("note", { kind: "comment", start: at, end: at, speaker: null, value: text }, pick(data.text.commented));
}

let undoing = Promise.resolve();
function undo() { undoing = undoing.then(undoLast); }

async function undoLast() {
  await server.last; // what was pressed before must be known first
  if (state.undo) await change("undo", { id: state.undo.id }, fill(data.text.undone, pick(state.undo.what)));
  else say(pick(data.text.nothing_to_undo));
}

async function looked() { await change("looked", {}, pick(data.text.looked_done)); }

async function why(one) {
  if (findings.reasons.has(one.check)) {
    findings.reasons.delete(one.check);
    findings.draw();
    return;
  }
  try {
    const language = document.documentElement.lang === "en" ? "en" : "zh";
    const answer = await server.read(data.address + "/why?check=" + encodeURIComponent(one.check) + "&language=" + language);
    findings.reasons.set(one.check, answer.lines);
    findings.draw();
  } catch (error) {
    say(error instanceof Refused ? pick(error.said) : pick(data.text.offline), true);
  }
}

// Moving about

function choose(number, focus) {
  findings.choose(number, focus);
  drawMarks();
  const one = findings.current();
  if (one && one.start !== null) {
    player.seek(Math.max(0, one.start - RUN_UP));
    transcript.choose(transcript.lines.find((line) => line.index === one.utterance) || null);
  }
}

function play(one) {
  if (one.start !== null) player.seek(Math.max(0, one.start - RUN_UP), true);
}

function step(by) {
  const one = findings.step(by);
  if (one) choose(one.number, true);
}

function stepWord(by) {
  const to = transcript.nextWord(player.now, by);
  if (to !== undefined) player.seek(to);
}

function jump(ms) {
  transcript.choose(null);
  player.seek(player.now + ms);
}

function party(which) {
  player.setParty(player.party === which ? "both" : which);
}

const onFinding = (action) => () => {
  const one = findings.current();
  if (one) action(one); else step(1);
};
const reviewing = (action) => () => { if (data.can.review) action(); };

const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: () => jump(-3000),
  ArrowRight: () => jump(3000),
  ",": () => stepWord(-1),
  ".": () => stepWord(1),
  "[": () => player.faster(-1),
  "]": () => player.faster(1),
  "\\": () => player.setRate(1),
  s: () => player.setSkipping(!player.skipping),
  1: () => party("both"),
  2: () => party("agent"),
  3: () => party("customer"),
  "-": () => waveform.magnify(0.5),
  "=": () => waveform.magnify(2),
  "+": () => waveform.magnify(2),
  n: () => step(1),
  p: () => step(-1),
  l: onFinding(play),
  w: onFinding(why),
  c: reviewing(onFinding(confirm)),
  x: reviewing(onFinding(overturn)),
  v: reviewing(onFinding(violation)),
  o: reviewing(onFinding(pass)),
  m: reviewing(miss),
  t: reviewing(correctText),
  r: reviewing(correctRole),
  k: reviewing(() => comment(findings.current())),
  z: reviewing(undo),
  u: reviewing(undo),
  d: reviewing(looked),
  g: () => { const next = byId("next"); if (next) next.click(); },
  q: () => { const queue = byId("queue"); if (queue) queue.click(); },
  "?": showHelp,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea")) return;
  if ((event.key === " " || event.key === "Enter") && event.target.closest("button, a, summary")) return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || (event.repeat && !/^(Arrow|[,.[\]=+-])/.test(event.key))) return;
  event.preventDefault();
  action();
});

// Buttons of the player and the page

const BUTTONS = {
  play: KEYS[" "], back: KEYS.ArrowLeft, forward: KEYS.ArrowRight, skip: KEYS.s,
  "party-both": () => player.setParty("both"), "party-agent": () => player.setParty("agent"), "party-customer": () => player.setParty("customer"),
  "zoom-in": KEYS["="], "zoom-out": KEYS["-"], "help-open": showHelp,
  "do-miss": KEYS.m, "do-text": KEYS.t, "do-role": KEYS.r, "do-comment": KEYS.k, undo: KEYS.z, looked: KEYS.d,
};
for (const [id, action] of Object.entries(BUTTONS)) {
  const button = byId(id);
  if (button) button.addEventListener("click", (event) => { action(); if (event.detail) button.blur(); });
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("#notes [data-seek]");
  if (button) player.seek(Number(button.dataset.seek), true);
});
if (byId("speed")) byId("speed").addEventListener("change", (event) => player.setRate(Number(event.target.value)));
byId("follow").addEventListener("change", (event) => { transcript.following = event.target.checked; });

player.addEventListener("time", () => {
  const ms = player.now;
  waveform.move(ms, player.playing);
  transcript.show(ms);
  byId("now").textContent = clock(ms);
});
player.addEventListener("state", () => {
  if (!byId("play")) return;
  byId("play").setAttribute("aria-pressed", String(player.playing));
  byId("speed").value = String(player.rate);
  byId("skip").setAttribute("aria-pressed", String(player.skipping));
  for (const which of ["both", "agent", "customer"]) byId("party-" + which).setAttribute("aria-pressed", String(player.party === which));
});
player.addEventListener("broken", () => { byId("audio-error").hidden = false; });

// While the page is open the call is held, so that two do not start on it unknowingly.
async function hold() {
  try {
    const lock = await server.post("lock");
    if (!lock.held) say(fill(data.text.held_by, lock.by), true);
  } catch (error) { /* said when something is changed */ }
}
if (data.can.review) {
  setInterval(hold, 5 * 60 * 1000);
  addEventListener("pagehide", () => server.leave());
}

// Somebody else may have judged while this window lay behind another one.
document.addEventListener("visibilitychange", async () => {
  if (document.visibilityState !== "visible" || findings.pending.size) return;
  try {
    const now = await server.read(data.address + "/state");
    if (now.version !== server.version && !findings.pending.size) {
      server.version = now.version;
      setState(now);
      say(pick(data.text.renewed));
    }
  } catch (error) { /* said when something is changed */ }
});

function fromAddress() {
  const time = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash), card = /^#f(\d+)$/.exec(location.hash);
  if (time) player.seek(Number(time[1]) * 1000);
  if (card) choose(Number(card[1]));
}

function drawLanes() {
  byId("lanes").replaceChildren(...waveform.names().map(([role, name]) => h("span", { class: "r-" + role }, name)));
}

async function start() {
  setState(state);
  drawLanes();
  if (data.can.review) hold();
  const lines = await server.read(data.address + "/transcript");
  transcript.load(lines.lines);
  transcript.setState(state.findings, state.notes);
  byId("turns").removeAttribute("aria-busy");
  performance.mark("transcript");
  fromAddress();
  if (!location.hash && findings.nextOpen()) choose(findings.nextOpen().number);
  if (!player.audio) return;
  try {
    waveform.setPeaks(await server.read(data.address + "/peaks"));
    performance.mark("peaks");
  } catch (error) { /* turns are shown without their waveform */ }
}

addEventListener("hashchange", fromAddress);
document.addEventListener("languagechange", () => { setState(state); drawLanes(); });
start().catch((error) => say(error instanceof Refused ? pick(error.said) : String(error), true));
