/** All texts of the page, in the language chosen. */
import { bytes, count, duration, plural } from './format.js';
import { language } from './language.js';
import { en } from './texts/en.js';

/** English is in the page's script; another language is one file more, asked for where it is wanted. */
const OTHERS = { de: () => import('./texts/de.js') };

/** In English rather than not at all. */
const load = (name) =>
  OTHERS[name]().then(
    (module) => module[name],
    () => en,
  );

const texts = language === 'en' ? en : await load(language);
export const t = texts({ bytes, count, duration, plural });

/** A value comes from the validator or a proxy and may be any text: `constructor` is no word of ours. */
export const own = (texts, key) => (Object.hasOwn(texts, key) ? texts[key] : undefined);

/** What comes in the place of a text may be an object, with a `toString` of its own that is no function. */
export const asText = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** The words for values of the API. A value that has none is shown as it comes. */
export const word = (key) => own(t.words, key) ?? String(key);

/** `sub_status` as the validator writes it (`Invalid Domain`), in the words that filters and charts have for it. */
export const reasonOf = (text) =>
  own(t.words, asText(text).toLowerCase().replaceAll(' ', '_')) ?? asText(text);

/** What was wrong, in the user's words where the code is known; the gateway's own message names its settings. */
export const explain = ({ code, message }) => own(t.errors, code) ?? message;
