// Where things are. (u, v): edge coordinates of the image, (0, 0) its top left corner, (width, height) the bottom right.
// (x, y) = (u - 0.5, v - 0.5): whole numbers at pixel centres, as in the files. Boxes are given by edges, so by (u, v).

export const MIN_SCALE = 0.02;
export const MAX_SCALE = 64;

const round2 = (value) => Math.round(value * 100) / 100;
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The pixel that an edge coordinate lies in, from 0 to side - 1. */
export const pixelOf = (u, side) => clamp(Math.floor(u), 0, side - 1);

/** The centre coordinate of an edge coordinate, inside the image and to a hundredth of a pixel. */
export const centreOf = (u, side) => clamp(round2(u - 0.5), -0.5, side - 0.51);

/** The nearest line between two pixels. */
export const edgeOf = (u, side) => clamp(Math.round(u), 0, side);

export const isInside = ({ u, v }, [height, width]) => u >= 0 && v >= 0 && u < width && v < height;

/** How the image lies on the canvas, in CSS pixels. */
export class View {
  constructor() {
    this.scale = 1;
    this.left = 0;
    this.top = 0;
  }

  toImage(sx, sy) {
    return { u: (sx - this.left) / this.scale, v: (sy - this.top) / this.scale };
  }

  /** Canvas position of a location (x, y) with whole numbers at pixel centres. */
  ofCentre([x, y]) {
    return [(x + 0.5) * this.scale + this.left, (y + 0.5) * this.scale + this.top];
  }

  /** Canvas position of an edge coordinate. */
  ofEdge(u, v) {
    return [u * this.scale + this.left, v * this.scale + this.top];
  }

  fit([height, width], [canvasHeight, canvasWidth]) {
    const margin = 16;
    const scale = Math.min((canvasWidth - 2 * margin) / width, (canvasHeight - 2 * margin) / height);
    this.scale = clamp(scale, MIN_SCALE, MAX_SCALE);
    this.left = (canvasWidth - width * this.scale) / 2;
    this.top = (canvasHeight - height * this.scale) / 2;
  }

  zoom(factor, sx, sy) {
    const { u, v } = this.toImage(sx, sy);
    this.scale = clamp(this.scale * factor, MIN_SCALE, MAX_SCALE);
    this.left = sx - u * this.scale;
    this.top = sy - v * this.scale;
  }

  move(dx, dy) {
    this.left += dx;
    this.top += dy;
  }
}

export const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

/** Distance of a point from a segment. */
export function distanceToSegment([px, py], [ax, ay], [bx, by]) {
  const length2 = (bx - ax) ** 2 + (by - ay) ** 2;
  const share = length2 ? clamp(((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length2, 0, 1) : 0;
  return distance([px, py], [ax + share * (bx - ax), ay + share * (by - ay)]);
}

/** Distance of a point from a polyline. */
export function distanceToLine(point, line) {
  let nearest = distance(point, line[0]);
  for (let i = 1; i < line.length; i++) nearest = Math.min(nearest, distanceToSegment(point, line[i - 1], line[i]));
  return nearest;
}

/** Where a track is in a frame: {at, known} (known: placed there by hand), or null before its first and after its last. */
export function trackAt(track, frame) {
  const after = track.frames.findIndex((number) => number >= frame);
  if (after === -1) return null;
  if (track.frames[after] === frame) return { at: track.points[after], known: true };
  if (after === 0) return null;
  const [first, last] = [track.frames[after - 1], track.frames[after]];
  const share = (frame - first) / (last - first);
  const [[ax, ay], [bx, by]] = [track.points[after - 1], track.points[after]];
  return { at: [ax + share * (bx - ax), ay + share * (by - ay)], known: false };
}

/** Whether a pixel number lies in ascending runs [start, length, ...]. */
export function inRuns(runs, pixel) {
  for (let i = 0; i < runs.length && runs[i] <= pixel; i += 2) if (pixel < runs[i] + runs[i + 1]) return true;
  return false;
}
