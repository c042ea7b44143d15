/* Talks to the server. Every change names the state it was made on: if somebody else has changed
   the call meanwhile, the server refuses it and nothing is overwritten. */

export class Refused extends Error {
  /** `said`: [Chinese, English]; `state`: how the call stands now, or null. */
  constructor(said, state) { super(said[1]); this.said = said; this.state = state; }
}

export class Server {
  constructor(data) {
    this.data = data;
    this.version = data.state.version;
    this.last = Promise.resolve();
  }

  async read(path) {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw await this.refusal(answer);
    return answer.json();
  }

  get headers() {
    return { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content };
  }

  async post(what) {
    const answer = await fetch(this.data.address + "/" + what, { method: "POST", headers: this.headers });
    if (!answer.ok) throw await this.refusal(answer);
    return answer.json();
  }

  /** Lets go of the call while the page is being left. */
  leave() {
    fetch(this.data.address + "/unlock", { method: "POST", headers: this.headers, keepalive: true }).catch(() => { });
  }

  /** Changes go one after the other, each on what the one before made. */
  change(what, body) {
    const sent = this.last.then(() => this.send(what, body));
    this.last = sent.catch(() => { });
    return sent;
  }

  async send(what, body) {
    let answer;
    try {
      answer = await fetch(this.data.address + "/" + what, {
        method: "POST",
        headers: this.headers,
        body: JSON.stringify({ ...body, version: this.version }),
      });
    } catch (error) {
      throw new Refused(this.data.text.offline, null);
    }
    if (!answer.ok) {
      const refused = await this.refusal(answer);
      if (refused.state) this.version = refused.state.version;
      throw refused;
    }
    const state = await answer.json();
    this.version = state.version;
    return state;
  }

  async refusal(answer) {
    const text = this.data.text;
    let body = {};
    try { body = await answer.json(); } catch (error) { /* no JSON: the status says enough */ }
    if (body.detail && answer.status !== 401) return new Refused([body.detail, body.detail], body.state || null);
    if (answer.status === 401 || answer.redirected) return new Refused(text.logged_out, null);
    if (answer.status === 403) return new Refused(text.forbidden, null);
    return new Refused(text.failed.map((line) => line.replace("{0}", answer.status)), null);
  }
}
