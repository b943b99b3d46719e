// What the browser keeps: the journal (changes that the server has not confirmed) and the history for undo.

/** Unconfirmed documents in localStorage, which is written before a function returns and outlives a closed tab. */
export class Journal {
  constructor(project) {
    this.prefix = `annotator/${project}/`;
  }

  put(name, entry) {
    try {
      localStorage.setItem(this.prefix + name, JSON.stringify(entry));
      return true;
    } catch {
      return false;
    }
  }

  get(name) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + name));
    } catch {
      return null;
    }
  }

  remove(name) {
    localStorage.removeItem(this.prefix + name);
  }

  names() {
    const keys = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i));
    return keys.filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
  }
}

const finished = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Items with their undo and redo lists in IndexedDB, one entry for each image. Without IndexedDB, undo ends at a reload. */
export class HistoryStore {
  constructor(project) {
    this.project = project;
    this.waiting = new Map();
    this.busy = null;
    this.database = this.#open();
  }

  async #open() {
    const request = indexedDB.open("annotator", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("history");
    return finished(request).catch(() => null);
  }

  async get(name) {
    const database = await this.database;
    if (!database) return null;
    const store = database.transaction("history").objectStore("history");
    return finished(store.get(`${this.project}/${name}`)).catch(() => null);
  }

  /** Keep the newest value of each name; writes follow each other. */
  async put(name, value) {
    this.waiting.set(name, value);
    this.busy ??= this.#drain().finally(() => (this.busy = null));
    await this.busy;
  }

  async #drain() {
    const database = await this.database;
    while (database && this.waiting.size) {
      const [name, value] = this.waiting.entries().next().value;
      this.waiting.delete(name);
      const store = database.transaction("history", "readwrite").objectStore("history");
      await finished(store.put(value, `${this.project}/${name}`)).catch(() => {});
    }
  }
}
