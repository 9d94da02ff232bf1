/** The headers of a delivery by the Standard Webhooks specification, and the secrets that sign it. */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/** `at`: time of the attempt in milliseconds since 1970; receivers refuse old ones, so that a recorded delivery is of no use. */
export function signedHeaders(
  {
    deliveryId,
    secret,
    body,
  }: { readonly deliveryId: string; readonly secret: string; readonly body: string },
  at: number,
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signature = createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'))
    .update(`${deliveryId}.${timestamp}.${body}`)
    .digest('base64');
  return {
    'webhook-id': deliveryId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
