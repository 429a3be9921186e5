/**
 * Keeps a replica in step with the log of its session on the server: starts or resumes the session on every new
 * connection, asks again for events that are missing, and begins another session where this one is gone.
 */

import { ErrorCode, type SessionParams } from "./protocol";
import type { Replica } from "./replica";
import { RpcError, type Transport } from "./transport";

export interface FollowerListener {
  /** The session goes on; `isReplaced`: with a snapshot in the place of what was known. */
  onResumed: (isReplaced: boolean) => void;
  /** The session was gone: this is another one. */
  onStartedAnew: () => void;
}

/** What it does for the replica rejects as `Transport.request` does. */
export class SessionFollower {
  #isResuming = false;

  constructor(
    private readonly transport: Transport,
    /** Asked when a session is started. */
    private readonly params: () => SessionParams,
    private readonly replica: Replica,
    private readonly listener: FollowerListener,
  ) {}

  /** On every new connection: the session is resumed, or started where there is none. */
  async open(): Promise<void> {
    if (this.replica.sessionId) await this.catchUp();
    else await this.#start();
  }

  /** Has the events that are missing sent again. Where that is under way, nothing is done. */
  async catchUp(): Promise<void> {
    try {
      await this.#resume();
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#startAnew();
    }
  }

  /** Where a request says that the session is gone, does it once more in a new one. */
  async orInNew<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#startAnew();
      return await request();
    }
  }

  async #start(): Promise<void> {
    const result = await this.transport.request("startSession", { sessionParams: this.params() });
    this.replica.begin(result);
    // What happened before this answer was perhaps not sent to this connection.
    if (result.resumed || result.seq > 0) await this.#resume();
  }

  async #resume(): Promise<void> {
    const { sessionId, lastSeq } = this.replica;
    if (!sessionId || this.#isResuming) return;
    this.#isResuming = true;
    try {
      const result = await this.transport.request("resumeSession", { sessionId, afterSeq: lastSeq });
      this.replica.resume(result);
      this.listener.onResumed(result.snapshot !== undefined);
    } finally {
      this.#isResuming = false;
    }
  }

  async #startAnew(): Promise<void> {
    this.replica.leave();
    await this.#start();
    this.listener.onStartedAnew();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof RpcError && error.code === ErrorCode.NoSuchSession;
}
