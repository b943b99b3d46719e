// The canvas: its size, zoom and pan, and pointer events handed to the tool.

import { View } from "./geometry.js";

const WHEEL_RATE = 0.0016;

export class Stage {
  /** app: has a tool (down, move, up, cancel, cursor), a sheet with a size, refresh() and paint(). */
  constructor(canvas, app) {
    this.canvas = canvas;
    this.app = app;
    this.view = new View();
    this.space = false;
    this.panning = null;
    this.drawing = false;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.stop());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#resize();
  }

  get size() {
    return [this.canvas.clientHeight, this.canvas.clientWidth];
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  fit() {
    if (this.app.sheet?.size) this.view.fit(this.app.sheet.size, this.size);
    this.app.refresh();
  }

  zoom(factor) {
    const [height, width] = this.size;
    this.view.zoom(factor, width / 2, height / 2);
    this.app.refresh();
  }

  holdSpace(down) {
    this.space = down;
    this.#cursor();
  }

  /** End what is being drawn or dragged without doing it. */
  stop() {
    if (this.drawing) this.app.tool.cancel();
    this.drawing = false;
    this.panning = null;
    this.app.refresh();
  }

  #point(event) {
    const area = this.canvas.getBoundingClientRect();
    const at = [event.clientX - area.left, event.clientY - area.top];
    return { at, ...this.view.toImage(...at) };
  }

  #down(event) {
    this.canvas.focus({ preventScroll: true });
    if (this.drawing || this.panning || !this.app.sheet?.size) return;
    this.canvas.setPointerCapture(event.pointerId);
    if (this.space || event.button === 1) {
      event.preventDefault();
      this.panning = [event.clientX, event.clientY];
    } else if (!this.app.sheet.error) {
      this.drawing = true;
      this.app.tool.down(this.#point(event), event);
    }
    this.#cursor();
    this.app.refresh();
  }

  #move(event) {
    if (this.panning) {
      this.view.move(event.clientX - this.panning[0], event.clientY - this.panning[1]);
      this.panning = [event.clientX, event.clientY];
      this.app.refresh();
    } else if (this.drawing) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.app.tool.move(this.#point(each), each);
    }
  }

  #up(event) {
    if (this.panning) this.panning = null;
    else if (this.drawing) {
      this.drawing = false;
      this.app.tool.up(this.#point(event), event);
    }
    this.#cursor();
    this.app.refresh();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    this.view.zoom(Math.exp(-event.deltaY * lines * WHEEL_RATE), ...this.#point(event).at);
    this.app.refresh();
  }

  #resize() {
    const [height, width] = this.size;
    const [rows, columns] = [Math.round(height * this.ratio), Math.round(width * this.ratio)];
    if (this.canvas.height === rows && this.canvas.width === columns) return;
    this.canvas.height = rows;
    this.canvas.width = columns;
    this.fit();
  }

  #cursor() {
    this.canvas.style.cursor = this.panning ? "grabbing" : this.space ? "grab" : this.app.tool.cursor();
  }

  toolChanged() {
    this.#cursor();
  }
}
