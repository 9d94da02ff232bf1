/** Compares what mirrors and rooms carry while servers die, epochs begin and subscriptions are lost. */
import { expect } from '@jest/globals';
import { openRoom } from './mirror.js';
import { pathOf } from './producer.js';
import type { Cursor, EmailsEvent } from './protocol.js';
import { plainClient } from './redis-server.js';
import { retry } from './wait.js';

/** Event name and payload, as text. */
type Carried = readonly [name: string, payload: string];

interface Source {
  readonly name: string;
  /** A mirror that had lost its connection begins anew: what was published meanwhile never comes. */
  readonly parts: () => readonly (readonly Carried[])[];
  /** Whether stats come with every revision: a gateway that reads what it missed passes on the newest only. */
  readonly hasEveryRevision: boolean;
}

export class WatchedChannels {
  private constructor(
    private readonly fileId: string,
    private readonly gateways: readonly string[],
    private readonly sources: readonly Source[],
  ) {}

  /** Subscribes at every server, and joins the rooms at every gateway. */
  static async of(
    fileId: string,
    servers: readonly string[],
    gateways: readonly string[],
  ): Promise<WatchedChannels> {
    const mirrors = servers.map((url) => mirrorAt(url, fileId));
    const rooms = gateways.map(async (url): Promise<Source> => {
      const room = await openRoom(url, fileId);
      return { name: `room at ${url}`, parts: () => [room()], hasEveryRevision: false };
    });
    return new WatchedChannels(fileId, gateways, await Promise.all([...mirrors, ...rooms]));
  }

  /** Each revision has the same bytes wherever it was heard, none is left out, and all end with what REST answers. */
  async expectSameBytes(withinMs: number): Promise<void> {
    const answers = await Promise.all(
      this.gateways.map(async (url) => (await fetch(`${url}${pathOf(this.fileId)}/stats`)).text()),
    );
    const [stats = ''] = answers;
    expect(answers).toEqual(answers.map(() => stats));
    await retry(async () => {
      const last = this.sources.map(({ parts }) =>
        parts()
          .flat()
          .findLast(([name]) => name === 'file_stats'),
      );
      expect(last).toEqual(last.map(() => ['file_stats', stats]));
    }, withinMs);
    const payloads = new Map<string, string>();
    for (const { name, parts, hasEveryRevision } of this.sources)
      for (const part of parts()) {
        for (const [event, payload] of part) {
          const body = JSON.parse(payload) as Body;
          if (!hasEveryRevision && isNotice(body)) continue;
          const key = `${event} ${body.epoch} ${body.revision}`;
          const known = payloads.get(key) ?? payload;
          expect({ name, key, isSame: payload === known }).toEqual({ name, key, isSame: true });
          payloads.set(key, payload);
        }
        expectNoneLeftOut(name, part, hasEveryRevision);
      }
  }
}

async function mirrorAt(url: string, fileId: string): Promise<Source> {
  const parts: Carried[][] = [[]];
  const client = plainClient(url);
  client.on('close', () => parts.push([]));
  client.on('message', (channel: string, payload: string) => {
    parts.at(-1)?.push([channel.slice(0, channel.indexOf(':')), payload]);
  });
  await client.subscribe(`file_stats:${fileId}`, `file_emails:${fileId}`);
  return { name: `mirror at ${url}`, parts: () => parts, hasEveryRevision: true };
}

type Body = Cursor & Partial<EmailsEvent>;

/** What a gateway writes where it cannot tell what its listeners missed: that a new epoch has begun, and how far it is. */
const isNotice = ({ emails, previous, revision }: Body) => emails?.length === 0 && previous === revision;

/** Within an epoch revisions never go back, and `previous` names the results before. */
function expectNoneLeftOut(source: string, part: readonly Carried[], hasEveryRevision: boolean): void {
  let epoch = '';
  let revision = 0;
  let emails: number | undefined;
  for (const [name, payload] of part) {
    const body = JSON.parse(payload) as Body;
    const isFirst = body.epoch !== epoch;
    const at = { source, epoch: body.epoch, after: revision, revision: body.revision };
    if (isFirst) [epoch, emails] = [body.epoch, undefined];
    else if (hasEveryRevision)
      expect({ ...at, isNext: body.revision - revision <= 1 }).toMatchObject({ isNext: true });
    if (!isFirst) {
      expect({ ...at, isNotice: isNotice(body) }).toMatchObject({ isNotice: false });
      expect({ ...at, goesBack: body.revision < revision }).toMatchObject({ goesBack: false });
    }
    revision = body.revision;
    if (name !== 'file_emails') continue;
    if (emails !== undefined) expect({ ...at, previous: body.previous }).toMatchObject({ previous: emails });
    emails = revision;
  }
}
