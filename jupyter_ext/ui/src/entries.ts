/**
 * What was said in a conversation, one entry a message. A reply stands behind the message that it answers, whatever was
 * said meanwhile, and is one entry, however many rounds its turn had.
 */

import type {
  ContextItem,
  FinishReason,
  HistoryMessage,
  NotificationMethod,
  NotificationParams,
  Placed,
  TurnError,
  Usage,
} from "./protocol";
import { withCall, withRefusal, type ToolCall } from "./toolCalls";

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

/** Of whom a reply is heard, and to what. */
interface Turn {
  messageId: string;
  agent: string;
  ts?: string;
}

type Told<M extends NotificationMethod> = NotificationParams[M] & Pick<Placed, "ts">;

/** The entries with a question at their end. */
export function withQuestion(
  entries: readonly Entry[],
  params: Told<"UserMessageNotification">,
): readonly Entry[] {
  const entry: UserEntry = {
    role: "user",
    messageId: params.messageId,
    clientMessageId: params.clientMessageId ?? null,
    agent: params.agent,
    text: params.message,
    context: params.context ?? [],
    problems: [],
    ts: params.ts,
  };
  return [...entries, entry];
}

/** The entries after a piece of a reply, or its end. */
export function withChunk(
  entries: readonly Entry[],
  params: Told<"AIMessageChunkNotification">,
): readonly Entry[] {
  return withReply(entries, params, (reply) => ({
    ...reply,
    text: reply.text + (params.chunk ?? ""),
    finishReason: params.isFinal ? (params.finishReason ?? "stop") : reply.finishReason,
    usage: params.usage ?? reply.usage,
    error: params.error ?? reply.error,
    dropped: params.dropped ?? reply.dropped,
    truncated: params.truncated ?? reply.truncated,
  }));
}

/** The entries after a piece of what the model thinks. */
export function withReasoning(
  entries: readonly Entry[],
  params: Told<"AIReasoningChunkNotification">,
): readonly Entry[] {
  return withReply(entries, params, (reply) => ({ ...reply, reasoning: reply.reasoning + params.chunk }));
}

/** The entries after a tool call has begun, or has changed its status. */
export function withToolCall(
  entries: readonly Entry[],
  params: Told<"ToolCallNotification">,
): readonly Entry[] {
  return withReply(entries, params, (reply) => ({
    ...reply,
    toolCalls: withCall(reply.toolCalls, params, reply.text.length),
  }));
}

/** The entries after the person has said no to a tool call. */
export function withRefused(entries: readonly Entry[], toolCallId: string | undefined): readonly Entry[] {
  return entries.map((entry) => {
    const before = entry.role === "assistant" && entry.toolCalls.find((call) => call.toolCallId === toolCallId);
    return before ? { ...entry, toolCalls: withRefusal(entry.toolCalls, before) } : entry;
  });
}

/** The entries with what a question brought along and could not be read. */
export function withProblems(
  entries: readonly Entry[],
  { messageId, problems }: NotificationParams["context.resolved"],
): readonly Entry[] {
  if (!problems?.length) return entries;
  return entries.map((entry) => (entry.role === "user" && entry.messageId === messageId ? { ...entry, problems } : entry));
}

/** What an agent said and was asked is forgotten, or what all did; not the turns that are not over. */
export function cleared(entries: readonly Entry[], agent: string | undefined): readonly Entry[] {
  const over = new Set(entries.filter(isOver).map(({ messageId }) => messageId));
  return entries.filter((entry) => !over.has(entry.messageId) || (agent !== undefined && entry.agent !== agent));
}

export function isOver(entry: Entry): boolean {
  return entry.role === "assistant" && entry.finishReason !== null;
}

/** Tool results have no entry of their own: they belong to the reply's tool calls. */
export function fromHistory(messages: readonly HistoryMessage[]): readonly Entry[] {
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

/** The entries with the reply of a turn changed. */
function withReply(entries: readonly Entry[], turn: Turn, change: (reply: AgentEntry) => AgentEntry): readonly Entry[] {
  const changed = [...entries];
  putReply(changed, turn, change);
  return changed;
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
