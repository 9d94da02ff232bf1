/** Checks the URL of a webhook when it is registered. Where its name leads is checked at each connection. */
import { InvalidInput } from '../domain/invalid-input.js';
import { addressInHost, isPublicAddress } from './public-addresses.js';

export const MAX_URL_LENGTH = 2048;
/** Host names that resolve only on internal networks. */
const INTERNAL_HOSTS = /(^|\.)(localhost|local|internal|intranet|home\.arpa)\.?$/i;

/** The URL in its normal form. @throws InvalidInput naming `url` */
export function webhookUrl(text: string, { allowPrivate }: { readonly allowPrivate: boolean }): string {
  const url = URL.canParse(text) && text.length <= MAX_URL_LENGTH ? new URL(text) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol) || url.hostname === '')
    throw invalid(`must be an http(s) URL of at most ${MAX_URL_LENGTH} characters`);
  if (url.username !== '' || url.password !== '') throw invalid('must not contain a user or a password');
  if (!allowPrivate) {
    if (url.protocol !== 'https:') throw invalid('must begin with https://');
    const address = addressInHost(url.hostname);
    if (address === null ? INTERNAL_HOSTS.test(url.hostname) : !isPublicAddress(address))
      throw invalid('must lead to a public address');
  }
  url.hash = '';
  return url.href;
}

const invalid = (message: string) => new InvalidInput([{ field: 'url', message }]);
