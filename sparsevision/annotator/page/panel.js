// The right side of the page: classes, brush, object, mask assistant, counts; and the save state in the head.

import { objectsOf } from "./documents.js";
import { classColour, trackColour } from "./palette.js";

const SAVE_WORDS = { saved: "Saved", saving: "Saving…", away: "Not saved: no server", error: "Not saved", conflict: "Conflict" };
const COUNTED = [["point", "point"], ["stroke", "scribble"], ["box", "box"], ["mask", "mask"]];

export const byId = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : word.endsWith("x") ? "es" : "s"}`;

function swatch(colour) {
  const made = element("span", { className: "swatch" });
  made.style.background = colour;
  return made;
}

export class Panel {
  constructor(app) {
    this.app = app;
    this.renaming = false;
    byId("brush").addEventListener("input", (event) => app.setBrush(Number(event.target.value)));
    byId("object-new").addEventListener("click", () => app.next());
    byId("track-new").addEventListener("click", () => app.next());
    byId("accept").addEventListener("click", () => app.assist.accept());
    byId("reject").addEventListener("click", () => app.assist.drop());
    byId("rest").addEventListener("click", () => app.assist.fillRest());
    byId("done").addEventListener("click", () => app.finishImage());
    byId("assist-on").addEventListener("change", (event) => app.switchAssist(event.target.checked));
    byId("class-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = byId("class-name");
      if (input.value.trim()) app.setClasses([...app.project.classes, input.value.trim()]);
      input.value = "";
    });
  }

  update() {
    const { app } = this;
    const tool = app.toolName;
    byId("brush-section").hidden = tool !== "scribble";
    byId("object-section").hidden = tool !== "click";
    byId("track-section").hidden = tool !== "track";
    byId("brush").value = app.brush;
    byId("brush-value").textContent = `${app.brush} px`;
    byId("rest-name").textContent = app.project.classes[0];
    this.#object();
    this.#track();
    this.#assist();
    this.#counts();
    this.#save();
  }

  classes() {
    const { app } = this;
    if (this.renaming) return; // a name is being typed; the list is drawn again when that ends
    const rows = app.project.classes.map((name, label) => {
      const choose = element("button", { className: "choose", title: label < 10 ? `Choose (${label})` : "Choose" });
      choose.append(swatch(classColour(label)), element("span", { textContent: name }));
      if (label < 10) choose.append(element("kbd", { textContent: label }));
      choose.setAttribute("aria-pressed", String(label === app.label));
      choose.addEventListener("click", () => app.setLabel(label));
      const rename = element("button", { className: "quiet", textContent: "✎", title: `Rename ${name}` });
      rename.setAttribute("aria-label", `Rename ${name}`);
      rename.addEventListener("click", () => this.#rename(row, label));
      const row = element("li", {}, choose, rename);
      return row;
    });
    byId("classes").replaceChildren(...rows);
  }

  #rename(row, label) {
    const { app } = this;
    const input = element("input", { value: app.project.classes[label], maxLength: 60, className: "rename" });
    input.setAttribute("aria-label", `New name of ${app.project.classes[label]}`);
    this.renaming = true;
    const finish = (keep) => {
      if (!this.renaming) return;
      this.renaming = false;
      const name = input.value.trim();
      const names = app.project.classes.map((old, i) => (i === label && keep && name ? name : old));
      if (names[label] === app.project.classes[label]) this.classes();
      else app.setClasses(names);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") finish(event.key === "Enter");
    });
    input.addEventListener("blur", () => finish(true));
    row.replaceChildren(input);
    input.select();
  }

  #object() {
    const { app } = this;
    const clicks = objectsOf(app.record.items).find(([number]) => number === app.object)?.[1] ?? [];
    const label = clicks[0]?.label ?? app.label;
    const words = `Object ${app.object}: ${app.project.classes[label]}, ${plural(clicks.length, "click")}`;
    byId("object-name").replaceChildren(swatch(classColour(label)), words);
  }

  #track() {
    const { app } = this;
    const record = app.tracks?.record;
    if (!record || app.tracks.error) {
      byId("track-name").textContent = app.tracks?.error || "Tracks need a folder of images of one size: the frames of a video.";
      byId("track-new").hidden = byId("track-how").hidden = true;
      return;
    }
    const place = record.items.findIndex((track) => track.id === app.track);
    const frames = record.items[place]?.frames ?? [];
    const words = place < 0 ? "The next click begins a new track." : `Track ${place + 1}: placed in ${plural(frames.length, "frame")}`;
    byId("track-name").replaceChildren(...(place < 0 ? [] : [swatch(trackColour(place))]), words);
    byId("track-new").hidden = place < 0;
  }

  #assist() {
    const { assist } = this.app;
    byId("assist-on").checked = assist.on;
    byId("assist-on").disabled = !assist.about;
    byId("assist-state").textContent = assist.sentence;
    byId("assist-state").dataset.state = assist.thinking ? "working" : assist.status.state;
    byId("assist-choice").hidden = !assist.preview;
  }

  #counts() {
    const { app } = this;
    const { items } = app.record;
    const parts = COUNTED.map(([kind, word]) => [items.filter((item) => item.kind === kind).length, word]);
    const objects = objectsOf(items);
    if (objects.length) parts.push([objects.reduce((sum, [, clicks]) => sum + clicks.length, 0), "object click"]);
    if (app.tracks?.record.items.length) parts.push([app.tracks.record.items.length, "track"]);
    const words = parts.filter(([count]) => count).map(([count, word]) => plural(count, word));
    const seconds = items.reduce((sum, item) => sum + (item.seconds ?? 0), 0);
    byId("counts").textContent = words.length
      ? `${words.join(", ")}${seconds ? `; ${Math.round(seconds)} s` : ""}`
      : "Nothing yet. Choose a tool and a class, then draw.";
    byId("done").textContent = app.image.state === "done" ? "Done ✓ (not done after all)" : app.isLast ? "Done" : "Done, next image";
    byId("undo").disabled = !app.active.record.past.length;
    byId("redo").disabled = !app.active.record.future.length;
  }

  #save() {
    const sheets = this.app.allSheets();
    const worst = ["conflict", "error", "away", "saving", "saved"].find((state) => sheets.some((sheet) => sheet.state === state));
    byId("save").dataset.state = worst ?? "saved";
    byId("save").textContent = SAVE_WORDS[worst ?? "saved"];
    byId("save").title = sheets.find((sheet) => sheet.state === worst)?.message || `Files go to ${this.app.project.out}`;
  }
}
