// So much at once: who would make it more waits, and is let in in the order of coming.

export class Room {
  #free;
  #waiting = [];

  constructor(size) {
    this.#free = size;
  }

  /** Resolves when there is room for so much. It is taken then, until leave() gives the same back. */
  async enter(size = 1) {
    if (this.#waiting.length > 0 || size > this.#free) await new Promise((letIn) => this.#waiting.push({ size, letIn }));
    else this.#free -= size;
  }

  leave(size = 1) {
    this.#free += size;
    while (this.#waiting.length > 0 && this.#waiting[0].size <= this.#free) {
      const next = this.#waiting.shift();
      this.#free -= next.size;
      next.letIn();
    }
  }
}
