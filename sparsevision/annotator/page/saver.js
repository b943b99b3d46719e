// Saving one file: every change is posted at once, and stays in the journal until the server has confirmed it.

import { post } from "./api.js";

const TAB = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36)).join("");
let posts = 0; // numbers the saves of this tab
const KEEPALIVE_BYTES = 50_000; // browsers let requests of up to 64 KiB outlive their tab
const RETRY_MS = 1500;

export class Saver {
  /** path: where to post; name: in the journal; base: revision that the page knows; onState: told of every new state. */
  constructor({ path, name, base, journal, onState }) {
    Object.assign(this, { path, name, base, journal, onState });
    this.seq = 0;
    this.confirmed = 0;
    this.state = "saved";
    this.message = "";
    this.text = null;
  }

  save(document) {
    this.text = JSON.stringify(document);
    const kept = this.journal.put(this.name, { base: this.base, text: this.text });
    if (this.state === "conflict") return;
    this.#say("saving", kept ? "" : "The browser's storage is full: this change is kept nowhere until it is saved.");
    this.#send();
  }

  /** After a conflict: take the file as it now is for known, and write over it. */
  overwrite(base) {
    this.base = base;
    this.#say("saving");
    this.#send();
  }

  /** Start with a change of an earlier tab that conflicts with the file. */
  openInConflict(text, message) {
    this.text = text;
    this.#say("conflict", message);
  }

  retry() {
    if (this.state === "away") this.#send();
  }

  async #send() {
    const seq = (this.seq = ++posts);
    const text = this.text;
    const query = new URLSearchParams({ tab: TAB, seq: String(seq), base: this.base });
    try {
      this.#confirm(seq, await this.#post(`${this.path}?${query}`, text));
    } catch (error) {
      this.#fail(seq, error);
    }
  }

  async #post(path, text) {
    const keepalive = text.length < KEEPALIVE_BYTES;
    try {
      return await post(path, text, { keepalive });
    } catch (error) {
      if (error.status || !keepalive) throw error;
      return post(path, text); // too much is under way for another keepalive request
    }
  }

  #confirm(seq, { revision }) {
    if (seq < this.confirmed) return;
    this.confirmed = seq;
    this.base = revision;
    if (seq === this.seq && this.state !== "conflict") {
      this.journal.remove(this.name);
      this.#say("saved");
    } else {
      this.journal.put(this.name, { base: revision, text: this.text });
    }
  }

  #fail(seq, error) {
    if (error.status === 409) this.#say("conflict", error.message);
    if (seq !== this.seq || this.state === "conflict") return;
    if (error.status === 0) {
      this.#say("away", "The server does not answer. Your changes are kept in this browser and sent as soon as it is back.");
      setTimeout(() => this.retry(), RETRY_MS);
    } else {
      this.#say("error", `Not saved: ${error.message}`);
    }
  }

  #say(state, message = "") {
    this.state = state;
    this.message = message;
    this.onState();
  }
}

/** Send what an earlier tab could not: "saved", or the error's sentence. */
export async function replay({ path, base, text }) {
  const query = new URLSearchParams({ tab: TAB, seq: String(++posts), base });
  try {
    await post(`${path}?${query}`, text);
    return "saved";
  } catch (error) {
    return error.message;
  }
}
