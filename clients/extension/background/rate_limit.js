// So many in a stretch of time, for each key (a tab).

export class RateLimit {
  #times = new Map();

  constructor({ count, seconds, now = () => Date.now() }) {
    Object.assign(this, { count, seconds, now });
  }

  /** Whether one more is within the limit; it is counted then. */
  take(key) {
    const since = this.now() - 1000 * this.seconds;
    const times = (this.#times.get(key) ?? []).filter((time) => time > since);
    const isWithin = times.length < this.count;
    if (isWithin) times.push(this.now());
    this.#times.set(key, times);
    return isWithin;
  }
}
