// The tools. Each has down, move and up for the pointer, and cancel; p = {u, v: edge coordinates, at: canvas position}.
// While something is being drawn it is `app.draft`: {hide: ids not to draw, items: what to draw instead}.

import { centreOf, clamp, distance, isInside, pixelOf } from "./geometry.js";
import { boxBetween, handleAt, itemAt, moved, resized, trackUnder } from "./hits.js";
import { newId } from "./documents.js";

const SLIP = 3; // CSS pixels that a hand moves during a click

class Tool {
  constructor(app) {
    this.app = app;
  }
  down() {}
  move() {}
  up() {}
  cancel() {
    this.app.draft = null;
  }
  /** A tool is put away: finish what is being drawn. */
  finish() {
    this.cancel();
  }
  cursor() {
    return "crosshair";
  }
  get size() {
    return this.app.sheet.size;
  }
  show(items, hide = []) {
    this.app.draft = { items, hide: new Set(hide) };
    this.app.refresh();
  }
}

class PointTool extends Tool {
  down(p, event) {
    if (event.button !== 0 || !isInside(p, this.size)) return;
    const [height, width] = this.size;
    const at = { x: pixelOf(p.u, width), y: pixelOf(p.v, height) };
    const twins = this.app.record.items.filter((item) => item.kind === "point" && item.x === at.x && item.y === at.y);
    const point = { id: newId(), kind: "point", label: this.app.label, ...at, seconds: this.app.clock.lap() };
    this.app.record.edit([...twins.map((before) => ({ before, after: null })), { before: null, after: point }]);
  }
}

class ClickTool extends Tool {
  down(p, event) {
    if (![0, 2].includes(event.button) || !isInside(p, this.size)) return;
    const [height, width] = this.size;
    const { app } = this;
    const clicks = app.record.items.filter((item) => item.kind === "click" && item.object === app.object);
    app.record.add({
      id: newId(),
      kind: "click",
      object: app.object,
      label: clicks[0]?.label ?? app.label,
      positive: event.button === 0 && !event.shiftKey,
      x: centreOf(p.u, width),
      y: centreOf(p.v, height),
      seconds: app.clock.lap(),
    });
    app.assist.askForObject(app.object);
  }
}

class ScribbleTool extends Tool {
  down(p, event) {
    if (event.button !== 0 || !isInside(p, this.size)) return;
    const { label, brush } = this.app;
    this.stroke = { id: newId(), kind: "stroke", label, width: brush, points: [this.#location(p)], seconds: null };
    this.show([this.stroke]);
  }

  move(p) {
    if (!this.stroke) return;
    const { points } = this.stroke;
    const next = this.#location(p);
    const step = Math.max(0.5, 1 / this.app.view.scale);
    if (distance(points.at(-1), next) < step) return;
    this.stroke = { ...this.stroke, points: [...points, next] };
    this.show([this.stroke]);
  }

  up() {
    if (!this.stroke) return;
    const stroke = { ...this.stroke, seconds: this.app.clock.lap() };
    this.cancel();
    this.app.record.add(stroke);
  }

  finish() {
    this.up();
  }

  cancel() {
    this.stroke = null;
    super.cancel();
  }

  #location({ u, v }) {
    const [height, width] = this.size;
    return [centreOf(clamp(u, 0, width), width), centreOf(clamp(v, 0, height), height)];
  }
}

/** What the box tool and the select tool share: pulling a handle of the selected box. */
class Resizer extends Tool {
  grab(p) {
    const box = this.app.record.find(this.app.selected);
    this.handle = box?.kind === "box" ? handleAt(box.box, this.app.view, p.at) : null;
    this.pulled = this.handle ? { before: box, after: box } : null;
    return this.pulled !== null;
  }

  pull(p) {
    const box = resized(this.pulled.before.box, this.handle, p, this.size);
    if (!box) return;
    this.pulled.after = { ...this.pulled.before, box };
    this.show([this.pulled.after], [this.pulled.before.id]);
  }

  release() {
    const { before, after } = this.pulled;
    this.cancel();
    if (after === before) return;
    this.app.change(before, after);
    this.app.assist.askForBox(after);
  }

  cancel() {
    this.pulled = null;
    super.cancel();
  }
}

class BoxTool extends Resizer {
  down(p, event) {
    if (event.button !== 0 || this.grab(p)) return;
    this.start = p;
  }

  move(p) {
    if (this.pulled) this.pull(p);
    else if (this.start) {
      const box = boxBetween(this.start, p, this.size);
      this.show(box ? [{ id: "draft", kind: "box", label: this.app.label, box, draft: true }] : []);
    }
  }

  up(p) {
    if (this.pulled) return this.release();
    if (!this.start) return;
    const [start, { app }] = [this.start, this];
    const box = distance(start.at, p.at) > SLIP ? boxBetween(start, p, this.size) : null;
    this.cancel();
    if (!box) return app.select(null);
    if (app.label === 0) return app.notices.say("A box goes around an object, and class 0 is the background: pick another class.");
    const item = { id: newId(), kind: "box", label: app.label, box, seconds: app.clock.lap() };
    app.record.add(item);
    app.select(item.id);
    app.assist.askForBox(item);
  }

  cancel() {
    this.start = null;
    super.cancel();
  }
}

class SelectTool extends Resizer {
  cursor() {
    return "default";
  }

  down(p, event) {
    if (event.button !== 0 || this.grab(p)) return;
    const { app } = this;
    const item = itemAt(app.record.items, app.view, p.at, this.size);
    app.select(item?.id ?? null);
    this.held = item && item.kind !== "mask" ? { before: item, after: item, from: p } : null;
  }

  move(p) {
    if (this.pulled) this.pull(p);
    else if (this.held && distance(this.held.from.at, p.at) > SLIP) {
      const { before, from } = this.held;
      this.held.after = moved(before, p.u - from.u, p.v - from.v, this.size);
      this.show([this.held.after], [before.id]);
    }
  }

  up() {
    if (this.pulled) return this.release();
    if (!this.held) return;
    const { before, after } = this.held;
    this.cancel();
    if (after !== before) this.app.change(before, after);
  }

  cancel() {
    this.held = null;
    super.cancel();
  }
}

class EraserTool extends Tool {
  down(p, event) {
    if (event.button !== 0) return;
    this.gone = [];
    this.move(p);
  }

  move(p) {
    if (!this.gone) return;
    const { record, view } = this.app;
    const left = record.items.filter((item) => !this.gone.includes(item));
    const item = itemAt(left, view, p.at, this.size);
    if (item && !(item.kind === "mask" && this.gone.length)) this.gone.push(item);
    this.show([], this.gone.map(({ id }) => id));
  }

  up() {
    const gone = this.gone ?? [];
    this.cancel();
    if (gone.length) this.app.clock.lap();
    this.app.record.remove(...gone);
  }

  finish() {
    this.up();
  }

  cancel() {
    this.gone = null;
    super.cancel();
  }
}

class TrackTool extends Tool {
  down(p, event) {
    const { app } = this;
    if (event.button !== 0 || !app.tracks || app.tracks.error || !isInside(p, this.size)) return;
    const { record } = app.tracks;
    const under = trackUnder(record.items, app.view, p.at, app.index);
    if (under) app.selectTrack(under.id);
    else this.#place(record, record.find(app.track), p);
    this.held = under;
  }

  up(p) {
    const track = this.held && this.app.tracks.record.find(this.held.id);
    const far = this.from && distance(this.from.at, p.at) > SLIP;
    if (track && far) this.#place(this.app.tracks.record, track, p);
    this.held = this.from = null;
  }

  move(p) {
    if (this.held) this.from ??= p;
  }

  cancel() {
    this.held = this.from = null;
    super.cancel();
  }

  /** Take away a track, or only its place in this frame. */
  remove(track, part) {
    const keep = track.frames.map((_, i) => i).filter((i) => part && track.frames[i] !== this.app.index);
    const [frames, points] = [keep.map((i) => track.frames[i]), keep.map((i) => track.points[i])];
    this.app.tracks.record.edit([{ before: track, after: keep.length ? { ...track, frames, points } : null }]);
  }

  #place(record, track, { u, v }) {
    const [height, width] = this.size;
    const at = [centreOf(clamp(u, 0, width), width), centreOf(clamp(v, 0, height), height)];
    const seconds = this.app.clock.lap();
    if (!track) {
      const made = { id: newId(), kind: "track", frames: [this.app.index], points: [at], seconds };
      this.app.track = made.id;
      record.add(made);
      return;
    }
    const places = new Map(track.frames.map((frame, i) => [frame, track.points[i]]));
    places.set(this.app.index, at);
    const frames = [...places.keys()].sort((a, b) => a - b);
    const points = frames.map((frame) => places.get(frame));
    record.replace(track, { ...track, frames, points, seconds: (track.seconds ?? 0) + seconds });
  }
}

/** In the order of the toolbar. */
export const TOOLS = [
  { name: "select", key: "v", title: "Select", icon: "⬉", make: SelectTool, hint: "Click something to select it; drag to move it; number keys change its class; Delete removes it." },
  { name: "point", key: "p", title: "Point", icon: "•", make: PointTool, hint: "Click a pixel to give it the chosen class." },
  { name: "click", key: "c", title: "Object click", icon: "⊕", make: ClickTool, hint: "Left click on the object, right (or Shift) click on what is not it. N begins the next object." },
  { name: "scribble", key: "s", title: "Scribble", icon: "∿", make: ScribbleTool, hint: "Draw a stroke inside a region. [ and ] change the brush." },
  { name: "box", key: "b", title: "Box", icon: "▭", make: BoxTool, hint: "Drag a box around an object; pull its handles to correct it." },
  { name: "track", key: "t", title: "Track", icon: "⤳", make: TrackTool, hint: "Click a spot, go to another frame, click where the spot is now. N begins the next track." },
  { name: "eraser", key: "e", title: "Eraser", icon: "⌫", make: EraserTool, hint: "Click or drag over annotations and masks to remove them." },
];
