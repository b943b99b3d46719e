// The items of one image (or the tracks of the folder), with unlimited undo.
// An edit is a list of changes {before, after, at}: before null adds an item, after null removes one, `at` is its place.

export class Record {
  constructor({ items, past = [], future = [] }) {
    this.items = items;
    this.past = past;
    this.future = future;
    this.onChange = () => {};
    this.locked = false; // of a file that cannot be read: no edits
  }

  find(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  add(...items) {
    this.edit(items.map((after) => ({ before: null, after })));
  }

  remove(...items) {
    this.edit(items.map((before) => ({ before, after: null })));
  }

  replace(before, after) {
    this.edit([{ before, after }]);
  }

  edit(changes) {
    if (!changes.length || this.locked) return;
    this.past.push(changes.map((change) => this.#apply(change)));
    this.future = [];
    this.onChange(changes);
  }

  undo() {
    const edit = this.past.pop();
    if (!edit) return false;
    const reversed = edit.map(({ before, after, at }) => ({ before: after, after: before, at })).reverse();
    reversed.forEach((change) => this.#apply(change));
    this.future.push(edit);
    this.onChange(edit);
    return true;
  }

  redo() {
    const edit = this.future.pop();
    if (!edit) return false;
    edit.forEach((change) => this.#apply(change));
    this.past.push(edit);
    this.onChange(edit);
    return true;
  }

  #apply({ before, after, at }) {
    const items = [...this.items];
    const place = before ? items.findIndex((item) => item.id === before.id) : (at ?? items.length);
    items.splice(place, before ? 1 : 0, ...(after ? [after] : []));
    this.items = items;
    return { before, after, at: place };
  }
}
