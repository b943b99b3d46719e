// What lies under the pointer, and items moved or resized. Distances on the canvas are in CSS pixels.

import { centreOf, clamp, distance, distanceToLine, edgeOf, inRuns, pixelOf, trackAt } from "./geometry.js";

const REACH = 9;
const CORNERS = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];

/** The eight handles of a box: [{at: canvas position, fx, fy: 0 left or top edge, 1 right or bottom edge, 0.5 neither}]. */
export function handlesOf(box, view) {
  const [x0, y0, x1, y1] = box;
  return CORNERS.map(([fx, fy]) => ({ fx, fy, at: view.ofEdge(x0 + fx * (x1 - x0), y0 + fy * (y1 - y0)) }));
}

export const handleAt = (box, view, at) => handlesOf(box, view).find((handle) => distance(handle.at, at) <= REACH) ?? null;

/** The item under the pointer: marks before strokes before the edges of boxes before masks, the newest first. */
export function itemAt(items, view, at, size) {
  const { u, v } = view.toImage(...at);
  const pixel = pixelOf(v, size[0]) * size[1] + pixelOf(u, size[1]);
  const inside = u >= 0 && v >= 0 && u < size[1] && v < size[0];
  const tests = [
    (item) => item.kind in { point: 1, click: 1 } && distance(view.ofCentre([item.x, item.y]), at) <= REACH,
    (item) => item.kind === "stroke" && isOnStroke(item, view, at),
    (item) => item.kind === "box" && isOnEdge(item.box, view, at),
    (item) => item.kind === "mask" && inside && !item.rest && inRuns(item.runs, pixel),
  ];
  for (const test of tests) {
    const found = items.findLast(test);
    if (found) return found;
  }
  return items.findLast((item) => item.kind === "mask" && item.rest && inside) ?? null;
}

function isOnStroke({ points, width }, view, at) {
  const line = points.map((point) => view.ofCentre(point));
  return distanceToLine(at, line) <= Math.max((width / 2) * view.scale, REACH / 2);
}

function isOnEdge([x0, y0, x1, y1], view, at) {
  const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]].map(([u, v]) => view.ofEdge(u, v));
  return distanceToLine(at, corners) <= REACH / 1.5;
}

/** The track whose place in this frame is under the pointer. */
export function trackUnder(tracks, view, at, frame) {
  return (
    tracks.findLast((track) => {
      const place = trackAt(track, frame);
      return place && distance(view.ofCentre(place.at), at) <= REACH;
    }) ?? null
  );
}

/** An item moved by (du, dv) image pixels, kept inside the image. */
export function moved(item, du, dv, [height, width]) {
  if (item.kind === "point") {
    const x = clamp(Math.round(item.x + du), 0, width - 1);
    return { ...item, x, y: clamp(Math.round(item.y + dv), 0, height - 1) };
  }
  if (item.kind === "click") {
    return { ...item, x: centreOf(item.x + 0.5 + du, width), y: centreOf(item.y + 0.5 + dv, height) };
  }
  if (item.kind === "stroke") {
    const points = item.points.map(([x, y]) => [centreOf(x + 0.5 + du, width), centreOf(y + 0.5 + dv, height)]);
    return { ...item, points };
  }
  if (item.kind === "box") {
    const [x0, y0, x1, y1] = item.box;
    const dx = clamp(Math.round(du), -x0, width - x1);
    const dy = clamp(Math.round(dv), -y0, height - y1);
    return { ...item, box: [x0 + dx, y0 + dy, x1 + dx, y1 + dy] };
  }
  return item;
}

/** A box from two opposite corners in edge coordinates, on whole pixel edges; null when it holds no pixel. */
export function boxBetween(a, b, [height, width]) {
  const [x0, x1] = [edgeOf(Math.min(a.u, b.u), width), edgeOf(Math.max(a.u, b.u), width)];
  const [y0, y1] = [edgeOf(Math.min(a.v, b.v), height), edgeOf(Math.max(a.v, b.v), height)];
  return x0 < x1 && y0 < y1 ? [x0, y0, x1, y1] : null;
}

/** A box with one of its handles pulled to an edge coordinate; may turn over, null when nothing is left. */
export function resized([x0, y0, x1, y1], { fx, fy }, { u, v }, size) {
  const a = { u: fx === 0 ? u : x0, v: fy === 0 ? v : y0 };
  const b = { u: fx === 1 ? u : x1, v: fy === 1 ? v : y1 };
  return boxBetween(a, b, size);
}
