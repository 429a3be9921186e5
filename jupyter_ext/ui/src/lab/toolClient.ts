/** A client of the server that carries out tools in the sessions it has joined, and answers exactly once. */

import { ErrorCode, type StartResult, type ToolCallParams } from "../protocol";
import { ConnectionLost, RpcError, type Notification, type Transport } from "../transport";

export interface Tools {
  readonly names: readonly string[];
  /** Resolves to what the model reads; rejects with why it could not be done. */
  carryOut: (call: ToolCallParams, sessionId: string) => Promise<string>;
}

interface Outcome {
  result: string;
  isError: boolean;
}

export class ToolClient {
  /** The last event seen of each session that was joined. */
  readonly #sessions = new Map<string, number>();
  /** By tool call: what came of it, or will. Kept, so that an answer which was lost can be given again. */
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  /** By which the server has known this client: a call that was given to one of its lost connections is still its own. */
  readonly #clientIds = new Set<string>();
  /** Connected, or trying to be. */
  #isUp = false;

  constructor(
    private readonly transport: Transport,
    private readonly tools: Tools,
    /** The kernel whose session, if it has one, is joined on every new connection. */
    private readonly kernelId: () => string | null,
  ) {
    transport.onNotification((notification) => {
      this.#receive(notification);
    });
    transport.onStateChange(({ name }) => {
      if (name === "open") void this.#unlessLost(() => this.#opened());
    });
  }

  /** Joins a session, again where it was joined before: it may have left the server's memory since. */
  async join(sessionId: string, seq: number): Promise<void> {
    this.#sessions.set(sessionId, Math.max(seq, this.#sessions.get(sessionId) ?? 0));
    if (this.transport.state.name === "open") await this.#unlessLost(() => this.#resume(sessionId));
    else this.#connect();
  }

  /** Looks whether the kernel has a session, and joins it. */
  async find(): Promise<void> {
    if (this.transport.state.name === "open") await this.#unlessLost(() => this.#find());
    else this.#connect();
  }

  close(): void {
    this.#isUp = false;
    this.transport.close();
  }

  #connect(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.transport.connect();
  }

  async #opened(): Promise<void> {
    for (const sessionId of [...this.#sessions.keys()]) await this.#resume(sessionId);
    await this.#find();
    // Most notebooks have no session, and need no connection.
    if (this.#sessions.size === 0) this.close();
  }

  async #find(): Promise<void> {
    const kernelId = this.kernelId();
    if (kernelId === null) return;
    try {
      const sessionParams = { kernelId, existing: true, clientTools: [...this.tools.names] };
      const started: StartResult = await this.transport.request("startSession", { sessionParams });
      if (this.#sessions.has(started.sessionId)) return;
      this.#sessions.set(started.sessionId, started.seq);
      await this.#resume(started.sessionId);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
    }
  }

  async #resume(sessionId: string): Promise<void> {
    const afterSeq = this.#sessions.get(sessionId) ?? 0;
    try {
      const params = { sessionId, afterSeq, clientTools: [...this.tools.names] };
      const { clientId, seq, snapshot, pending } = await this.transport.request("resumeSession", params);
      this.#clientIds.add(clientId);
      this.#sessions.set(sessionId, snapshot?.seq ?? seq);
      for (const call of pending?.toolCalls ?? []) void this.#carryOut(call, sessionId);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.code === ErrorCode.NoSuchSession) this.#sessions.delete(sessionId);
    }
  }

  #receive({ method, params }: Notification): void {
    const { sessionId, seq } = params;
    const last = this.#sessions.get(sessionId);
    if (last === undefined) return;
    this.#sessions.set(sessionId, Math.max(last, seq));
    if (method !== "ToolCallNotification") return;
    const call = params as unknown as ToolCallParams;
    const isAsked = call.executor === "client" && call.status === "running";
    if (isAsked && this.#clientIds.has(call.clientId ?? "")) void this.#carryOut(call, sessionId);
  }

  async #carryOut(call: ToolCallParams, sessionId: string): Promise<void> {
    const { toolCallId } = call;
    const known = this.#outcomes.get(toolCallId);
    const outcome = known ?? this.#outcomeOf(call, sessionId);
    this.#outcomes.set(toolCallId, outcome);
    const answer = await outcome;
    // Where it is lost on its way, the call comes again when the session is resumed.
    await this.#unlessLost(() => this.transport.request("provideToolResult", { sessionId, toolCallId, ...answer }));
  }

  async #outcomeOf(call: ToolCallParams, sessionId: string): Promise<Outcome> {
    try {
      return { result: await this.tools.carryOut(call, sessionId), isError: false };
    } catch (error) {
      return { result: error instanceof Error ? error.message : String(error), isError: true };
    }
  }

  async #unlessLost(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ConnectionLost || error instanceof RpcError)) throw error;
    }
  }
}
