/** How a command ends when it cannot do what it was asked for. The exit codes follow sysexits.h. */

export const EXIT = {
  ok: 0,
  /** The gateway refused it, or the file failed or was deleted. */
  failed: 1,
  usage: 64,
  noInput: 66,
  /** The gateway cannot be reached, or cannot do it now. */
  unavailable: 69,
  cannotWrite: 73,
  notAllowed: 77,
  interrupted: 130,
} as const;

export class Failure extends Error {
  override readonly name = 'Failure';
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: number = EXIT.failed,
  ) {
    super(message);
  }
}

export function exitCodeOf(code: string, retryable: boolean): number {
  if (code === 'unauthorized' || code === 'forbidden' || code === 'token_expired') return EXIT.notAllowed;
  return retryable ? EXIT.unavailable : EXIT.failed;
}
