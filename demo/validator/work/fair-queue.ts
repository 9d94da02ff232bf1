/**
 * Takes from each list in turn. A short list that comes after a long one does not wait for all of it: whoever tries
 * the demo with a few addresses of their own sees them move at once.
 */
export class FairQueue<T> {
  readonly #lists: T[][] = [];

  /** The list belongs to the queue from now on. */
  add(list: T[]): void {
    if (list.length > 0) this.#lists.push(list.reverse());
  }

  take(): T | undefined {
    const list = this.#lists.shift();
    const item = list?.pop();
    if (list !== undefined && list.length > 0) this.#lists.push(list);
    return item;
  }
}
