// The left side of the page: the images and how far each is.

import { byId, element } from "./panel.js";

const STATE_WORDS = { nothing: "nothing yet", some: "begun", done: "done" };

export class ImageList {
  constructor(app) {
    this.app = app;
    this.last = null; // the row that was current at the last update
    this.rows = app.project.images.map((image, index) => this.#row(image, index));
    byId("images").replaceChildren(...this.rows);
  }

  update() {
    const { images } = this.app.project;
    const stale = this.last === null ? images.keys() : [this.last, this.app.index];
    for (const index of stale) this.#refresh(this.rows[index].firstChild, images[index], index);
    this.last = this.app.index;
    const done = images.filter((image) => image.state === "done").length;
    byId("progress").textContent = `${done} of ${images.length} done`;
    byId("position").textContent = `${this.app.image.name} · ${this.app.index + 1} of ${images.length}`;
  }

  #refresh(button, image, index) {
    const state = image.error ? "error" : image.state;
    button.setAttribute("aria-current", String(index === this.app.index));
    if (button.dataset.state === state) return;
    button.dataset.state = state;
    button.querySelector(".state").textContent = image.error ? "cannot be read" : STATE_WORDS[state];
  }

  reveal() {
    this.rows[this.app.index].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #row(image, index) {
    const picture = image.error
      ? element("span", { className: "thumb" })
      : element("img", { className: "thumb", src: `/api/thumbnail/${index}`, alt: "", loading: "lazy" });
    const name = element("span", { className: "name", textContent: image.name, title: image.name });
    const words = element("span", { className: "words" }, name, element("span", { className: "state" }));
    const button = element("button", {}, picture, words, element("span", { className: "dot" }));
    button.addEventListener("click", () => this.app.open(index));
    return element("li", {}, button);
  }
}
