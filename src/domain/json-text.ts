/** A value as JSON text, passed on unchanged. The text is parsed at most once, and never where the value is known. */
export class JsonText<T = unknown> {
  #value: T | undefined;

  constructor(
    readonly json: string,
    value?: T,
  ) {
    this.#value = value;
  }

  static of<T>(value: T): JsonText<T> {
    return new JsonText(JSON.stringify(value), value);
  }

  parsed(): T {
    this.#value ??= JSON.parse(this.json) as T;
    return this.#value;
  }

  toJSON(): T {
    return this.parsed();
  }
}
