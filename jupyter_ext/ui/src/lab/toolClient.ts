/** A client of the server that carries out tools in a kernel's sessions, and answers exactly once. */

import type { ToolCallParams } from "../protocol";
import { ConnectionLost, RpcError, type Notification, type Transport } from "../transport";

export interface Tools {
  readonly names: readonly string[];
  /** Resolves to what the model reads; rejects with why it could not be done. */
  carryOut: (call: ToolCallParams, sessionId: string) => Promise<string>;
  /** What else is told in the sessions, where that is of interest. */
  heard?: (notification: Notification) => void;
}

interface Outcome {
  result: string;
  isError: boolean;
}

type Asked = ToolCallParams & { sessionId: string };

export class ToolClient {
  /** By tool call: what came of it, or will. A call may be asked for again on a new connection. */
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  /** Calls whose answer has not arrived. */
  readonly #unanswered = new Map<string, Asked>();
  #clientId = "";
  #kernelId: string | null = null;
  #frontEnd = "";
  #isUp = false;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly transport: Transport,
    private readonly tools: Tools,
  ) {
    transport.onNotification((notification) => {
      this.#receive(notification);
    });
    transport.onStateChange(({ name }) => {
      if (name === "open") void this.#attach();
      else this.#clientId = "";
    });
  }

  /**
   * Carries out what is asked for in the sessions of this kernel, and no longer in those of another. What is asked in a
   * notebook is done by the client that bears its name, `frontEnd`.
   */
  attach(kernelId: string, frontEnd: string): void {
    this.#kernelId = kernelId;
    this.#frontEnd = frontEnd;
    if (this.transport.state.name === "open") void this.#attach();
    else if (!this.#isUp) {
      this.#isUp = true;
      this.transport.connect();
    }
  }

  /** The server knows that tools are carried out here. */
  get attached(): Promise<void> {
    if (this.#clientId) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  close(): void {
    this.transport.close();
  }

  async #attach(): Promise<void> {
    if (this.#kernelId === null) return;
    const kernelId = this.transport.kernelId ?? this.#kernelId;
    const toolCalls = [...this.#unanswered.keys()];
    const declared = { kernelId, clientTools: this.tools.names, toolCalls, frontEnd: this.#frontEnd };
    const request = this.transport.request("kernel.attach", declared);
    const attached = await answered(request);
    if (!attached) return;
    this.#clientId = attached.clientId;
    for (const resolve of this.#waiting.splice(0)) resolve();
    for (const call of [...this.#unanswered.values(), ...attached.toolCalls]) void this.#carryOut(call);
  }

  #receive(notification: Notification): void {
    const { method, params } = notification;
    if (method !== "ToolCallNotification") {
      this.tools.heard?.(notification);
      return;
    }
    const call = params as unknown as Asked;
    const isAsked = call.executor === "client" && call.status === "running" && call.clientId === this.#clientId;
    if (isAsked) void this.#carryOut(call);
  }

  async #carryOut(call: Asked): Promise<void> {
    const { toolCallId, sessionId } = call;
    const outcome = this.#outcomes.get(toolCallId) ?? this.#outcomeOf(call);
    this.#outcomes.set(toolCallId, outcome);
    this.#unanswered.set(toolCallId, call);
    const answer = await outcome;
    const taken = await answered(this.transport.request("provideToolResult", { sessionId, toolCallId, ...answer }));
    if (taken !== null) this.#unanswered.delete(toolCallId);
  }

  async #outcomeOf(call: Asked): Promise<Outcome> {
    try {
      return { result: await this.tools.carryOut(call, call.sessionId), isError: false };
    } catch (error) {
      return { result: error instanceof Error ? error.message : String(error), isError: true };
    }
  }
}

/** `null` where the connection was lost, and the next one has to see to it; `undefined` where the server said no. */
async function answered<R>(request: Promise<R>): Promise<R | null | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ConnectionLost) return null;
    if (error instanceof RpcError) return undefined;
    throw error;
  }
}
