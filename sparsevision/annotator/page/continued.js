// The history of an earlier visit, and the file as it is now: undo goes on, with what changed in between as one more step.

import { Record } from "./record.js";

/** past: {items, past, future} of the earlier visit; items: of the file; same(a, b): whether two lists make the same files. */
export function continued({ items: mine, past, future }, items, same) {
  if (same(mine, items)) return new Record({ items: mine, past, future });
  for (const changes of [difference(mine, items, same), replacement(mine, items)]) {
    const record = new Record({ items: mine, past: [...past] });
    record.edit(changes);
    if (same(record.items, items)) return record;
  }
  return new Record({ items });
}

/** Changes that keep the items which both lists have. Masks are kept when all of them together make the same mask. */
function difference(mine, items, same) {
  const keepMasks = same(mine.filter(isMask), items.filter(isMask));
  const theirs = new Map();
  for (const item of items) {
    const key = content(item);
    if (!(keepMasks && isMask(item))) theirs.set(key, [...(theirs.get(key) ?? []), item]);
  }
  const gone = mine.filter((item) => !(keepMasks && isMask(item)) && !theirs.get(content(item))?.shift());
  const fresh = [...theirs.values()].flat();
  return [...gone.map((before) => ({ before, after: null })), ...fresh.map((after) => ({ before: null, after }))];
}

function replacement(mine, items) {
  return [...mine.map((before) => ({ before, after: null })), ...items.map((after) => ({ before: null, after }))];
}

const isMask = (item) => item.kind === "mask";

const content = ({ id, ...rest }) => JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
