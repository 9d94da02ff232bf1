/** The language of the page: the one chosen here before, else the browser's, else English. */
const KEY = 'verigate-language';

/** Named in their own words, so that everybody finds theirs. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' };

export const language = remembered() ?? preferred(globalThis.navigator?.languages ?? []);

export function preferred(wanted) {
  const known = wanted.map((tag) => tag.toLowerCase().split('-')[0]);
  return known.find((name) => Object.hasOwn(LANGUAGES, name)) ?? 'en';
}

function remembered() {
  const name = globalThis.localStorage?.getItem(KEY);
  return Object.hasOwn(LANGUAGES, name ?? '') ? name : null;
}

/** The page is loaded again: each text of it is written once, when its part is built. */
export function changeLanguage(name) {
  localStorage.setItem(KEY, name);
  location.reload();
}

/** Numbers and dates are written as at home where that is a country of this language: 1’234 in Switzerland. */
export const locale =
  (globalThis.navigator?.languages ?? []).find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
