/** The tool calls of a reply: each as it stands now, in the order in which they began. */

import type { NotificationParams, ToolStatus } from "./protocol";

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

/** The calls after one of them has changed its status, or has begun behind so many characters of the reply. */
export function withCall(
  calls: readonly ToolCall[],
  params: NotificationParams["ToolCallNotification"],
  textLength: number,
): readonly ToolCall[] {
  const before = calls.find(({ toolCallId }) => toolCallId === params.toolCallId);
  const call: ToolCall = {
    toolCallId: params.toolCallId,
    at: before?.at ?? textLength,
    toolName: params.toolName,
    arguments: params.arguments,
    status: params.cancelled ? "cancelled" : params.status,
    result: params.result ?? null,
    error: params.cancelled ? null : (params.error ?? null),
    isRefused: (before?.isRefused ?? false) || (params.status === "denied" && calls.some(isRefusedFor(params.error))),
  };
  return before ? calls.map((each) => (each === before ? call : each)) : [...calls, call];
}

/** A call around one that was refused ends with its words. */
function isRefusedFor(why: string | undefined): (call: ToolCall) => boolean {
  return ({ isRefused, error }) => isRefused && error !== null && error === why;
}

/** The calls after the person has said no to one of them. */
export function withRefusal(calls: readonly ToolCall[], refused: ToolCall): readonly ToolCall[] {
  return calls.map((call) => (call === refused ? { ...call, isRefused: true } : call));
}
