/** Why a server or a disk did not do what it was asked to: the few reasons that an operator tells apart. */

export const REFUSAL_REASONS = [
  /** There is no room on the disk. */
  'disk_full',
  /** It takes no writes: a replica, a read-only mount, a server that lacks its replicas. */
  'read_only',
  'out_of_memory',
  /** The login, or a right that it should have, is missing. */
  'forbidden',
  /** It answers, and refuses for another reason; the code says which. */
  'refused',
  /** It does not answer. */
  'unreachable',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** The code word of the reply, or the class of the driver's error: none of the data. */
  readonly code: string;
  /** What the operator can do; the gateway's own words. */
  readonly hint?: string;
}

/** Certificates that this process does not trust; see `tls_get_verify_result` of OpenSSL. */
const UNTRUSTED = /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+)$/;
const TLS_MISMATCH = /^(EPROTO|ERR_SSL_\w+)$/;

/**
 * The refusal in an error of the network or of TLS, which every driver passes on in its chain of causes; undefined: the
 * error is another one.
 */
export function networkRefusal(error: unknown): Refusal | undefined {
  const code = codesIn(error).find((found) => /^[A-Z][A-Z0-9_]+$/.test(found));
  if (code === undefined) return undefined;
  const hint = hintFor(code);
  return { reason: 'unreachable', code, ...(hint !== undefined && { hint }) };
}

function hintFor(code: string): string | undefined {
  if (UNTRUSTED.test(code))
    return 'its certificate is not trusted: name the certificate authority in NODE_EXTRA_CA_CERTS';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another host name';
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired';
  if (TLS_MISMATCH.test(code)) return 'it does not speak TLS at this port, and the address asks for TLS';
  if (code === 'ETIMEDOUT')
    return 'it does not answer: the host, the port, a firewall, or TLS at one end only';
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return 'it ends the connection: where that lasts, TLS is on at one end only, or it has too many clients';
  return undefined;
}

/** The codes of an error and of its causes, the outermost first. */
function codesIn(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return [...(typeof code === 'string' ? [code] : []), ...codesIn(cause, depth + 1)];
}
