/** Parses e-mail addresses. */
export interface Address {
  readonly local: string;
  /** In lower case. */
  readonly domain: string;
  /** The part after the plus sign; null if there is none. */
  readonly tag: string | null;
}

const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;
/** A dot-atom of RFC 5322, extended by RFC 6531: letters of other scripts are allowed, emoji are not. */
const LOCAL = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN =
  /^(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+(?:xn--[a-z0-9-]+|[\p{L}\p{M}]{2,63})$/u;

/** Null if the text is not an address. */
export function parseAddress(text: string): Address | null {
  // Checked first, so that the expressions below never run on a very long text.
  if (text.length > MAX_ADDRESS) return null;
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  const domain = text.slice(at + 1).toLowerCase();
  if (at < 1 || local.length > MAX_LOCAL || !LOCAL.test(local) || !DOMAIN.test(domain)) return null;
  const plus = local.indexOf('+', 1);
  return { local, domain, tag: plus < 0 ? null : local.slice(plus + 1) };
}
