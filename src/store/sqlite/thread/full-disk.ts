/** What the writing thread still does on a full disk, and how it refuses the rest. */
import { Fault } from '../../../errors.js';
import type { ThreadReply, ThreadRequest } from './messages.js';
import type { WriterOperation } from './operations.js';

/** Operations that are refused on a full disk, so that what is left of it stays for deletions. */
const NEED_ROOM: ReadonlySet<string> = new Set<WriterOperation>([
  'updates.register',
  'updates.save',
  'updates.saveTail',
  'longLists.find',
  'longLists.begin',
  'longLists.add',
  'longLists.finish',
  'longLists.hold',
  'updates.fail',
  'deadLetters.add',
  'submissions.claim',
  'submissions.addSlice',
  'lists.create',
  'lists.append',
  'lists.complete',
  'lists.attach',
  'webhooks.add',
  'webhooks.replay',
  'database.probe',
]);
/** Operations that delete: they get the room of the reserve. */
const MAKE_ROOM: ReadonlySet<string> = new Set<WriterOperation>([
  'files.end',
  'files.purge',
  'deadLetters.discard',
  'deadLetters.dropExpired',
  'updates.dropSomeHeld',
  'dueUpdates.settle',
  'longLists.drop',
  'lists.end',
  'lists.dropExpired',
  'submissions.end',
  'submissions.dropExpired',
  'webhooks.remove',
  'webhooks.dropSettled',
  'webhooks.dropOldest',
  'webhooks.dropSome',
]);
export const needsRoom = ({ operation }: ThreadRequest): boolean => NEED_ROOM.has(operation);
export const makesRoom = ({ operation }: ThreadRequest): boolean => MAKE_ROOM.has(operation);

export const diskFull = () =>
  new Fault('unavailable', 'the disk is full', {
    refusal: {
      reason: 'disk_full',
      code: 'ENOSPC',
      hint: 'make room on the disk of DATA_DIR, or delete files',
    },
  });

export const isDiskFull = (reply: ThreadReply | undefined): boolean =>
  reply !== undefined &&
  'error' in reply &&
  reply.error.kind === 'fault' &&
  reply.error.refusal?.reason === 'disk_full';
