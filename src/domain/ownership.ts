/** Who may change a file, and who owns the updates that are held: decided once for every store. */

import type { FileId, UserId } from './id.js';

/** Who registers, submits or sends an update. */
export interface Claimant {
  /** Null: no user in particular, and the owner of no file. */
  readonly userId: UserId | null;
  /** Files that it may change beside those of its own; `*`: all. */
  readonly files: readonly FileId[] | '*';
  /** It may give a file to another owner. */
  readonly isAdmin: boolean;
}

/**
 * The validator, and every other producer that may write to Redis: trusted with every file, but it names no owner. So is the
 * gateway itself.
 */
export const VALIDATOR: Claimant = { userId: null, files: '*', isAdmin: false };

/** What a store keeps of a file to decide who may change it. */
export interface Ownership {
  readonly fileId: FileId;
  /** The owner; null: there is none. */
  readonly userId: UserId | null;
  /** Who registered the current request, for itself or for the owner; null: no user in particular. */
  readonly producer: UserId | null;
}

const isSame = (userId: UserId | null, other: UserId | null): boolean => userId !== null && userId === other;

/** Whether a claimant may begin another request of a file, end one of its batches by hand, or delete it. */
export const mayReplace = ({ userId, files }: Claimant, file: Ownership): boolean =>
  files === '*' || files.includes(file.fileId) || isSame(userId, file.userId);

/** Whether a claimant may add to the current request of a file: its batches and their results. */
export const mayExtend = (claimant: Claimant, file: Ownership): boolean =>
  mayReplace(claimant, file) || isSame(claimant.userId, file.producer);

/** Whether a claimant may make this user the owner of a file; null: the owner stays. */
export const mayGive = (claimant: Claimant, file: Ownership, userId: UserId | null): boolean =>
  userId === null || userId === file.userId || claimant.isAdmin || isSame(claimant.userId, file.userId);

/**
 * The user to whom updates of a claimant belong while they are held; null: to the registration that comes. A producer of
 * ours, which may change every file, sends for others.
 */
export const holderOf = ({ userId, files }: Claimant): UserId | null => (files === '*' ? null : userId);

/** Whether a registration takes the updates that are held for a user (null: for any registration). */
export const takesHeld = (
  { userId, isAdmin }: Pick<Claimant, 'userId' | 'isAdmin'>,
  holder: UserId | null,
): boolean => holder === null || isAdmin || holder === userId;
