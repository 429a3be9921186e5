/**
 * A server in the page: one session with its log, as the protocol describes it, played by a script. For working on the
 * view without a kernel, and for the tests of the session client.
 */

import type { AgentInfo, NotificationMethod, NotificationParams, ProviderInfo, RequestMethod, Requests } from "../src/protocol";
import { ConnectionLost, RpcError, type Notification, type Transport, type TransportState } from "../src/transport";

export const AGENTS: AgentInfo[] = [
  {
    agent_id: "alice",
    name: "Alice",
    role: "Assistant",
    description: "Explains, writes and mends code.",
    color: "#2f6fde",
    icon: "A",
    shortcut: "[A]",
    suggestions: ["What is in this notebook?", "Explain the last error", "Plot df by month"],
  },
  {
    agent_id: "patricia",
    name: "Patricia",
    role: "Planner",
    description: "Turns a goal into steps that tick themselves off.",
    color: "#0f8a6d",
    icon: "P",
    shortcut: "[P]",
    suggestions: ["Plan the cleaning of sales.csv"],
  },
  {
    agent_id: "tessa",
    name: "Tessa",
    role: "Tester",
    description: "Tests what is there, and shows the evidence.",
    color: "#b8489f",
    icon: "T",
    shortcut: "[T]",
    suggestions: ["Test parse_price", "Which cell would fail after a restart?"],
  },
];

export type Reply = (message: string, say: Say) => void | Promise<void>;

/** How a scripted agent speaks. */
export interface Say {
  messageId: string;
  agent: string;
  emit: Session["emit"];
  chunk: (text: string) => void;
  end: (rest?: Partial<NotificationParams["AIMessageChunkNotification"]>) => void;
}

/** A session with its log. It outlives connections. */
export class Session {
  readonly id = "session-1";
  readonly log: Notification[] = [];
  readonly received: { clientMessageId: string; messageId: string; message: string }[] = [];
  agent = "alice";
  connections = new Set<ScriptedTransport>();

  constructor(
    readonly provider: ProviderInfo = { name: "openrouter", label: "OpenRouter", model: "qwen3-coder" },
    readonly reply: Reply = () => undefined,
  ) {}

  emit<M extends NotificationMethod>(method: M, params: NotificationParams[M]): void {
    const place = { sessionId: this.id, seq: this.log.length + 1, ts: new Date().toISOString() };
    const notification = { method, params: { ...params, ...place } } as unknown as Notification;
    this.log.push(notification);
    for (const connection of this.connections) connection.deliver(notification);
  }

  say(messageId: string, agent: string): Say {
    return {
      messageId,
      agent,
      emit: this.emit.bind(this),
      chunk: (chunk) => {
        this.emit("AIMessageChunkNotification", { messageId, agent, chunk, isFinal: false });
      },
      end: (rest = {}) => {
        this.emit("AIMessageChunkNotification", { messageId, agent, chunk: "", isFinal: true, finishReason: "stop", ...rest });
      },
    };
  }

  introduce(agent: string, text: string): void {
    this.say(`introduction-${agent}`, agent).end({ chunk: text });
  }

  take(message: string, clientMessageId: string): string {
    const known = this.received.find((each) => each.clientMessageId === clientMessageId);
    if (known) return known.messageId;
    const messageId = `message-${this.received.length + 1}`;
    this.received.push({ clientMessageId, messageId, message });
    const agent = /^@(\w+)/.exec(message)?.[1] ?? this.agent;
    queueMicrotask(() => {
      this.emit("UserMessageNotification", { messageId, message, agent, clientId: "client-1", clientMessageId });
      void this.reply(message, this.say(messageId, agent));
    });
    return messageId;
  }

  cancel(messageId: string): void {
    this.say(messageId, this.agent).end({ finishReason: "cancelled" });
  }

  switchTo(agent: string): void {
    const from = this.agent;
    this.agent = agent;
    queueMicrotask(() => {
      this.emit("agent.switched", { from, to: agent, by: "user" });
    });
  }
}

/** A connection to the session; `drop` and `restore` play a network. */
export class ScriptedTransport implements Transport {
  state: TransportState = { name: "connecting" };
  /** Requests as they came. */
  readonly requests: { method: string; params: unknown }[] = [];
  /** Answers a request instead of the session. */
  override: (method: RequestMethod) => Error | null = () => null;
  /** The connection breaks when this was carried out and not answered yet. */
  loseAnswerTo: RequestMethod | null = null;
  /** Loses this one on its way. */
  lose: (notification: Notification) => boolean = () => false;
  #notify: (notification: Notification) => void = () => undefined;
  #changed: (state: TransportState) => void = () => undefined;

  constructor(
    private readonly session: Session,
    private readonly isNew = true,
  ) {}

  connect(): void {
    this.restore();
  }

  drop(): void {
    this.session.connections.delete(this);
    this.#enter({ name: "waiting" });
  }

  restore(): void {
    this.#enter({ name: "open" });
  }

  close(): void {
    this.session.connections.delete(this);
    this.#enter({ name: "closed" });
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#notify = listener;
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#changed = listener;
  }

  deliver(notification: Notification): void {
    if (!this.lose(notification)) this.#notify(notification);
  }

  async request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    await Promise.resolve();
    if (this.state.name !== "open") throw new ConnectionLost("Not connected.");
    this.requests.push({ method, params });
    const error = this.override(method);
    if (error) throw error;
    const result = this.#answer(method, params as never) as Requests[M]["result"];
    if (method !== this.loseAnswerTo) return result;
    this.drop();
    throw new ConnectionLost("The connection was lost.");
  }

  #answer(method: RequestMethod, params: Record<string, string>): unknown {
    const { session } = this;
    const state = { sessionId: session.id, status: 1, clientId: "client-1", agent: session.agent, provider: session.provider };
    switch (method) {
      case "startSession":
        session.connections.add(this);
        return { ...state, seq: session.log.length, resumed: !this.isNew };
      case "resumeSession": {
        session.connections.delete(this);
        const afterSeq = Number(params["afterSeq"]);
        const missed = session.log.slice(afterSeq);
        // The answer is there before the events that it brings.
        setTimeout(() => {
          for (const notification of missed) this.deliver(notification);
          const since = session.log.slice(afterSeq + missed.length);
          for (const notification of since) this.deliver(notification);
          session.connections.add(this);
        });
        return { ...state, seq: session.log.length };
      }
      case "sendUserMessage":
        return { messageId: session.take(params["message"] ?? "", params["clientMessageId"] ?? ""), status: 0, queued: 0 };
      case "session.cancel":
        session.cancel(params["messageId"] ?? "");
        return { cancelled: true };
      case "session.switch_agent":
        session.switchTo(params["agent_id"] ?? "");
        return { success: true, current_agent: session.agent };
      case "agent.list":
        return { agents: AGENTS };
      case "dispatchCommand":
        return { output: "**Commands**\n\n- `/help` this list\n- `/clear` forget the conversation\n- `/model` show or choose the model" };
      case "echo":
        return params["message"];
      default:
        throw new RpcError(-32601, "No such method.");
    }
  }

  #enter(state: TransportState): void {
    this.state = state;
    this.#changed(state);
  }
}
