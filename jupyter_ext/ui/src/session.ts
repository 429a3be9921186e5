/**
 * One conversation with the server: starts or resumes the session, keeps its events in order through lost connections,
 * and sends what the user says exactly once.
 */

import type { Outbox, Outgoing } from "./outbox";
import {
  ErrorCode,
  type AgentInfo,
  type ContextItem,
  type Mode,
  type PermissionDecision,
  type RequestMethod,
  type Requests,
  type SendResult,
  type SessionEvent,
  type SessionParams,
  type StepStatus,
} from "./protocol";
import { runningTurn } from "./readings";
import { EMPTY, fold, fromSnapshot, withPermissions, type ChatState } from "./state";
import { ConnectionLost, RpcError, type Notification, type Remarks, type Transport } from "./transport";

/**
 * - `connecting`: nothing has been heard yet.
 * - `live`: events arrive as they happen.
 * - `reconnecting`: the connection was lost; what is sent waits in the outbox.
 * - `failed`: `problem` says why; `retry` tries once more.
 */
export type Connection = "connecting" | "live" | "reconnecting" | "failed";

/** What the view shows. */
export interface Picture {
  chat: ChatState;
  agents: readonly AgentInfo[];
  connection: Connection;
  /** Why the connection failed, for the user. */
  problem: string | null;
  remarks: Remarks;
  /** Sent by this client, and not heard back from the server. */
  outgoing: readonly Outgoing[];
  /** Answers to commands, and other words of the client itself, by the number of entries they stand behind. */
  notes: readonly Note[];
}

export interface Note {
  id: number;
  behind: number;
  text: string;
}

const NO_REMARKS: Remarks = { delay: null, where: null };

export class SessionClient {
  #chat: ChatState = EMPTY;
  #agents: readonly AgentInfo[] = [];
  #connection: Connection = "connecting";
  #problem: string | null = null;
  #notes: readonly Note[] = [];
  #sessionId: string | null = null;
  #lastSeq = 0;
  /** Up to here events are a replay of what happened before. */
  #replayUntil = 0;
  #resuming = false;
  #flushing = false;
  #wantedAgent: string | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly transport: Transport,
    /** Asked when a session is started. */
    private readonly params: () => SessionParams,
    private readonly outbox: Outbox,
    /** A session to go on with; left out, `params` find one or start it. */
    sessionId: string | null = null,
  ) {
    this.#sessionId = sessionId;
    transport.onNotification((notification) => {
      this.#receive(notification);
    });
    transport.onStateChange(() => {
      this.#transportChanged();
    });
    transport.onRemarks?.(() => {
      this.#changed();
    });
  }

  get picture(): Picture {
    return {
      chat: this.#chat,
      agents: this.#agents,
      connection: this.#connection,
      problem: this.#problem,
      remarks: this.transport.remarks ?? NO_REMARKS,
      outgoing: this.outbox.messages,
      notes: this.#notes,
    };
  }

  get sessionId(): string | null {
    return this.#sessionId;
  }

  /** False while earlier events are being replayed: what they tell is no news. */
  get isCaughtUp(): boolean {
    return this.#lastSeq >= this.#replayUntil;
  }

  /** Calls back after every change; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(): void {
    this.transport.connect();
  }

  /** After `failed`. */
  retry(): void {
    this.#fail(null);
    if (this.transport.state.name === "open") void this.#open();
    else this.transport.connect();
  }

  /** The session stays, here and on the server; `connect` goes on with it. */
  disconnect(): void {
    this.transport.close();
  }

  /** Takes the message into the outbox; it leaves as soon as the connection allows. */
  send(text: string, context: readonly ContextItem[] = []): void {
    this.outbox.add(text, context);
    this.#changed();
    void this.#flush();
  }

  /** Forgets a message that the server refused, or that has not been sent. */
  discard(clientMessageId: string): void {
    this.outbox.remove(clientMessageId);
    this.#changed();
  }

  /** Stops the running turn, or takes a queued message back. */
  async cancel(messageId?: string): Promise<void> {
    const sessionId = this.#sessionId;
    const target = messageId ?? runningTurn(this.#chat);
    if (!sessionId || !target) return;
    await this.#tell(() => this.transport.request("session.cancel", { sessionId, messageId: target }));
  }

  async switchAgent(agentId: string): Promise<void> {
    const sessionId = this.#sessionId;
    this.#wantedAgent = agentId;
    if (!sessionId || this.#connection !== "live" || agentId === this.#chat.agent) return;
    this.#wantedAgent = null;
    await this.#tell(() => this.transport.request("session.switch_agent", { sessionId, agent_id: agentId }));
  }

  /** Answers what an agent asked leave for. The server tells everybody how it was settled, also where another was first. */
  async permit(requestId: string, decision: PermissionDecision): Promise<void> {
    const sessionId = this.#sessionId;
    if (!sessionId) return;
    await this.#tell(() => this.transport.request("tool.permit", { sessionId, requestId, decision }));
  }

  /** Chooses what tools are permitted without asking. */
  async setMode(mode: Mode): Promise<void> {
    const sessionId = this.#sessionId;
    if (!sessionId) return;
    await this.#tell(() => this.transport.request("session.set_mode", { sessionId, mode }));
  }

  /** Says how far a step of a plan has come. */
  async setStep(planId: string, stepId: string, status: StepStatus): Promise<void> {
    const sessionId = this.#sessionId;
    if (!sessionId) return;
    await this.#tell(() => this.transport.request("plan.update", { sessionId, planId, stepId, status }));
  }

  /** Runs a slash command and notes its answer. Resolves to whether it was carried out. */
  async command(command: string): Promise<boolean> {
    const sessionId = this.#sessionId;
    if (!sessionId || this.#connection !== "live") return false;
    return await this.#tell(async () => {
      const { output } = await this.transport.request("dispatchCommand", { sessionId, command });
      if (output) this.#note(output);
    });
  }

  /** A request that is no part of the conversation; rejects as ``Transport.request`` does. */
  ask<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    return this.transport.request(method, params);
  }

  /** Makes a request whose failure is told in a note. Resolves to whether it succeeded. */
  async #tell(request: () => Promise<unknown>): Promise<boolean> {
    try {
      await request();
      return true;
    } catch (error) {
      this.#note(messageOf(error));
      return false;
    }
  }

  #note(text: string): void {
    const id = (this.#notes.at(-1)?.id ?? 0) + 1;
    this.#notes = [...this.#notes, { id, behind: this.#chat.entries.length, text }];
    this.#changed();
  }

  #transportChanged(): void {
    const { state } = this.transport;
    if (state.name === "open") void this.#open();
    else if (state.name === "refused") this.#fail(state.reason);
    else if (state.name === "waiting") this.#enter("reconnecting");
    else if (state.name === "connecting") this.#enter(this.#sessionId ? "reconnecting" : "connecting");
  }

  /** On every new connection: the session is resumed, or started where there is none. */
  async #open(): Promise<void> {
    await this.#orFail(async () => {
      if (this.#sessionId) await this.#resumeOrStart();
      else await this.#start();
      await this.#loadAgents();
      this.#enter("live");
      if (this.#wantedAgent) await this.switchAgent(this.#wantedAgent);
    });
    await this.#flush();
  }

  /** A lost connection comes back by itself, and then opens again; anything else the user must hear of. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.#fail(messageOf(error));
    }
  }

  async #start(): Promise<void> {
    const result = await this.transport.request("startSession", { sessionParams: this.params() });
    this.#sessionId = result.sessionId;
    this.#lastSeq = 0;
    this.#chat = {
      ...EMPTY,
      agent: result.agent,
      status: result.status,
      provider: result.provider ?? null,
      mode: result.mode ?? null,
    };
    // What happened before this answer was perhaps not sent to this connection.
    if (result.resumed || result.seq > 0) await this.#resume();
  }

  async #resume(): Promise<void> {
    const sessionId = this.#sessionId;
    if (!sessionId || this.#resuming) return;
    this.#resuming = true;
    try {
      const result = await this.transport.request("resumeSession", { sessionId, afterSeq: this.#lastSeq });
      this.#replayUntil = result.seq;
      this.#chat = {
        ...this.#chat,
        // While events are missing, what this answer says is newer than what the last of them said.
        agent: this.#chat.agent || result.agent,
        status: result.status,
        provider: result.provider ?? this.#chat.provider,
        mode: result.mode ?? this.#chat.mode,
      };
      if (result.snapshot) {
        this.#chat = fromSnapshot(this.#chat, result.snapshot);
        this.#lastSeq = result.snapshot.seq;
        this.#notes = [];
      }
      this.#chat = withPermissions(this.#chat, result.pending?.permissions ?? []);
      this.#changed();
    } finally {
      this.#resuming = false;
    }
  }

  async #resumeOrStart(): Promise<void> {
    try {
      await this.#resume();
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#startAnew();
    }
  }

  async #startAnew(): Promise<void> {
    this.#sessionId = null;
    await this.#start();
    this.#note("The earlier conversation is no longer on the server: this is a new one.");
  }

  /** An agent list is nice to have: without it the chat still works. */
  async #loadAgents(): Promise<void> {
    try {
      this.#agents = (await this.transport.request("agent.list", {})).agents;
      this.#changed();
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
    }
  }

  #receive({ method, params }: Notification): void {
    if (params.sessionId !== this.#sessionId || params.seq <= this.#lastSeq) return;
    if (params.seq !== this.#lastSeq + 1) {
      // What is missing comes again, and this with it.
      if (!this.#resuming) void this.#fillGap();
      return;
    }
    this.#lastSeq = params.seq;
    this.#chat = fold(this.#chat, { method, params } as unknown as SessionEvent);
    if (method === "UserMessageNotification") this.#heardBack(params);
    if (method === "session.cleared") this.#notes = [];
    this.#changed();
  }

  async #fillGap(): Promise<void> {
    await this.#orFail(() => this.#resumeOrStart());
  }

  #heardBack({ clientMessageId, messageId }: Record<string, unknown>): void {
    if (typeof clientMessageId === "string") this.outbox.remove(clientMessageId);
    if (typeof messageId === "string") this.outbox.removeAccepted(messageId);
  }

  /** Sends what waits, one after the other, so that the order is the user's. */
  async #flush(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      await this.#orFail(async () => {
        for (let next = this.outbox.next; next && this.#connection === "live"; next = this.outbox.next)
          await this.#deliver(next);
      });
    } finally {
      this.#flushing = false;
    }
  }

  async #deliver(message: Outgoing): Promise<void> {
    const { clientMessageId } = message;
    try {
      const { messageId } = await this.#sendInSession(message);
      this.#accepted(clientMessageId, messageId);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      this.outbox.refuse(clientMessageId, messageOf(error));
      this.#changed();
    }
  }

  /** In a new session, where this one was deleted or has expired. */
  async #sendInSession({ clientMessageId, text, context }: Outgoing): Promise<SendResult> {
    const more = context.length > 0 ? { context } : {};
    const send = () =>
      this.transport.request("sendUserMessage", {
        sessionId: this.#sessionId ?? "",
        message: text,
        clientMessageId,
        ...more,
      });
    try {
      return await send();
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#startAnew();
      return await send();
    }
  }

  /** It leaves the outbox when its event is there, which after a reconnect may have been before this answer. */
  #accepted(clientMessageId: string, messageId: string): void {
    const isShown = this.#chat.entries.some((entry) => entry.messageId === messageId);
    if (isShown) this.outbox.remove(clientMessageId);
    else this.outbox.accept(clientMessageId, messageId);
    this.#changed();
  }

  #fail(problem: string | null): void {
    this.#problem = problem;
    this.#enter(problem === null ? "connecting" : "failed");
  }

  #enter(connection: Connection): void {
    if (connection === "live") this.#problem = null;
    this.#connection = connection;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof RpcError && error.code === ErrorCode.NoSuchSession;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
