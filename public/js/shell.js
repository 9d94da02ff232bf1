/** What is around each view: its texts, and the choice of the language. */
import { el } from './dom.js';
import { changeLanguage, LANGUAGES, language } from './language.js';
import { t } from './texts.js';

/** In `index.html` the texts stand in English, for browsers without JavaScript and to be read there. */
export function paintShell() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-text]'))
    element.textContent = t.shell[element.dataset.text];
  for (const element of document.querySelectorAll('[data-label]'))
    element.setAttribute('aria-label', t.shell[element.dataset.label]);
  document.getElementById('foot').append(languageChoice());
}

function languageChoice() {
  const choice = el(
    'select',
    { class: 'input small', 'aria-label': t.shell.language, onchange: () => changeLanguage(choice.value) },
    ...Object.entries(LANGUAGES).map(([name, text]) => el('option', { value: name, lang: name, text })),
  );
  choice.value = language;
  return choice;
}
