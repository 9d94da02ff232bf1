/** Starts the sender that delivers events to webhooks. */

import type { Config } from '../config.js';
import type { Store } from '../store/store.js';
import { receiverLookUp } from '../webhooks/look-up.js';
import { type SenderDeps, WebhookSender } from '../webhooks/sender.js';

/** The longest pause between two looks for due deliveries; the sender shortens it by up to half. */
const PERIOD_MS = 1_000;

export function startWebhooks(
  config: Config,
  { store, metrics, logger }: Pick<SenderDeps, 'metrics' | 'logger'> & { readonly store: Store },
): WebhookSender {
  const allowPrivate = config.WEBHOOKS_ALLOW_PRIVATE;
  const sender = new WebhookSender(
    { webhooks: store.webhooks, metrics, logger },
    {
      periodMs: PERIOD_MS,
      maxDeliveries: config.MAX_WEBHOOK_DELIVERIES,
      timeoutMs: config.WEBHOOK_TIMEOUT_MS,
      allowPrivate,
      lookUp: receiverLookUp({ allowPrivate }),
      firstMs: config.WEBHOOK_RETRY_MS,
      giveUpMs: config.WEBHOOK_GIVE_UP_MS,
    },
  );
  sender.start();
  return sender;
}
