/** A value that stands there as JSON, and is parsed by whoever needs to look into it. */
export class JsonText<T = unknown> {
  constructor(readonly json: string) {}

  parsed(): T {
    return JSON.parse(this.json) as T;
  }

  toJSON(): T {
    return this.parsed();
  }
}
