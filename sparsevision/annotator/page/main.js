// The page: which image, tool and class are chosen, and who has to hear of it.

import { fetchImage, get, post } from "./api.js";
import { Assist } from "./assist.js";
import { Clock } from "./clock.js";
import { clamp } from "./geometry.js";
import { bindKeys, fillHelp } from "./keys.js";
import { ImageList } from "./list.js";
import { Notices } from "./notices.js";
import { Painter } from "./painter.js";
import { byId, element, Panel } from "./panel.js";
import { Record } from "./record.js";
import { replayJournal, Sheet } from "./sheet.js";
import { Stage } from "./stage.js";
import { HistoryStore, Journal } from "./storage.js";
import { TOOLS } from "./tools.js";

const EMPTY = Object.assign(new Record({ items: [] }), { locked: true });
const BRUSH_LIMIT = 60;

class App {
  constructor(session) {
    const [journal, history] = [new Journal(session.key), new HistoryStore(session.key)];
    this.project = { ...session, journal, history };
    Object.assign(this, { index: 0, sheet: null, tracks: null, bitmap: null, draft: null, selected: null, track: null });
    Object.assign(this, { brush: 5, object: 1, hidden: false, label: Math.min(1, session.classes.length - 1) });
    this.sheets = new Map();
    this.clock = new Clock();
    this.painter = new Painter(byId("stage"));
    this.tools = Object.fromEntries(TOOLS.map(({ name, make }) => [name, new make(this)]));
    this.toolName = "point";
    this.assist = new Assist(this, session.assistant);
    this.notices = new Notices(this);
    this.panel = new Panel(this);
    this.list = new ImageList(this);
    this.stage = new Stage(byId("stage"), this);
    this.channel = new BroadcastChannel(`annotator/${session.key}`);
  }

  get image() {
    return this.project.images[this.index];
  }
  get record() {
    return this.sheet?.record ?? EMPTY;
  }
  get tool() {
    return this.tools[this.toolName];
  }
  get view() {
    return this.stage.view;
  }
  get isLast() {
    return this.index === this.project.images.length - 1;
  }
  /** What undo works on: the tracks while the track tool is chosen, else the image. */
  get active() {
    return this.toolName === "track" && this.tracks && !this.tracks.error ? this.tracks : (this.sheet ?? { record: EMPTY });
  }

  async start() {
    const { images, journal, video } = this.project;
    await replayJournal(journal, (kind, name) => this.#pathOf(kind, name));
    if (video) {
      this.tracks = await this.#sheet({ name: "tracks", paths: { tracks: "/api/tracks" }, size: video }).open();
    }
    const wanted = images.findIndex((image) => image.name === decodeURIComponent(location.hash.slice(1)));
    await this.open(Math.max(wanted, 0));
  }

  async open(index) {
    if (index < 0 || index >= this.project.images.length) return;
    this.tool.finish();
    this.assist.drop();
    Object.assign(this, { index, sheet: null, bitmap: null, selected: null });
    delete document.body.dataset.image;
    history.replaceState(null, "", `#${encodeURIComponent(this.image.name)}`);
    this.refresh();
    this.list.reveal();
    const [sheet, bitmap] = await Promise.all([this.#openSheet(index), this.#openBitmap(index)]);
    if (index !== this.index) return bitmap?.close();
    Object.assign(this, { sheet, bitmap });
    this.object = Math.max(0, ...this.record.items.map((item) => item.object ?? 0)) || 1;
    await this.#knowClasses();
    this.stage.fit();
    this.clock.restart();
    this.#wishForAssistant();
    this.channel.postMessage({ opened: this.image.name });
    document.body.dataset.image = this.image.name;
  }

  setTool(name) {
    this.tool.finish();
    this.stage.stop();
    this.assist.drop();
    this.toolName = name;
    if (!["select", "box"].includes(name)) this.selected = null;
    for (const button of byId("tools").children) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
    byId("hint").textContent = TOOLS.find((tool) => tool.name === name).hint;
    this.stage.toolChanged();
    this.#wishForAssistant();
    this.refresh();
  }

  /** Choose a class; a selected annotation, or the current object while clicking, changes to it. */
  setLabel(label) {
    if (label >= this.project.classes.length) return;
    this.label = label;
    const item = this.record.find(this.selected);
    const object = item?.kind === "click" ? item.object : this.toolName === "click" ? this.object : null;
    const same = (other) => (object === null ? other === item : other.kind === "click" && other.object === object);
    const changes = this.record.items
      .filter((other) => same(other) && other.label !== label)
      .map((before) => ({ before, after: { ...before, label } }));
    this.record.edit(changes);
    if (this.assist.preview && changes.length) this.assist.preview.label = label;
    this.panel.classes();
    this.refresh();
  }

  async setClasses(classes) {
    const base = this.project.classes;
    try {
      const answer = await post("/api/classes", JSON.stringify({ classes, base }));
      this.project.classes = answer.classes;
      this.allSheets().forEach((sheet) => sheet.saveAll());
    } catch (error) {
      this.notices.say(error.message);
    }
    this.panel.classes();
    this.refresh();
  }

  setBrush(width) {
    this.brush = clamp(width, 1, BRUSH_LIMIT);
    this.refresh();
  }

  /** An item was changed: its seconds grow by those since the last action. */
  change(before, after) {
    const seconds = Math.round(((before.seconds ?? 0) + this.clock.lap()) * 100) / 100;
    const twins = this.record.items.filter(
      (item) => after.kind === "point" && item.kind === "point" && item.id !== after.id && item.x === after.x && item.y === after.y,
    );
    this.record.edit([...twins.map((twin) => ({ before: twin, after: null })), { before, after: { ...after, seconds } }]);
  }

  select(id) {
    this.selected = id;
    this.refresh();
  }

  selectTrack(id) {
    this.track = id;
    this.refresh();
  }

  next() {
    this.assist.drop();
    if (this.toolName === "track") this.track = null;
    else this.object = Math.max(0, ...this.record.items.map((item) => item.object ?? 0)) + 1;
    this.refresh();
  }

  /** The selected annotation, or the current track; `part`: of a track only its place in this frame. */
  removeSelected(part) {
    const item = this.record.find(this.selected);
    if (item) this.record.remove(item);
    const track = this.toolName === "track" && this.tracks?.record.find(this.track);
    if (track) this.tools.track.remove(track, part);
    if (item || track) this.clock.lap();
  }

  undo() {
    this.stage.stop();
    this.assist.drop();
    this.active.record.undo();
  }

  redo() {
    this.assist.drop();
    this.active.record.redo();
  }

  escape() {
    if (this.stage.drawing) return this.stage.stop();
    if (!this.assist.drop()) this.select(null);
  }

  toggleHidden() {
    this.hidden = !this.hidden;
    this.refresh();
  }

  switchAssist(on) {
    this.assist.on = on && this.assist.about !== null;
    this.assist.drop();
    this.#wishForAssistant();
  }

  async finishImage() {
    const [index, done] = [this.index, this.image.state !== "done"];
    try {
      this.project.images[index].state = (await post(`/api/done/${index}`, JSON.stringify(done))).state;
    } catch (error) {
      this.notices.say(error.message);
    }
    if (done && !this.isLast && index === this.index) await this.open(index + 1);
    this.refresh();
  }

  allSheets() {
    return [...this.sheets.values(), this.tracks].filter(Boolean);
  }

  refresh() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#paint();
      this.panel.update();
      this.list.update();
      this.notices.update();
      byId("zoom").textContent = `${Math.round(this.view.scale * 100)} %`;
    });
  }

  #paint() {
    const { draft, hidden, bitmap, view, selected } = this;
    const drawn = this.record.items.filter((item) => !draft?.hide.has(item.id));
    this.painter.paint({
      size: this.stage.size,
      ratio: this.stage.ratio,
      view,
      bitmap,
      hidden,
      selected,
      shape: this.sheet?.size ?? this.image.size,
      items: [...drawn, ...(draft?.items ?? [])],
      preview: this.assist.preview,
      tracks: this.tracks && !this.tracks.error && { items: this.tracks.record.items, frame: this.index, current: this.track },
    });
  }

  #openSheet(index) {
    if (!this.sheets.has(index)) {
      const image = this.project.images[index];
      const paths = { annotations: `/api/annotations/${index}`, mask: `/api/mask/${index}` };
      this.sheets.set(index, this.#sheet({ name: image.name, paths, size: image.size }));
      return this.sheets.get(index).open();
    }
    const sheet = this.sheets.get(index);
    return sheet.error ? sheet.open() : sheet;
  }

  #sheet(options) {
    const sheet = new Sheet({ ...options, project: this.project, onChange: () => this.#changed(sheet) });
    return sheet;
  }

  #changed(sheet) {
    const index = [...this.sheets].find(([, other]) => other === sheet)?.[0];
    const image = this.project.images[index];
    if (image && image.state !== "done") image.state = sheet.record.items.length ? "some" : "nothing";
    if (this.selected && !this.record.find(this.selected)) this.selected = null;
    this.refresh();
  }

  async #openBitmap(index) {
    if (this.project.images[index].error) return null;
    try {
      return await fetchImage(index);
    } catch (error) {
      this.notices.say(error.message);
      return null;
    }
  }

  /** Files may hold classes that have no name yet. */
  async #knowClasses() {
    const names = [...this.project.classes];
    const largest = Math.max(0, ...this.record.items.map((item) => item.label ?? 0));
    while (names.length <= largest) names.push(`class ${names.length}`);
    if (names.length > this.project.classes.length) await this.setClasses(names);
  }

  #wishForAssistant() {
    this.assist.status = { state: "idle", message: "" };
    if (["click", "box"].includes(this.toolName) && this.sheet) this.assist.prepare();
    this.refresh();
  }

  #pathOf(kind, name) {
    if (kind === "tracks") return this.project.video && "/api/tracks";
    const index = this.project.images.findIndex((image) => image.name === name);
    return index < 0 ? null : `/api/${kind}/${index}`;
  }

  build() {
    for (const { name, key, title, icon } of TOOLS) {
      const button = element("button", { title: `${title} (${key.toUpperCase()})` });
      button.append(element("span", { className: "icon", textContent: icon }), element("span", { className: "label", textContent: title }));
      button.dataset.tool = name;
      button.addEventListener("click", () => this.setTool(name));
      byId("tools").append(button);
    }
    byId("folder").textContent = this.project.folder;
    document.title = `Annotate ${this.project.folder}`;
    byId("undo").addEventListener("click", () => this.undo());
    byId("redo").addEventListener("click", () => this.redo());
    byId("fit").addEventListener("click", () => this.stage.fit());
    this.channel.addEventListener("message", ({ data }) => {
      if (data.opened === this.image.name) this.channel.postMessage({ also: this.image.name });
      if (data.also === this.image.name) this.notices.say("This image is also open in another tab. Whoever saves second is asked what to keep.");
    });
    window.addEventListener("pagehide", () => this.tool.finish());
    window.addEventListener("beforeunload", (event) => {
      if (this.allSheets().some((sheet) => ["error", "conflict"].includes(sheet.state))) event.preventDefault();
    });
    bindKeys(this);
    fillHelp();
    this.panel.classes();
    this.setTool("point");
  }
}

try {
  const app = new App(await get("/api/session"));
  app.build();
  await app.start();
  document.body.dataset.ready = "true";
} catch (error) {
  byId("notices").append(element("p", { className: "notice bad", textContent: error.message }));
}
