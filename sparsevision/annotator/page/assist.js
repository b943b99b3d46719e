// The mask assistant: looks at the image in the background, proposes a mask for clicks or a box, and keeps what is accepted.

import { get, post } from "./api.js";
import { newId } from "./documents.js";

const POLL_MS = 400;

export class Assist {
  /** app: asked for the current image; about: {name, note} of the segmenter, or null without one. */
  constructor(app, about) {
    this.app = app;
    this.about = about;
    this.on = about !== null;
    this.preview = null;
    this.status = { state: "idle", message: "" };
    this.asked = 0;
    this.thinking = false;
  }

  /** A sentence on how things stand. */
  get sentence() {
    if (!this.about) return "Started without an assistant (--sam none).";
    const { name, note } = this.about;
    if (!this.on) return `${name} is switched off.`;
    if (this.status.state === "error") return this.status.message;
    if (this.preview) return `${name} proposes the yellow mask.`;
    if (this.thinking) return `${name} is thinking…`;
    if (this.status.state === "working") return `${name} looks at the image…`;
    if (this.status.state === "ready") return `${name} is ready. ${note}`.trim();
    return `Masks by ${name}. ${note}`.trim();
  }

  /** A new image is shown, or the assistant may be wanted now. */
  async prepare() {
    if (!this.on || this.app.sheet?.error) return;
    const { index } = this.app;
    try {
      this.status = await post(`/api/prepare/${index}`, "");
      this.app.refresh();
      while (this.status.state === "working" && index === this.app.index) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        const status = await get(`/api/assistant/${index}`);
        if (index !== this.app.index) return;
        this.status = status;
        this.app.refresh();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  askForObject(object) {
    const clicks = this.app.record.items.filter((item) => item.kind === "click" && item.object === object);
    if (!clicks.some((click) => click.positive)) return this.drop();
    const prompt = { points: clicks.map(({ x, y }) => [x, y]), labels: clicks.map((click) => Number(click.positive)) };
    return this.#ask(prompt, { label: clicks[0].label, object });
  }

  askForBox(item) {
    return this.#ask({ box: item.box }, { label: item.label });
  }

  accept() {
    if (!this.preview) return false;
    const { label, runs, object } = this.preview;
    this.drop();
    if (runs.length) this.#add({ label, runs, rest: false });
    if (object) this.app.next();
    return true;
  }

  drop() {
    const had = this.preview !== null || this.thinking;
    this.asked++;
    this.preview = null;
    this.thinking = false;
    this.app.refresh();
    return had;
  }

  /** Every pixel without a mask becomes class 0. */
  fillRest() {
    if (this.app.record.locked) return;
    const [height, width] = this.app.sheet.size;
    this.#add({ label: 0, runs: [0, height * width], rest: true });
  }

  #add(mask) {
    this.app.record.add({ id: newId(), kind: "mask", ...mask, seconds: this.app.clock.lap() });
  }

  async #ask(prompt, about) {
    if (!this.on) return;
    const ticket = ++this.asked;
    const { index } = this.app;
    this.thinking = true;
    this.app.refresh();
    try {
      const { runs } = await post(`/api/predict/${index}`, JSON.stringify(prompt));
      if (ticket !== this.asked || index !== this.app.index) return;
      this.preview = { runs, ...about };
      this.status = { state: "ready", message: "" };
    } catch (error) {
      if (ticket === this.asked) this.#fail(error);
    }
    if (ticket === this.asked) this.thinking = false;
    this.app.refresh();
  }

  #fail(error) {
    this.status = { state: "error", message: error.message };
    this.app.refresh();
  }
}
