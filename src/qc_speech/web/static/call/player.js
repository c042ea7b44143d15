/* Plays the recording: speed, one party alone, silences passed over. Times are milliseconds. */

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const LONG_SILENCE = 1200, BREATH = 300, MARGIN = 150;

function joined(spans) {
  const result = [];
  for (const [start, end] of spans.slice().sort((a, b) => a[0] - b[0])) {
    const last = result[result.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

/** What lies between spans, from 0 to `end`. */
function between(spans, end) {
  const gaps = [];
  let from = 0;
  for (const span of joined(spans)) {
    if (span[0] > from) gaps.push([from, span[0]]);
    from = Math.max(from, span[1]);
  }
  if (from < end) gaps.push([from, end]);
  return gaps;
}

export class Player extends EventTarget {
  constructor(audio, data) {
    super();
    this.audio = audio;
    this.data = data;
    this.position = 0; // the clock while there is no sound
    this.broken = !audio;
    this.party = "both";
    this.skipping = false;
    this.skips = [];
    this.matrix = null;
    if (!audio) return;
    audio.preservesPitch = true;
    const tick = () => {
      if (audio.paused) return;
      this.step();
      requestAnimationFrame(tick);
    };
    audio.addEventListener("play", () => { this.tell("state"); tick(); });
    audio.addEventListener("pause", () => this.tell("state"));
    audio.addEventListener("timeupdate", () => this.step()); // also where no frames are drawn
    audio.addEventListener("seeked", () => this.tell("time"));
    audio.addEventListener("error", () => { this.broken = true; this.tell("broken"); });
  }

  get now() { return this.broken ? this.position : this.audio.currentTime * 1000; }
  get playing() { return !this.broken && !this.audio.paused; }
  get rate() { return this.broken ? 1 : this.audio.playbackRate; }

  tell(name) { this.dispatchEvent(new Event(name)); }

  seek(ms, play = this.playing) {
    this.position = Math.min(Math.max(ms, 0), this.data.duration);
    if (!this.broken) {
      this.audio.currentTime = this.position / 1000;
      if (play) this.play();
    }
    this.tell("time");
  }

  play() {
    if (this.broken) return;
    if (this.context) this.context.resume();
    const started = this.audio.play();
    if (started) started.catch(() => { /* paused again before it began */ });
  }

  toggle() {
    if (this.broken) return;
    if (this.audio.paused) this.play(); else this.audio.pause();
  }

  setRate(rate) {
    if (this.broken) return;
    this.audio.playbackRate = rate;
    this.tell("state");
  }

  faster(by) {
    const here = SPEEDS.findIndex((speed) => speed >= this.rate - 0.01);
    this.setRate(SPEEDS[Math.min(Math.max(here + by, 0), SPEEDS.length - 1)]);
  }

  setSkipping(on) { this.skipping = on; this.plan(); }

  /** both, agent or customer. Two channels: the other one is muted; one: its turns are left out. */
  setParty(party) {
    this.party = party;
    if (this.data.split && !this.broken) this.mute();
    this.plan();
  }

  mute() {
    if (!this.context) {
      this.context = new AudioContext();
      const source = this.context.createMediaElementSource(this.audio);
      const splitter = this.context.createChannelSplitter(2), merger = this.context.createChannelMerger(2);
      source.connect(splitter);
      this.matrix = [0, 1].map((from) => [0, 1].map((to) => {
        const gain = this.context.createGain();
        splitter.connect(gain, from);
        gain.connect(merger, 0, to);
        return gain;
      }));
      merger.connect(this.context.destination);
    }
    if (this.playing) this.context.resume();
    const alone = this.data.split[this.party]; // the channel, undefined for both
    this.matrix.forEach((row, from) => row.forEach((gain, to) => {
      gain.gain.value = alone === undefined ? Number(from === to) : Number(from === alone);
    }));
  }

  /** What is passed over while playing. */
  plan() {
    const left = [];
    if (this.skipping) {
      for (const [start, end] of this.data.silences) {
        if (end - start >= LONG_SILENCE) left.push([start + BREATH, end - BREATH]);
      }
    }
    if (this.party !== "both" && !this.data.split) {
      const own = this.data.turns.filter((turn) => turn[2] === this.party);
      left.push(...between(own.map(([s, e]) => [s - MARGIN, e + MARGIN]), this.data.duration));
    }
    this.skips = joined(left);
    this.tell("state");
  }

  step() {
    const ms = this.audio.currentTime * 1000;
    const skip = this.audio.paused ? undefined : this.skips.find(([start, end]) => ms >= start && ms < end - 30);
    if (skip && skip[1] >= this.data.duration - 30) {
      this.audio.pause();
    } else if (skip && !this.audio.seeking) {
      this.audio.currentTime = skip[1] / 1000;
    }
    this.tell("time");
  }
}
