/** Makes a MongoDB answer commands as one does that loses its place as the primary (its test command `failCommand`). */
import { mongo } from 'mongoose';
import { onTeardown } from './teardown.js';

export const WRITES = ['insert', 'update', 'findAndModify', 'delete'] as const;
export const READS = ['find', 'aggregate', 'getMore', 'count', 'distinct'] as const;

export interface CommandFault {
  readonly commands: readonly string[];
  /** Refused: nothing is done. */
  readonly errorCode?: number;
  /** The connection ends without an answer, and nothing is done. */
  readonly closeConnection?: true;
  /** Done here, and not confirmed by the other members. */
  readonly writeConcernError?: { readonly code: number; readonly errmsg: string };
}

export class FailingCommands {
  private constructor(private readonly admin: mongo.Db) {}

  static at(uri: string): FailingCommands {
    const client = new mongo.MongoClient(uri, { directConnection: true });
    onTeardown(() => client.close());
    return new FailingCommands(client.db('admin'));
  }

  async begin({ commands, ...data }: CommandFault): Promise<void> {
    await this.#configure('alwaysOn', { failCommands: commands, ...data });
  }

  async end(): Promise<void> {
    await this.#configure('off', { failCommands: [] });
  }

  #configure(mode: string, data: object): Promise<mongo.Document> {
    return this.admin.command({ configureFailPoint: 'failCommand', mode, data });
  }
}

/** By the server's `error_codes.yml`. */
export const STEP_DOWN_CODES = {
  NotWritablePrimary: 10107,
  InterruptedDueToReplStateChange: 11602,
  PrimarySteppedDown: 189,
} as const;

const stepDowns = Object.entries(STEP_DOWN_CODES);

/** What a primary answers while it steps down. */
export const STEP_DOWNS: readonly (readonly [name: string, CommandFault])[] = [
  ...stepDowns.flatMap(([name, code]): [string, CommandFault][] => [
    [`writes get ${name}`, { commands: WRITES, errorCode: code }],
    [`all gets ${name}`, { commands: [...WRITES, ...READS], errorCode: code }],
    [
      `too few members confirm a write: ${name}`,
      { commands: WRITES, writeConcernError: { code, errmsg: 'stepped down' } },
    ],
  ]),
  ['connections end', { commands: [...WRITES, ...READS], closeConnection: true }],
  [
    'too few members confirm a write in time',
    { commands: WRITES, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
  ],
];
