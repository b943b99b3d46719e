// Items, as the page edits them, to and from documents, as the files hold them.
// Items: {id, kind, seconds, ...}
//   point  {label, x, y}            click {object, label, positive, x, y}     stroke {label, width, points}
//   box    {label, box}             track {frames, points}                    mask {label, runs, rest}

export const UNKNOWN = 255;
const FORMAT = { format: "sparsevision-annotation", version: 1, type: "dict" };
const KINDS = { points: "point", scribbles: "stroke", boxes: "box", tracks: "track" };

let made = 0;
/** A name for an item that no other item of this browser has. */
export const newId = () => `${Date.now().toString(36)}-${(made++).toString(36)}-${Math.random().toString(36).slice(2, 8)}`;

export const objectNumber = (name) => Number(name.slice("object_".length));

/** Items and the meta of their groups from a document of the server; `keepTracks` leaves tracks to `kept`. */
export function itemsOf(document, { keepTracks }) {
  const items = [];
  const meta = {};
  const kept = {};
  for (const [name, group] of Object.entries(document.items)) {
    if (keepTracks && name === "tracks") {
      kept[name] = group;
      continue;
    }
    const { seconds, classes, ...rest } = group.meta;
    meta[name] = rest;
    itemsOfGroup(name, group).forEach((item, i) => items.push({ id: newId(), ...item, seconds: seconds?.[i] ?? null }));
  }
  return { items, meta, kept };
}

function itemsOfGroup(name, group) {
  const kind = KINDS[name] ?? "click";
  if (kind === "point") return group.xy.map(([x, y], i) => ({ kind, label: group.labels[i], x, y }));
  if (kind === "stroke") {
    return group.polylines.map((points, i) => ({ kind, label: group.labels[i], width: group.widths[i], points }));
  }
  if (kind === "box") return group.xyxy.map((box, i) => ({ kind, label: group.labels[i], box }));
  if (kind === "track") return group.paths.map((points, i) => ({ kind, frames: group.frames[i], points }));
  const object = objectNumber(name);
  return group.xy.map(([x, y], i) => ({ kind, object, label: group.meta.label, positive: group.positive[i], x, y }));
}

/** The document of a list of items, masks left out. images: names of the frames of tracks. */
export function documentOf(items, { size, classes, meta, kept, images }) {
  const groups = { ...kept };
  const of = (kind) => items.filter((item) => item.kind === kind);
  const labels = (list) => list.map((item) => item.label);
  const add = (name, type, list, fields, more = {}) => {
    if (!list.length) return;
    const timed = { ...meta[name], ...more, seconds: list.map((item) => item.seconds), classes };
    groups[name] = { type, ...fields, size, meta: timed };
  };
  const [points, strokes, boxes, tracks] = ["point", "stroke", "box", "track"].map(of);
  add("points", "point_labels", points, { xy: points.map(({ x, y }) => [x, y]), labels: labels(points) });
  add("scribbles", "scribbles", strokes, {
    polylines: strokes.map((item) => item.points),
    labels: labels(strokes),
    widths: strokes.map((item) => item.width),
  });
  add("boxes", "boxes", boxes, { xyxy: boxes.map((item) => item.box), labels: labels(boxes) });
  const course = { paths: tracks.map((item) => item.points), frames: tracks.map((item) => item.frames) };
  add("tracks", "tracks", tracks, { ...course, num_frames: images.length }, { images });
  for (const [object, clicks] of objectsOf(items)) {
    const fields = { xy: clicks.map(({ x, y }) => [x, y]), positive: clicks.map((item) => item.positive) };
    add(`object_${object}`, "clicks", clicks, fields, { label: clicks[0].label });
  }
  return { ...FORMAT, items: groups };
}

/** [[object number, its clicks], ...] in the order of their first clicks. */
export function objectsOf(items) {
  const objects = new Map();
  for (const item of items) {
    if (item.kind !== "click") continue;
    if (!objects.has(item.object)) objects.set(item.object, []);
    objects.get(item.object).push(item);
  }
  return [...objects];
}

export const maskItemsOf = (document) =>
  document.masks.map(({ label, runs }) => ({ id: newId(), kind: "mask", label, runs, rest: false, seconds: null }));

/** Uint8Array of class ids, row by row: later masks lie on top, "rest" masks fill only what is unknown. */
export function classMapOf(items, [height, width]) {
  const map = new Uint8Array(height * width).fill(UNKNOWN);
  const masks = items.filter((item) => item.kind === "mask");
  for (const { label, runs } of masks.filter((item) => !item.rest)) {
    for (let i = 0; i < runs.length; i += 2) map.fill(label, runs[i], runs[i] + runs[i + 1]);
  }
  const rest = masks.findLast((item) => item.rest);
  return rest ? map.map((label) => (label === UNKNOWN ? rest.label : label)) : map;
}

/** The mask document of a list of items: one mask for each class that shows. */
export function maskDocumentOf(items, size) {
  if (!items.some((item) => item.kind === "mask")) return { masks: [] };
  const map = classMapOf(items, size);
  const byLabel = new Map();
  for (let start = 0; start < map.length; ) {
    const label = map[start];
    let end = start + 1;
    while (end < map.length && map[end] === label) end++;
    if (label !== UNKNOWN) {
      if (!byLabel.has(label)) byLabel.set(label, []);
      byLabel.get(label).push(start, end - start);
    }
    start = end;
  }
  const labels = [...byLabel.keys()].sort((a, b) => a - b);
  return { masks: labels.map((label) => ({ label, runs: byLabel.get(label) })) };
}
