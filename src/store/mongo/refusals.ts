/** Tells by the code of an error of MongoDB or of its driver why a call was refused. */
import { mongo } from 'mongoose';
import { networkRefusal, type Refusal, type RefusalReason } from '../../refusal.js';

/** By the names of the server's error codes (`error_codes.yml` of MongoDB). */
const CODES: readonly (readonly [RefusalReason, Readonly<Record<number, string>>, hint?: string])[] = [
  ['disk_full', { 14031: 'OutOfDiskSpace', 12501: 'QuotaExceeded' }],
  [
    'read_only',
    {
      10107: 'NotWritablePrimary',
      13435: 'NotPrimaryNoSecondaryOk',
      13436: 'NotPrimaryOrSecondary',
      11602: 'InterruptedDueToReplStateChange',
      189: 'PrimarySteppedDown',
      10058: 'LegacyNotPrimary',
      371: 'UserWritesBlocked',
    },
  ],
  ['out_of_memory', { 146: 'ExceededMemoryLimit' }],
  [
    'refused',
    { 64: 'WriteConcernTimeout', 100: 'UnsatisfiableWriteConcern' },
    'too few members of the replica set have a write in time: look at rs.status()',
  ],
  [
    'forbidden',
    { 13: 'Unauthorized' },
    'MONGODB_URI needs a user, who has the role readWrite in its database',
  ],
  [
    'forbidden',
    { 18: 'AuthenticationFailed', 11: 'UserNotFound' },
    'the user, the password or authSource in MONGODB_URI is wrong',
  ],
];

/** Some servers send the text without the code. */
const NO_SPACE = /no space left on device|out of disk space|over your space quota/i;

export function refusalOf(error: unknown): Refusal {
  if (error instanceof mongo.MongoServerError) return ofServer(error);
  const found = serverErrorIn(error);
  if (found !== undefined) return ofServer(found);
  const reason = (error as { reason?: unknown }).reason;
  if (isTopology(reason)) return ofSelection(error as Error, reason);
  return networkRefusal(error) ?? { reason: 'unreachable', code: nameOf(error) };
}

function ofServer(error: mongo.MongoServerError): Refusal {
  const number = Number(error.code);
  if (NO_SPACE.test(error.message)) return { reason: 'disk_full', code: error.codeName ?? 'OutOfDiskSpace' };
  for (const [reason, codes, hint] of CODES) {
    const code = codes[number];
    if (code !== undefined) return { reason, code, ...(hint !== undefined && { hint }) };
  }
  if (error.hasErrorLabel('NotWritablePrimary')) return { reason: 'read_only', code: 'NotWritablePrimary' };
  const name = error.codeName ?? (Number.isNaN(number) ? error.name : String(number));
  return { reason: 'refused', code: name };
}

/** The answer of a server inside an error of the driver: that of a login, for instance. */
function serverErrorIn(error: unknown, depth = 0): mongo.MongoServerError | undefined {
  if (error instanceof mongo.MongoServerError) return error;
  if (typeof error !== 'object' || error === null || depth > 4) return undefined;
  return serverErrorIn((error as { cause?: unknown }).cause, depth + 1);
}

/** The driver does not export the class. */
const isTopology = (value: unknown): value is mongo.TopologyDescription =>
  typeof value === 'object' && value !== null && (value as { servers?: unknown }).servers instanceof Map;

/** Why no server was found to write to: what each of the known ones has last said. */
function ofSelection(error: Error, { servers, setName }: mongo.TopologyDescription): Refusal {
  const errors = [...servers.values()].flatMap((server) => (server.error === null ? [] : [server.error]));
  for (const last of errors) {
    const answer = serverErrorIn(last);
    if (answer !== undefined) return ofServer(answer);
  }
  for (const last of errors) {
    const refusal = networkRefusal(last);
    if (refusal !== undefined) return refusal.code === 'ECONNRESET' ? { ...refusal, ...TLS_HINT } : refusal;
  }
  // A server with another name of its set is taken off the list.
  if (servers.size === 0 && setName !== null)
    return {
      reason: 'unreachable',
      code: 'ReplicaSetName',
      hint: 'no server belongs to the replica set that MONGODB_URI names in replicaSet',
    };
  const [last] = errors;
  if (last === undefined && [...servers.values()].some(({ type }) => type.startsWith('RS')))
    return { reason: 'read_only', code: 'NoPrimary', hint: 'the replica set has no primary' };
  return { reason: 'unreachable', code: nameOf(last ?? error), ...hintFor(last) };
}

/** A server that expects TLS closes a connection without it; one without TLS may wait for ever for the rest of a greeting. */
const hintFor = (error: Error | undefined) =>
  error === undefined || /closed|timed out/.test(error.message) ? TLS_HINT : {};

const TLS_HINT = {
  hint: 'it accepts connections and does not answer: TLS (tls=true in MONGODB_URI) has to be on at both ends or at none',
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
