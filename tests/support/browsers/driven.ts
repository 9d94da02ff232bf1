/** A browser that a test drives: the same few steps whatever engine it has. */
import { eventually } from '../eventually.js';

export interface DrivenBrowser {
  readonly version: string;
  open(url: string): Promise<void>;
  reload(): Promise<void>;
  /** The value of an expression in the page, which may be a promise; it travels as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** By the pointer, in the middle of the element. */
  click(selector: string): Promise<void>;
  /** Errors on the console, exceptions, violations of the content security policy. */
  complaints(): Promise<readonly string[]>;
}

/** Starts a browser in the dark theme. It ends after the test. */
export type StartBrowser = () => Promise<DrivenBrowser>;

/** Waits until an expression in the page is true. */
export const until = (browser: DrivenBrowser, expression: string): Promise<void> =>
  eventually(expression, () => browser.evaluate<boolean>(`Boolean(${expression})`));

export const textOf = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)})?.textContent.trim()`;

export async function reads(browser: DrivenBrowser, selector: string, text: string): Promise<void> {
  await until(browser, `${textOf(selector)} === ${JSON.stringify(text)}`);
}
