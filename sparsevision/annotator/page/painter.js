// Drawing: the image, masks, items, and what is just being drawn.

import { handlesOf } from "./hits.js";
import { trackAt } from "./geometry.js";
import { classMapOf, objectsOf, UNKNOWN } from "./documents.js";
import { classColour, trackColour } from "./palette.js";

const HALO = "rgba(255, 255, 255, .95)";
const SHADE = "rgba(10, 14, 20, .75)";
const MASK_ALPHA = 120;
const PREVIEW = { colour: "#ffeb3b", alpha: 150 };

/** A canvas of the image's size, painted by `fill(pixels as Uint32Array, see colourWord)`. */
function overlay([height, width], fill) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  fill(new Uint32Array(data.data.buffer));
  context.putImageData(data, 0, 0);
  return canvas;
}

/** A CSS colour with an alpha of 0 to 255 as one pixel of an overlay. */
function colourWord(colour, alpha) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const rgba = context.getImageData(0, 0, 1, 1).data;
  rgba[3] = alpha;
  return new Uint32Array(rgba.buffer)[0];
}

export class Painter {
  constructor(canvas) {
    this.context = canvas.getContext("2d");
    this.masks = { items: [], canvas: null };
    this.preview = { runs: null, canvas: null };
  }

  /** scene: {size: canvas [height, width], ratio, view, bitmap, shape, items, hidden, selected, preview, tracks} */
  paint(scene) {
    const { context } = this;
    const [height, width] = scene.size;
    context.setTransform(scene.ratio, 0, 0, scene.ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!scene.bitmap) return;
    this.#pixels(scene, scene.bitmap);
    if (scene.hidden) return;
    const masks = this.#maskCanvas(scene);
    if (masks) this.#pixels(scene, masks);
    if (scene.preview) this.#pixels(scene, this.#previewCanvas(scene));
    const objects = objectsOf(scene.items).length;
    for (const kind of ["stroke", "box", "click", "point"]) {
      for (const item of scene.items) if (item.kind === kind) this[`_${kind}`](scene, item, objects);
    }
    if (scene.tracks) scene.tracks.items.forEach((track, i) => this.#track(scene, track, trackColour(i)));
  }

  #pixels({ view, shape }, source) {
    const { context } = this;
    context.imageSmoothingEnabled = view.scale < 2;
    context.imageSmoothingQuality = "high";
    context.drawImage(source, view.left, view.top, shape[1] * view.scale, shape[0] * view.scale);
  }

  #maskCanvas({ items, shape }) {
    const masks = items.filter((item) => item.kind === "mask");
    const same = masks.length === this.masks.items.length && masks.every((mask, i) => mask === this.masks.items[i]);
    if (!same) this.masks = { items: masks, canvas: masks.length ? this.#drawMasks(masks, shape) : null };
    return this.masks.canvas;
  }

  #drawMasks(masks, shape) {
    const map = classMapOf(masks, shape);
    const words = new Uint32Array(UNKNOWN + 1);
    for (const { label } of masks) words[label] ||= colourWord(classColour(label), MASK_ALPHA);
    return overlay(shape, (pixels) => {
      for (let i = 0; i < map.length; i++) pixels[i] = words[map[i]];
    });
  }

  #previewCanvas({ preview, shape }) {
    if (this.preview.runs !== preview.runs) {
      const { runs } = preview;
      const word = colourWord(PREVIEW.colour, PREVIEW.alpha);
      const canvas = overlay(shape, (pixels) => {
        for (let i = 0; i < runs.length; i += 2) pixels.fill(word, runs[i], runs[i] + runs[i + 1]);
      });
      this.preview = { runs: preview.runs, canvas };
    }
    return this.preview.canvas;
  }

  _stroke({ view, selected }, item) {
    const { context } = this;
    const line = item.points.map((point) => view.ofCentre(point));
    const width = Math.max(item.width * view.scale, 2);
    context.lineCap = context.lineJoin = "round";
    const trace = (colour, lineWidth) => {
      context.strokeStyle = colour;
      context.lineWidth = lineWidth;
      context.beginPath();
      context.moveTo(...line[0]);
      if (line.length === 1) context.lineTo(...line[0]);
      line.slice(1).forEach((at) => context.lineTo(...at));
      context.stroke();
    };
    if (item.id === selected) trace(HALO, width + 5);
    context.globalAlpha = 0.72;
    trace(classColour(item.label), width);
    context.globalAlpha = 1;
  }

  _box({ view, selected }, item) {
    const { context } = this;
    const [x0, y0, x1, y1] = item.box;
    const [left, top] = view.ofEdge(x0, y0);
    const [right, bottom] = view.ofEdge(x1, y1);
    const colour = classColour(item.label);
    context.setLineDash(item.draft ? [6, 4] : []);
    for (const [style, width] of [[SHADE, 4], [colour, 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.strokeRect(left, top, right - left, bottom - top);
    }
    context.setLineDash([]);
    if (item.id !== selected) return;
    for (const { at } of handlesOf(item.box, view)) this.#dot(at, 5, "#fff", colour, true);
  }

  _click({ view, selected }, item, objects) {
    const { context } = this;
    const [x, y] = view.ofCentre([item.x, item.y]);
    this.#dot([x, y], item.id === selected ? 10 : 8, item.positive ? classColour(item.label) : "#1b1f27", HALO);
    context.strokeStyle = "#fff";
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - 4, y);
    context.lineTo(x + 4, y);
    if (item.positive) {
      context.moveTo(x, y - 4);
      context.lineTo(x, y + 4);
    }
    context.stroke();
    if (objects > 1) this.#text(String(item.object), x + 11, y - 7);
  }

  _point({ view, selected }, item) {
    this.#dot(view.ofCentre([item.x, item.y]), item.id === selected ? 8 : 5.5, classColour(item.label), HALO);
    if (view.scale < 12) return;
    const [left, top] = view.ofEdge(item.x, item.y);
    this.context.strokeStyle = HALO;
    this.context.lineWidth = 1;
    this.context.strokeRect(left, top, view.scale, view.scale);
  }

  #track({ view, tracks }, track, colour) {
    const { context } = this;
    const line = track.points.map((point) => view.ofCentre(point));
    context.globalAlpha = track.id === tracks.current ? 0.95 : 0.55;
    for (const [style, width] of [[SHADE, 4], [colour, 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      line.forEach((at, i) => (i ? context.lineTo(...at) : context.moveTo(...at)));
      context.stroke();
    }
    line.forEach((at) => this.#dot(at, 3, colour, SHADE));
    context.globalAlpha = 1;
    const place = trackAt(track, tracks.frame);
    if (!place) return;
    const radius = track.id === tracks.current ? 9 : 7;
    this.#dot(view.ofCentre(place.at), radius, place.known ? colour : "rgba(255, 255, 255, .35)", place.known ? HALO : colour);
  }

  #dot([x, y], radius, fill, rim, square = false) {
    const { context } = this;
    context.beginPath();
    if (square) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    else context.arc(x, y, radius, 0, 2 * Math.PI);
    context.strokeStyle = SHADE;
    context.lineWidth = 4;
    context.stroke();
    context.fillStyle = fill;
    context.fill();
    context.strokeStyle = rim;
    context.lineWidth = 2;
    context.stroke();
  }

  #text(text, x, y) {
    const { context } = this;
    context.font = "600 12px system-ui, sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = SHADE;
    context.strokeText(text, x, y);
    context.fillStyle = "#fff";
    context.fillText(text, x, y);
  }
}
