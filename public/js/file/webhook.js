/** Has a webhook sent when something becomes of a list. */
import { call } from '../api.js';
import { copyText } from '../copy.js';
import { openDialog, toast } from '../dialog.js';
import { el, icon } from '../dom.js';
import { explain, t } from '../texts.js';

export function webhookButton(fileId) {
  return el(
    'button',
    { class: 'button', type: 'button', onclick: () => void ask(fileId) },
    icon('send'),
    t.webhook.open,
  );
}

/** Asks again, with what was typed, until the gateway takes it or the user gives up. */
async function ask(fileId) {
  const url = el('input', {
    class: 'input',
    id: 'webhook-url',
    type: 'url',
    required: true,
    placeholder: 'https://example.com/hooks/verigate',
    spellcheck: 'false',
    autocomplete: 'off',
  });
  const trouble = el('div', { class: 'dialog-trouble', role: 'alert' });
  const dialog = {
    title: t.webhook.title,
    body: [
      el('p', { class: 'muted', text: t.webhook.text }),
      el('label', { class: 'label', for: 'webhook-url', text: t.webhook.url }),
      url,
      trouble,
    ],
    confirm: t.webhook.confirm,
  };
  while (await openDialog(dialog)) {
    try {
      const { secret } = await call('api/webhooks', {
        method: 'POST',
        body: { url: url.value.trim(), fileId },
      });
      return await showSecret(secret);
    } catch (error) {
      const why = error.fields?.map(({ message }) => message).join(', ') || explain(error);
      trouble.textContent = `${t.webhook.refused} ${why}`;
    }
  }
}

async function showSecret(secret) {
  const copy = async () => {
    await copyText(secret);
    toast(t.webhook.secretCopied);
  };
  await openDialog({
    title: t.webhook.made,
    body: [
      el('p', { class: 'muted', text: t.webhook.secret }),
      el('p', { class: 'mono secret', text: secret }),
      el(
        'button',
        { class: 'button small', type: 'button', onclick: () => void copy() },
        icon('copy'),
        t.webhook.copySecret,
      ),
    ],
    confirm: t.common.close,
    isNotice: true,
  });
}
