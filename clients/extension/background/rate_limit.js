// So many in a stretch of time, for each key (a tab): the next ones wait.

export class RateLimit {
  #times = new Map(); // key -> when the last ones had their turn, or will have it

  constructor({ count, seconds, now = () => Date.now(), sleep = (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)) }) {
    Object.assign(this, { count, seconds, now, sleep });
  }

  /** Resolves when one more is within the limit. */
  async turn(key) {
    const now = this.now();
    const times = this.#times.get(key) ?? [];
    const when = times.length < this.count ? now : Math.max(now, times[0] + 1000 * this.seconds);
    this.#times.set(key, [...times, when].slice(-this.count));
    if (when > now) await this.sleep(when - now);
  }
}
