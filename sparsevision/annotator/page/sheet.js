// One file, or two, under the pen: the items of an image (annotations and mask), or the tracks of the folder.
// Loads them, joins them with the history of an earlier visit, and saves every edit.

import { get } from "./api.js";
import { continued } from "./continued.js";
import { documentOf, itemsOf, maskDocumentOf, maskItemsOf } from "./documents.js";
import { Record } from "./record.js";
import { Saver, replay } from "./saver.js";

const ORDER = ["saved", "saving", "away", "error", "conflict"];

export class Sheet {
  /** paths: {annotations, mask} or {tracks}; name: of the image; onChange: after every edit and every news of a saver. */
  constructor({ name, paths, size, project, onChange }) {
    Object.assign(this, { name, paths, size, project, onChange });
    this.savers = {};
    this.remembering = 0; // histories on their way into the browser's storage
    this.error = "";
    this.meta = {};
    this.kept = {};
    this.record = new Record({ items: [] });
    this.record.locked = true;
  }

  async open() {
    try {
      await this.#load();
      this.error = "";
    } catch (error) {
      this.error = error.message;
    }
    return this;
  }

  get kinds() {
    return Object.keys(this.paths);
  }

  get state() {
    const states = Object.values(this.savers).map((saver) => saver.state);
    if (this.remembering) states.push("saving");
    return states.reduce((worst, state) => (ORDER.indexOf(state) > ORDER.indexOf(worst) ? state : worst), "saved");
  }

  get message() {
    return Object.values(this.savers).find((saver) => saver.state === this.state)?.message ?? "";
  }

  /** The document of one kind, from these items. */
  document(kind, items = this.record.items) {
    if (kind === "mask") return maskDocumentOf(items, this.size);
    const { size, meta, kept } = this;
    const { classes, images } = this.project;
    return documentOf(items, { size, meta, kept, classes, images: images.map((image) => image.name) });
  }

  /** After a conflict: save these items over the file. */
  async keepMine() {
    for (const kind of this.kinds) {
      if (this.savers[kind].state !== "conflict") continue;
      const { revision } = await get(this.paths[kind]);
      this.savers[kind].overwrite(revision);
    }
  }

  /** After a conflict: take the file's items; undo brings these back. */
  async takeTheirs() {
    const { items, documents } = await this.#fetch();
    for (const kind of this.kinds) Object.assign(this.savers[kind], { base: documents[kind].revision, state: "saved" });
    const changes = this.record.items.map((before) => ({ before, after: null }));
    this.record.edit([...changes, ...items.map((after) => ({ before: null, after }))]);
  }

  /** Save again although no item changed, for the names of the classes. */
  saveAll() {
    for (const kind of this.kinds) if (kind !== "mask" && this.record.items.length) this.#save(kind);
  }

  async #load() {
    const { items, documents } = await this.#fetch();
    for (const kind of this.kinds) {
      this.savers[kind] = new Saver({
        path: this.paths[kind],
        name: this.#journalName(kind),
        base: documents[kind].revision,
        journal: this.project.journal,
        onState: () => this.onChange(),
      });
    }
    const earlier = await this.project.history.get(this.#historyName());
    this.record = earlier ? continued(earlier, items, (a, b) => this.#same(a, b)) : new Record({ items });
    this.record.onChange = (changes) => this.#edited(changes);
    this.#openConflicts();
  }

  async #fetch() {
    const documents = {};
    for (const kind of this.kinds) documents[kind] = await get(this.paths[kind]);
    const main = documents.annotations ?? documents.tracks;
    const { items, meta, kept } = itemsOf(main.document, { keepTracks: !documents.tracks });
    Object.assign(this, { meta, kept });
    if (documents.mask) items.push(...maskItemsOf(documents.mask.document));
    return { items, documents };
  }

  /** Whether two lists of items make the same files. */
  #same(a, b) {
    return this.kinds.every((kind) => JSON.stringify(this.document(kind, a)) === JSON.stringify(this.document(kind, b)));
  }

  /** A change of an earlier tab that could not be saved, since the file had changed: show it, and let the person choose. */
  #openConflicts() {
    for (const kind of this.kinds) {
      const entry = this.project.journal.get(this.#journalName(kind));
      if (!entry) continue;
      const document = JSON.parse(entry.text);
      const loaded = kind === "mask" ? maskItemsOf(document) : itemsOf(document, { keepTracks: kind !== "tracks" }).items;
      const others = this.record.items.filter((item) => (item.kind === "mask") !== (kind === "mask"));
      this.record.items = kind === "mask" ? [...others, ...loaded] : [...loaded, ...others];
      this.savers[kind].openInConflict(entry.text, "This image was changed elsewhere while changes of yours were unsaved.");
    }
  }

  #edited(changes) {
    const touched = new Set(changes.map(({ before, after }) => this.#kindOf(before ?? after)));
    for (const kind of touched) this.#save(kind);
    this.#remember();
    this.onChange();
  }

  async #remember() {
    const { items, past, future } = this.record;
    this.remembering++;
    await this.project.history.put(this.#historyName(), { items, past, future });
    this.remembering--;
    this.onChange();
  }

  #save(kind) {
    this.savers[kind].save(this.document(kind));
  }

  #kindOf(item) {
    return item.kind === "mask" ? "mask" : (this.kinds.find((kind) => kind !== "mask") ?? "annotations");
  }

  #journalName(kind) {
    return `${kind}/${this.name}`;
  }

  #historyName() {
    return this.kinds[0] === "tracks" ? "tracks" : `image/${this.name}`;
  }
}

/** Send what earlier tabs left in the journal; names that conflict stay there. */
export async function replayJournal(journal, pathOf) {
  for (const name of journal.names()) {
    const entry = journal.get(name);
    const [kind, image] = [name.slice(0, name.indexOf("/")), name.slice(name.indexOf("/") + 1)];
    const path = pathOf(kind, image);
    if (entry && path && (await replay({ path, ...entry })) === "saved") journal.remove(name);
    else if (entry && path && (await isSaved(path, entry.text))) journal.remove(name);
  }
}

async function isSaved(path, text) {
  const answer = await get(path).catch(() => null);
  return answer !== null && canonical(answer.document) === canonical(JSON.parse(text));
}

const canonical = (value) =>
  JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
