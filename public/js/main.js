/** Entry point of the dashboard: routing. */
import { socket } from './connection.js';
import { fileView } from './file/view.js';
import { listView } from './list/view.js';
import { returnToPlace } from './place.js';
import { paintShell } from './shell.js';
import { submitView } from './submit/view.js';
import { setIcon, setTitle } from './tab.js';
import { askForToken } from './token.js';

const main = document.getElementById('main');
let view;
let shown = 0;

/** `#/files/<id>?status=risky` → its parts. An invalid fragment shows the list. */
function readRoute() {
  const [path = '', search = ''] = location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(search);
  if (path === '/new') return { name: 'submit', parameters };
  const id = /^\/files\/(.+)$/.exec(path)?.[1];
  try {
    if (id !== undefined) return { name: 'file', fileId: decodeURIComponent(id), parameters };
  } catch {
    // invalid percent-encoding: the page itself never writes that
  }
  return { name: 'list', parameters };
}

const views = { list: listView, file: fileView, submit: submitView };

function show({ type } = {}) {
  const number = ++shown;
  const route = readRoute();
  // Other filters of the list that is shown: the view stays, with its place on the page.
  if (type === 'hashchange' && view?.follow?.(route)) return returnToPlace();
  view?.close();
  setIcon(null);
  view = views[route.name]({ route, socket, setTitle });
  main.replaceChildren(view.element);
  document.body.dataset.view = route.name;
  returnToPlace();
  // Moves the focus to the heading, so that a screen reader announces the new view.
  if (number > 1) view.element.querySelector('h1')?.focus({ preventScroll: true });
}

// The fragment is the route: the skip link must not change it.
document.querySelector('.skip-link').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', show);
window.addEventListener('verigate:start-over', () => show());
window.addEventListener('verigate:token-wanted', () => void askForToken());
paintShell();
show();
