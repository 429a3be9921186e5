/**
 * What the chat shows, as a pure fold of the session's events.
 *
 * Objects are never changed in place: an entry that is the same object looks the same, which is how the view knows what
 * to leave alone.
 */

import type {
  ContextItem,
  FinishReason,
  HistoryMessage,
  Mode,
  NotificationParams,
  PermissionRequest,
  Plan,
  ProviderInfo,
  Report,
  SessionEvent,
  Snapshot,
  ToolStatus,
  TurnError,
  Usage,
} from "./protocol";

export interface UserEntry {
  role: "user";
  messageId: string;
  clientMessageId: string | null;
  /** Who was asked. */
  agent: string;
  text: string;
  /** What the message brought along. */
  context: readonly ContextItem[];
  /** What of it could not be read, or was left out. */
  problems: readonly string[];
  ts: string | null;
}

/** How a call stands, as it is shown. */
export type ToolCardStatus = ToolStatus | "cancelled";

export interface ToolCall {
  toolCallId: string;
  /** How much of the reply's text came before it. */
  at: number;
  toolName: string;
  arguments: Record<string, unknown>;
  status: ToolCardStatus;
  result: string | null;
  error: string | null;
  /** The person said no, to this or to what it needed: why it ended is no news to her. */
  isRefused: boolean;
}

export interface AgentEntry {
  role: "assistant";
  messageId: string;
  agent: string;
  text: string;
  reasoning: string;
  toolCalls: readonly ToolCall[];
  /** `null` while the turn runs. */
  finishReason: FinishReason | null;
  usage: Usage | null;
  error: TurnError | null;
  /** Older messages that did not fit into the model's context. */
  dropped: number;
  /** The question itself was shortened to fit. */
  truncated: boolean;
  ts: string | null;
}

export type Entry = UserEntry | AgentEntry;

export type ProviderStatus = NotificationParams["provider.status"];

/** Something that agents made; stands behind the entry after which it came. */
export interface Card {
  key: string;
  behind: string | null;
  made: MadePlan | { report: Report };
}

export interface MadePlan {
  plan: Plan;
  /** The text of its cell in the notebook; `null` where the server has not told. */
  checklist: string | null;
}

export interface ChatState {
  /** In the order of the conversation: a reply stands behind the message it answers. */
  entries: readonly Entry[];
  /** The current agent's id; empty before the session has told. */
  agent: string;
  provider: ProviderInfo | null;
  providerStatus: ProviderStatus | null;
  /** The session's: 0 starting, 1 active, 2 stopped, 3 error. */
  status: number;
  statusReason: string | null;
  usage: Usage | null;
  /** What the person is asked and has not answered, oldest first. */
  permissions: readonly PermissionRequest[];
  /** What tools are permitted; `null` before the session has told. */
  mode: Mode | null;
  cards: readonly Card[];
}

export const EMPTY: ChatState = {
  entries: [],
  agent: "",
  provider: null,
  providerStatus: null,
  status: 0,
  statusReason: null,
  usage: null,
  permissions: [],
  mode: null,
  cards: [],
};

/** The state after one more event. */
export function fold(state: ChatState, event: SessionEvent): ChatState {
  switch (event.method) {
    case "AIMessageChunkNotification":
      return foldChunk(state, event.params);
    case "AIReasoningChunkNotification":
      return withReply(state, event.params, (reply) => ({
        ...reply,
        reasoning: reply.reasoning + event.params.chunk,
      }));
    case "UserMessageNotification":
      return foldUserMessage(state, event.params);
    case "ToolCallNotification":
      return withReply(state, event.params, (reply) => ({
        ...reply,
        toolCalls: foldToolCall(reply, event.params),
      }));
    case "agent.switched":
      return { ...state, agent: event.params.to };
    case "SessionStatusNotification":
      return {
        ...state,
        status: event.params.status,
        statusReason: event.params.reason ?? null,
        provider: event.params.provider ?? state.provider,
        mode: event.params.params?.mode ?? state.mode,
      };
    case "session.usage":
      return { ...state, usage: event.params };
    case "session.cleared":
      return {
        ...state,
        entries: cleared(state.entries, event.params.agent),
        cards: event.params.agent === undefined ? [] : state.cards,
      };
    case "session.mode_changed":
      return { ...state, mode: event.params.mode };
    case "context.resolved":
      return { ...state, entries: withProblems(state.entries, event.params) };
    case "tool.permission_requested":
      return withPermissions(state, [event.params]);
    case "tool.permission_resolved":
      return foldAnswer(state, event.params);
    case "plan.updated":
      return withCard(state, { plan: event.params.plan, checklist: event.params.checklist ?? null });
    case "tests.reported":
      return withCard(state, { report: event.params.report });
    case "session.model_changed":
      return { ...state, provider: event.params.provider ?? renamed(state.provider, event.params.model) };
    case "provider.status":
      return { ...state, providerStatus: event.params.state === "ready" ? null : event.params };
    default:
      return state;
  }
}

/** The state that a snapshot describes; what it does not speak of stays. */
export function fromSnapshot(state: ChatState, snapshot: Snapshot): ChatState {
  const plain: ChatState = {
    ...state,
    entries: fromHistory(snapshot.messages),
    agent: snapshot.agent,
    usage: snapshot.usage ?? null,
    providerStatus: null,
    permissions: [],
    cards: [],
  };
  const made = [
    ...(snapshot.plans ?? []).map((plan) => ({ plan, checklist: null })),
    ...(snapshot.reports ?? []).map((report) => ({ report })),
  ];
  return made.reduce(withCard, plain);
}

/** The state with these asks open; none twice. */
export function withPermissions(state: ChatState, asked: readonly PermissionRequest[]): ChatState {
  const known = new Set(state.permissions.map(({ requestId }) => requestId));
  const fresh = asked.filter(({ requestId }) => !known.has(requestId));
  return fresh.length === 0 ? state : { ...state, permissions: [...state.permissions, ...fresh] };
}

function withoutPermissions(state: ChatState, isOver: (request: PermissionRequest) => boolean): ChatState {
  if (!state.permissions.some(isOver)) return state;
  return { ...state, permissions: state.permissions.filter((request) => !isOver(request)) };
}

/** What was made anew takes the place of what it was. */
function withCard(state: ChatState, made: Card["made"]): ChatState {
  const key = "plan" in made ? `plan ${made.plan.planId}` : `report ${made.report.reportId}`;
  const before = state.cards.find((card) => card.key === key);
  if (before) return { ...state, cards: state.cards.map((card) => (card === before ? { ...card, made } : card)) };
  const behind = state.entries.at(-1)?.messageId ?? null;
  return { ...state, cards: [...state.cards, { key, behind, made }] };
}

/** Tool results have no entry of their own: they belong to the reply's tool calls. */
function fromHistory(messages: readonly HistoryMessage[]): Entry[] {
  const entries: Entry[] = [];
  for (const message of messages) {
    if (message.role === "user") entries.push(userEntry(message));
    else if (message.role === "assistant") putReply(entries, message, (reply) => joined(reply, message));
  }
  return entries;
}

function userEntry({ messageId, agent, content, context, ts }: HistoryMessage): UserEntry {
  return { role: "user", messageId, clientMessageId: null, agent, text: content, context: context ?? [], problems: [], ts: ts ?? null };
}

/** The rounds of one turn may be several messages; here they are one entry. */
function joined(reply: AgentEntry, { content, finishReason, usage, error, dropped, truncated }: HistoryMessage): AgentEntry {
  return {
    ...reply,
    text: reply.text && content ? `${reply.text}\n\n${content}` : reply.text + content,
    finishReason: finishReason ?? reply.finishReason,
    usage: usage ?? reply.usage,
    error: error ?? reply.error,
    dropped: dropped ?? reply.dropped,
    truncated: truncated ?? reply.truncated,
  };
}

function foldChunk(state: ChatState, params: NotificationParams["AIMessageChunkNotification"]): ChatState {
  const next = withReply(state, params, (reply) => ({
    ...reply,
    text: reply.text + (params.chunk ?? ""),
    finishReason: params.isFinal ? (params.finishReason ?? "stop") : reply.finishReason,
    usage: params.usage ?? reply.usage,
    error: params.error ?? reply.error,
    dropped: params.dropped ?? reply.dropped,
    truncated: params.truncated ?? reply.truncated,
  }));
  const ended = params.isFinal ? withoutPermissions(next, ({ messageId }) => messageId === params.messageId) : next;
  // Text proves that the provider is there, whatever it last said of itself.
  return params.chunk || params.isFinal ? { ...ended, providerStatus: null } : ended;
}

function foldUserMessage(
  state: ChatState,
  params: NotificationParams["UserMessageNotification"] & { ts?: string },
): ChatState {
  const entry: UserEntry = {
    role: "user",
    messageId: params.messageId,
    clientMessageId: params.clientMessageId ?? null,
    agent: params.agent,
    text: params.message,
    context: params.context ?? [],
    problems: [],
    ts: params.ts ?? null,
  };
  return { ...state, entries: [...state.entries, entry] };
}

function withProblems(
  entries: readonly Entry[],
  { messageId, problems }: NotificationParams["context.resolved"],
): readonly Entry[] {
  if (!problems?.length) return entries;
  return entries.map((entry) => (entry.role === "user" && entry.messageId === messageId ? { ...entry, problems } : entry));
}

interface Turn {
  messageId: string;
  agent: string;
  ts?: string;
}

/** The state with the reply of a turn changed. */
function withReply(state: ChatState, turn: Turn, change: (reply: AgentEntry) => AgentEntry): ChatState {
  const entries = [...state.entries];
  putReply(entries, turn, change);
  return { ...state, entries };
}

/** Changes the reply of a turn, which begins here if nothing of it was heard before. */
function putReply(entries: Entry[], { messageId, agent, ts }: Turn, change: (reply: AgentEntry) => AgentEntry): void {
  const at = entries.findLastIndex((entry) => entry.messageId === messageId);
  const found = entries[at];
  if (found?.role === "assistant") entries[at] = change(found);
  // Behind its question: others may have been queued since. An introduction answers nothing and goes to the end.
  else entries.splice(at < 0 ? entries.length : at + 1, 0, change(emptyReply(messageId, agent, ts)));
}

function emptyReply(messageId: string, agent: string, ts?: string): AgentEntry {
  return {
    role: "assistant",
    messageId,
    agent,
    text: "",
    reasoning: "",
    toolCalls: [],
    finishReason: null,
    usage: null,
    error: null,
    dropped: 0,
    truncated: false,
    ts: ts ?? null,
  };
}

function foldToolCall(
  { toolCalls, text }: AgentEntry,
  params: NotificationParams["ToolCallNotification"],
): readonly ToolCall[] {
  const before = toolCalls.find(({ toolCallId }) => toolCallId === params.toolCallId);
  const call: ToolCall = {
    toolCallId: params.toolCallId,
    at: before?.at ?? text.length,
    toolName: params.toolName,
    arguments: params.arguments,
    status: params.cancelled ? "cancelled" : params.status,
    result: params.result ?? null,
    error: params.cancelled ? null : (params.error ?? null),
    isRefused: (before?.isRefused ?? false) || (params.status === "denied" && toolCalls.some(isRefusedFor(params.error))),
  };
  return before ? toolCalls.map((each) => (each === before ? call : each)) : [...toolCalls, call];
}

/** A call around one that was refused ends with its words. */
function isRefusedFor(why: string | undefined): (call: ToolCall) => boolean {
  return ({ isRefused, error }) => isRefused && error !== null && error === why;
}

function foldAnswer(state: ChatState, params: NotificationParams["tool.permission_resolved"]): ChatState {
  const next = withoutPermissions(state, ({ requestId }) => requestId === params.requestId);
  if (params.decision !== "deny" || params.by !== "user") return next;
  const refused = (call: ToolCall) => (call.toolCallId === params.toolCallId ? { ...call, isRefused: true } : call);
  const entries = next.entries.map((entry) =>
    entry.role === "assistant" && entry.toolCalls.some(({ toolCallId }) => toolCallId === params.toolCallId)
      ? { ...entry, toolCalls: entry.toolCalls.map(refused) }
      : entry,
  );
  return { ...next, entries };
}

/** What an agent said and was asked is forgotten, or what all did; not the turns that are not over. */
function cleared(entries: readonly Entry[], agent: string | undefined): readonly Entry[] {
  const over = new Set(entries.filter(isOver).map(({ messageId }) => messageId));
  return entries.filter((entry) => !over.has(entry.messageId) || (agent !== undefined && entry.agent !== agent));
}

export function isOver(entry: Entry): boolean {
  return entry.role === "assistant" && entry.finishReason !== null;
}

function renamed(provider: ProviderInfo | null, model: string): ProviderInfo | null {
  return provider && { ...provider, model };
}
