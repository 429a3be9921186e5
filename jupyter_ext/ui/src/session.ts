/** One conversation with the server, as whoever shows it has it: what there is to see, and what the user can do. */

import { addressed, askableAgain } from "./again";
import { SessionFollower } from "./follower";
import type { Outbox, Outgoing } from "./outbox";
import type { Connection, Note, Picture } from "./picture";
import type {
  AgentInfo,
  ContextItem,
  Mode,
  PermissionDecision,
  RequestMethod,
  Requests,
  SendResult,
  SessionMethod,
  SessionParams,
  StepStatus,
} from "./protocol";
import { runningTurn } from "./readings";
import { OutboxRelay } from "./relay";
import { Replica } from "./replica";
import { ConnectionLost, messageOf, type Notification, type Remarks, type Transport } from "./transport";

const NO_REMARKS: Remarks = { delay: null, where: null };

export class SessionClient {
  #agents: readonly AgentInfo[] = [];
  #connection: Connection = "connecting";
  #problem: string | null = null;
  #notes: readonly Note[] = [];
  #wantedAgent: string | null = null;
  readonly #replica: Replica;
  readonly #follower: SessionFollower;
  readonly #relay: OutboxRelay;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly transport: Transport,
    /** Asked when a session is started. */
    params: () => SessionParams,
    private readonly outbox: Outbox,
    /** A session to go on with; left out, `params` find one or start it. */
    sessionId: string | null = null,
  ) {
    this.#replica = new Replica(sessionId);
    this.#follower = new SessionFollower(transport, params, this.#replica, {
      onResumed: (isReplaced) => {
        if (isReplaced) this.#notes = [];
        this.#changed();
      },
      onStartedAnew: () => {
        this.#note("The earlier conversation is no longer on the server: this is a new one.");
      },
    });
    this.#relay = new OutboxRelay(outbox, {
      isOpen: () => this.#connection === "live",
      send: (message) => this.#follower.orInNew(() => this.#deliver(message)),
      isHeard: (messageId) => this.#replica.chat.entries.some((entry) => entry.messageId === messageId),
      onChange: () => {
        this.#changed();
      },
    });
    transport.onNotification((event) => {
      this.#receive(event);
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
      chat: this.#replica.chat,
      agents: this.#agents,
      connection: this.#connection,
      problem: this.#problem,
      remarks: this.transport.remarks ?? NO_REMARKS,
      outgoing: this.outbox.messages,
      notes: this.#notes,
    };
  }

  /** The notebook that it is shown in, as its plugin is known to the kernel: what is asked here is done there. */
  frontEnd: string | null = null;

  get sessionId(): string | null {
    return this.#replica.sessionId;
  }

  /** False while earlier events are being replayed: what they tell is no news. */
  get isCaughtUp(): boolean {
    return this.#replica.isCaughtUp;
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

  /** Asks the same agent the same once more, where the last turn failed or was cut off. */
  askAgain(): void {
    const { picture } = this;
    const question = askableAgain(picture);
    if (question) this.send(addressed(question, picture), question.context);
  }

  /** Forgets a message that the server refused, or that has not been sent. */
  discard(clientMessageId: string): void {
    this.outbox.remove(clientMessageId);
    this.#changed();
  }

  /** Stops the running turn, or takes a queued message back. */
  async cancel(messageId?: string): Promise<void> {
    const target = messageId ?? runningTurn(this.#replica.chat);
    if (target) await this.#tell("session.cancel", { messageId: target });
  }

  /** Without a connection, as soon as there is one. */
  async switchAgent(agentId: string): Promise<void> {
    this.#wantedAgent = agentId;
    if (!this.sessionId || this.#connection !== "live" || agentId === this.#replica.chat.agent) return;
    this.#wantedAgent = null;
    await this.#tell("session.switch_agent", { agent_id: agentId });
  }

  /** Answers what an agent asked leave for. The server tells everybody how it was settled, also where another was first. */
  async permit(requestId: string, decision: PermissionDecision): Promise<void> {
    await this.#tell("tool.permit", { requestId, decision });
  }

  /** Chooses what tools are permitted without asking. */
  async setMode(mode: Mode): Promise<void> {
    await this.#tell("session.set_mode", { mode });
  }

  /** Says how far a step of a plan has come. */
  async setStep(planId: string, stepId: string, status: StepStatus): Promise<void> {
    await this.#tell("plan.update", { planId, stepId, status });
  }

  /** Runs a slash command and notes its answer. Resolves to whether it was carried out. */
  async command(command: string): Promise<boolean> {
    if (this.#connection !== "live") return false;
    const answer = await this.#tell("dispatchCommand", { command });
    if (answer?.output) this.#note(answer.output);
    return answer !== null;
  }

  /** A request that is no part of the conversation; rejects as ``Transport.request`` does. */
  ask<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    return this.transport.request(method, params);
  }

  /** Makes a request of the session; a failure is told in a note. Resolves to `null` then, and where there is no session. */
  async #tell<M extends SessionMethod>(method: M, params: Omit<Requests[M]["params"], "sessionId">): Promise<Requests[M]["result"] | null> {
    const { sessionId } = this;
    if (!sessionId) return null;
    try {
      return await this.transport.request(method, { sessionId, ...params });
    } catch (error) {
      this.#note(messageOf(error));
      return null;
    }
  }

  #note(text: string): void {
    const id = (this.#notes.at(-1)?.id ?? 0) + 1;
    this.#notes = [...this.#notes, { id, behind: this.#replica.chat.entries.length, text }];
    this.#changed();
  }

  #transportChanged(): void {
    const { state } = this.transport;
    if (state.name === "open") void this.#open();
    else if (state.name === "refused") this.#fail(state.reason);
    else if (state.name === "waiting") this.#enter("reconnecting");
    else if (state.name === "connecting") this.#enter(this.sessionId ? "reconnecting" : "connecting");
  }

  async #open(): Promise<void> {
    await this.#orFail(async () => {
      await this.#follower.open();
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

  /** An agent list is nice to have: without it the chat still works. */
  async #loadAgents(): Promise<void> {
    try {
      this.#agents = (await this.transport.request("agent.list", {})).agents;
      this.#changed();
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
    }
  }

  #receive(event: Notification): void {
    const reception = this.#replica.take(event);
    // What is missing comes again, and this with it.
    if (reception === "early") void this.#orFail(() => this.#follower.catchUp());
    if (reception === "taken") this.#happened(event);
  }

  #happened({ method, params }: Notification): void {
    if (method === "UserMessageNotification") this.#relay.heard(params);
    if (method === "session.cleared") this.#notes = [];
    this.#changed();
  }

  async #flush(): Promise<void> {
    await this.#orFail(() => this.#relay.flush());
  }

  #deliver({ clientMessageId, text, context }: Outgoing): Promise<SendResult> {
    const more = { ...(context.length > 0 && { context }), ...(this.frontEnd && { frontEnd: this.frontEnd }) };
    const sessionId = this.sessionId ?? "";
    return this.transport.request("sendUserMessage", { sessionId, message: text, clientMessageId, ...more });
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
