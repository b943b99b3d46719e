// What a person must know, above the image: errors of the file, conflicts, lost connections.

import { byId, element } from "./panel.js";

const SHOWN_MS = 9000;

export class Notices {
  constructor(app) {
    this.app = app;
    this.spoken = [];
    this.shown = "";
  }

  /** A sentence that goes away by itself. */
  say(sentence) {
    this.spoken = [...this.spoken.filter((other) => other !== sentence), sentence];
    setTimeout(() => {
      this.spoken = this.spoken.filter((other) => other !== sentence);
      this.app.refresh();
    }, SHOWN_MS);
    this.app.refresh();
  }

  update() {
    const lasting = this.#lasting();
    const wanted = JSON.stringify([lasting.map(({ sentence }) => sentence), this.spoken]);
    if (wanted === this.shown) return;
    this.shown = wanted;
    const boxes = lasting.map((notice) => this.#box(notice));
    byId("notices").replaceChildren(...boxes, ...this.spoken.map((sentence) => this.#box({ sentence, style: "mild" })));
  }

  #lasting() {
    const { app } = this;
    const notices = [];
    const failure = app.image.error || app.sheet?.error;
    if (failure) notices.push({ sentence: failure, style: "bad" });
    for (const sheet of app.allSheets()) {
      if (sheet === app.sheet || sheet === app.tracks || sheet.state === "away") notices.push(...this.#ofSheet(sheet));
    }
    return notices.filter(({ sentence }, i) => notices.findIndex((other) => other.sentence === sentence) === i);
  }

  #ofSheet(sheet) {
    if (sheet.state === "conflict") {
      const choices = [
        ["Keep mine", () => sheet.keepMine().catch((error) => this.say(error.message))],
        ["Take the file's (undo brings mine back)", () => sheet.takeTheirs().catch((error) => this.say(error.message))],
      ];
      return [{ sentence: sheet.message, style: "bad", choices }];
    }
    return sheet.message ? [{ sentence: sheet.message, style: sheet.state === "error" ? "bad" : "mild" }] : [];
  }

  #box({ sentence, style, choices = [] }) {
    const buttons = choices.map(([words, action]) => {
      const button = element("button", { textContent: words });
      button.addEventListener("click", action);
      return button;
    });
    return element("p", { className: `notice ${style}` }, sentence, ...buttons.flatMap((button) => [" ", button]));
  }
}
