/** The page that imports a list: upload, look at what was found, submit. */
import { ApiError, call, fileHref, filePath } from '../api.js';
import { el, icon } from '../dom.js';
import { t } from '../texts.js';
import { addressesAgain } from './again.js';
import { nameOfToday, proposeName } from './name.js';
import { listPreview } from './preview.js';
import { refusalNote } from './refusal.js';
import { confirmReplacement } from './replace.js';
import { listSource } from './source.js';
import { uploadList } from './upload.js';
import { uploading } from './uploading.js';

export function submitView({ route, setTitle }) {
  const stop = new AbortController();
  const { signal } = stop;
  let limits = null;
  const step = el('div', { class: 'step' });
  const trouble = el('div', { class: 'trouble' });
  const source = listSource((content, name) => void take(content, name));
  setTitle(t.submit.title);

  async function readLimits() {
    try {
      limits = await call('api/limits', { signal });
      source.say(limits);
    } catch {
      // The gateway checks them as well.
    }
  }

  async function take(content, fileName) {
    trouble.replaceChildren();
    const name = fileName ?? nameOfToday();
    const progress = uploading(name, () => upload.abort());
    const upload = new AbortController();
    signal.addEventListener('abort', () => upload.abort(), { once: true });
    try {
      checkSize(content.size);
      step.replaceChildren(progress.element);
      const onProgress = progress.update;
      const list = await uploadList(content, name, { onProgress, signal: upload.signal });
      const proposed = await proposeName(list.name, signal);
      if (!signal.aborted) show(list, proposed);
    } catch (error) {
      if (signal.aborted) return;
      step.replaceChildren(source.element);
      if (error.name !== 'AbortError') refuse(error, trouble);
    }
  }

  /** A list of what has no answer in another list. */
  async function takeAgain(which, fileId) {
    const far = uploading(fileId, () => {
      location.hash = fileHref(fileId);
    });
    try {
      step.replaceChildren(far.element);
      const onCount = (n) => far.say(t.again.collecting(n));
      const { content, name } = await addressesAgain(fileId, which, { signal, onCount });
      await take(content, name);
    } catch (error) {
      step.replaceChildren(source.element);
      if (!signal.aborted) refuse(error, trouble);
    }
  }

  function checkSize(size) {
    if (limits === null || size <= limits.listBytes) return;
    throw new ApiError(0, { code: 'payload_too_large', detail: '' });
  }

  function show(list, name) {
    // One for each list: a list that is submitted again after a failure is not validated twice.
    const key = newKey();
    const preview = listPreview(list, {
      name,
      signal,
      onSubmit: (choice) => void submit(list, choice, { key, preview }),
      onAgain: () => void again(list),
      onError: (error) => refuse(error, preview.trouble),
    });
    step.replaceChildren(preview.element);
    preview.element.querySelector('.found-name').focus();
  }

  async function submit(list, { name, column }, { key, preview }) {
    preview.trouble.replaceChildren();
    preview.markName(false);
    preview.busy(true);
    const request = { method: 'POST', headers: { 'idempotency-key': key }, signal };
    const body = { listId: list.listId, column };
    try {
      checkName(name);
      const path = `${filePath(name)}/validations`;
      try {
        await call(path, { ...request, body });
      } catch (error) {
        if (error.code !== 'file_exists') throw error;
        if (!(await confirmReplacement(name, signal))) return;
        await call(path, { ...request, body: { ...body, replace: true } });
      }
      location.hash = fileHref(name);
    } catch (error) {
      if (signal.aborted) return;
      preview.markName(error.fields?.some(({ field }) => field === 'fileId') ?? false);
      refuse(error, preview.trouble);
    } finally {
      preview.busy(false);
    }
  }

  async function again({ listId }) {
    step.replaceChildren(source.element);
    // A list that nobody submits ends by itself; this one need not wait for that.
    await call(`api/lists/${listId}`, { method: 'DELETE', signal }).catch(() => {});
  }

  function refuse(error, place) {
    const note = refusalNote(error, limits);
    place.replaceChildren(note);
    note.focus();
  }

  step.append(source.element);
  void readLimits();
  const [which, of] = ['again', 'of'].map((name) => route.parameters.get(name));
  if (which !== null && of !== null) void takeAgain(which, of);
  return {
    element: el(
      'section',
      { class: 'page narrow' },
      el(
        'div',
        { class: 'page-head' },
        el('a', { class: 'crumb', href: '#/' }, icon('back'), t.common.allLists),
        el('h1', { tabindex: '-1', text: t.submit.title }),
        el('p', { class: 'muted', text: t.submit.text }),
      ),
      trouble,
      step,
    ),
    close: () => stop.abort(),
  };
}

/** `crypto.randomUUID` exists only on pages loaded over TLS or from loopback. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `.` and `..` are path segments: a URL cannot hold them as an id. */
function checkName(name) {
  if (name !== '' && name !== '.' && name !== '..') return;
  const message = name === '' ? t.submit.giveName : t.submit.badName;
  throw new ApiError(0, {
    code: 'invalid_request',
    detail: t.submit.needsName,
    errors: [{ field: 'fileId', message }],
  });
}
