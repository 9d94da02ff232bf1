/** Reads the bodies of requests into memory, and bounds what all of them take there together. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { CallerShares } from '../caller-shares.js';
import { Fault } from '../errors.js';
import { bodyPieces, parseJson, tooLarge } from './read-body.js';

interface BodiesConfig {
  readonly MAX_BODY_BYTES: number;
  readonly MAX_BODIES_BYTES: number;
}

interface HeldBody {
  readonly caller: string;
  bytes: number;
  /** Its request, and the work that goes on without it. */
  users: number;
}

const RETRY_AFTER_SECONDS = 1;
/** So many pieces of a body are made one: each takes some hundred bytes more than it has, and may have come with a single one. */
const PIECES_OF_ONE = 256;

/**
 * A body counts from its first byte until its request is over. The most that one caller gets is half of what the others leave,
 * so that bodies which never end keep out none of another caller, however many send such.
 */
export class Bodies {
  readonly #ofRequest = new WeakMap<IncomingMessage, HeldBody>();
  readonly #shares: CallerShares;

  constructor(
    private readonly config: BodiesConfig,
    private readonly callerName: (req: IncomingMessage) => string,
  ) {
    this.#shares = new CallerShares(config.MAX_BODIES_BYTES);
  }

  /** @throws InvalidInput; Fault `payload_too_large`; `unavailable` where there is no room for it now */
  async read(
    req: IncomingMessage,
    res: ServerResponse,
    limit: number = this.config.MAX_BODY_BYTES,
  ): Promise<Buffer> {
    const held = { caller: this.callerName(req), bytes: 0, users: 1 };
    this.#ofRequest.set(req, held);
    if (res.destroyed) this.#end(held);
    else res.once('close', () => this.#end(held));
    const joined: Buffer[] = [];
    let pieces: Buffer[] = [];
    try {
      for await (const piece of bodyPieces(req, limit, () => tooLarge(limit))) {
        this.#add(held, piece.byteLength);
        pieces.push(piece);
        if (pieces.length < PIECES_OF_ONE) continue;
        joined.push(Buffer.concat(pieces));
        pieces = [];
      }
    } catch (error) {
      // Nothing of it is kept, while its answer may take seconds to be sent.
      this.#count(held, -held.bytes);
      throw error;
    }
    joined.push(...pieces);
    return joined.length === 1 && joined[0] ? joined[0] : Buffer.concat(joined);
  }

  /** A body that is a JSON object of the given shape, whatever its content type. @throws as `read` */
  async json<T>(req: IncomingMessage, res: ServerResponse, schema: z.ZodType<T>): Promise<T> {
    return parseJson(await this.read(req, res), schema);
  }

  /** The body of a request counts until this work is over too, whether its caller waits for it or not. */
  during<T>(req: IncomingMessage, work: Promise<T>): Promise<T> {
    const held = this.#ofRequest.get(req);
    if (held === undefined) return work;
    held.users++;
    return work.finally(() => this.#end(held));
  }

  /** What was made of the body is counted elsewhere from now on. */
  handOver(req: IncomingMessage): void {
    const held = this.#ofRequest.get(req);
    if (held !== undefined) this.#count(held, -held.bytes);
  }

  #add(held: HeldBody, bytes: number): void {
    // Its request is over, and what comes yet is dropped.
    if (held.users === 0) return;
    const most = Math.floor(this.#shares.mostOf(held.caller));
    // A body that is alone has room, or one above the limit could never be sent.
    if (this.#shares.all > held.bytes && this.#shares.of(held.caller) + bytes > most) throw full(most);
    this.#count(held, bytes);
  }

  #end(held: HeldBody): void {
    if (--held.users === 0) this.#count(held, -held.bytes);
  }

  #count(held: HeldBody, bytes: number): void {
    held.bytes += bytes;
    this.#shares.add(held.caller, bytes);
  }
}

const full = (most: number): Fault =>
  new Fault('unavailable', `MAX_BODIES_BYTES leaves ${most} bytes of bodies to one caller now`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
