/** What is read from a conversation's state: which turn runs, what was said in which order, what is finished. */

import type { MadePlan } from "./cards";
import { isOver, type AgentEntry, type Entry } from "./entries";
import type { FinishReason } from "./protocol";
import type { ChatState } from "./state";
import type { ToolCall } from "./toolCalls";

/** How many calls of the turn that made a plan are done: with one of them its cells came into the notebook. */
export function doneWith({ plan }: MadePlan, entries: readonly Entry[]): number {
  const turn = entries.find(({ role, messageId }) => role === "assistant" && messageId === plan.messageId);
  return turn?.role === "assistant" ? turn.toolCalls.filter(({ status }) => status === "done").length : 0;
}

/** Text, and the tool calls that followed it. */
export interface Segment {
  text: string;
  toolCalls: readonly ToolCall[];
}

/** A reply in the order in which it came: what was said, what was done then, what was said after that. */
export function segmentsOf({ text, toolCalls }: AgentEntry): Segment[] {
  const cuts = [...new Set(toolCalls.map(({ at }) => at))].sort((one, other) => one - other);
  const segments: Segment[] = cuts.map((at, index) => ({
    text: text.slice(cuts[index - 1] ?? 0, at),
    toolCalls: toolCalls.filter((call) => call.at === at),
  }));
  return [...segments, { text: text.slice(cuts.at(-1) ?? 0), toolCalls: [] }];
}

/** All that was said, with a blank line where tools were at work in between. */
function saidIn(entry: Entry): string {
  if (entry.role === "user") return entry.text;
  return segmentsOf(entry)
    .map(({ text }) => text)
    .filter((text) => text.trim() !== "")
    .join("\n\n");
}

/**
 * The turn that runs now: its messageId, or `null`.
 *
 * A turn whose first event has not come yet runs as well, if it is the first in the queue: the user's message is there,
 * and no answer to it.
 */
export function runningTurn({ entries }: ChatState): string | null {
  const streaming = entries.findLast((entry) => entry.role === "assistant" && entry.finishReason === null);
  return streaming?.messageId ?? waitingTurns(entries)[0] ?? null;
}

/** The messages that wait for the running turn to end, by messageId. */
export function queuedTurns(state: ChatState): ReadonlySet<string> {
  const running = runningTurn(state);
  return new Set(waitingTurns(state.entries).filter((messageId) => messageId !== running));
}

/**
 * Messages without an answer. One that was overtaken by a later turn will never get any (its server was killed), except
 * that a later message may have been taken back while this one waited.
 */
function waitingTurns(entries: readonly Entry[]): string[] {
  const replies = new Map(
    entries.filter((entry) => entry.role === "assistant").map((entry) => [entry.messageId, entry]),
  );
  const questions = entries.filter((entry) => entry.role === "user").map((entry) => entry.messageId);
  const lastBegun = questions.findLastIndex((messageId) => {
    const reply = replies.get(messageId);
    return reply !== undefined && !wasTakenBack(reply);
  });
  return questions.slice(lastBegun + 1).filter((messageId) => !replies.has(messageId));
}

function wasTakenBack(reply: AgentEntry): boolean {
  return reply.finishReason === "cancelled" && !reply.text && !reply.reasoning && reply.toolCalls.length === 0;
}

/** What was said and done, for the kernel's side and for the record: finished messages only. */
export interface HistoryItem extends Record<string, unknown> {
  messageId: string;
  role: "user" | "assistant";
  agent: string;
  content: string;
  ts: string | null;
  finishReason: FinishReason | null;
  error: string | null;
}

export function finishedHistory({ entries }: ChatState): HistoryItem[] {
  const finished = new Set(entries.filter(isOver).map(({ messageId }) => messageId));
  return entries
    .filter(({ messageId }) => finished.has(messageId))
    .map((entry) => ({
      messageId: entry.messageId,
      role: entry.role,
      agent: entry.agent,
      content: saidIn(entry),
      ts: entry.ts,
      finishReason: entry.role === "assistant" ? entry.finishReason : null,
      error: entry.role === "assistant" ? (entry.error?.message ?? null) : null,
    }));
}
