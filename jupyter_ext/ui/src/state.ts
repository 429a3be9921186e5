/**
 * What the chat shows, as a pure fold of the session's events.
 *
 * Objects are never changed in place: an entry that is the same object looks the same, which is how the view knows what
 * to leave alone.
 */

import { withCard, type Card } from "./cards";
import {
  cleared,
  fromHistory,
  withChunk,
  withProblems,
  withQuestion,
  withReasoning,
  withRefused,
  withToolCall,
  type Entry,
} from "./entries";
import type {
  Mode,
  NotificationParams,
  PermissionRequest,
  Placed,
  ProviderInfo,
  SessionEvent,
  Snapshot,
  Usage,
} from "./protocol";

export type ProviderStatus = NotificationParams["provider.status"];

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
      return { ...state, entries: withReasoning(state.entries, event.params) };
    case "UserMessageNotification":
      return { ...state, entries: withQuestion(state.entries, event.params) };
    case "ToolCallNotification":
      return { ...state, entries: withToolCall(state.entries, event.params) };
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
      return withMade(state, { plan: event.params.plan, checklist: event.params.checklist ?? null });
    case "tests.reported":
      return withMade(state, { report: event.params.report, reportedAt: event.params.ts });
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
    ...(snapshot.reports ?? []).map((report) => ({ report, reportedAt: null })),
  ];
  return made.reduce(withMade, plain);
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

function withMade(state: ChatState, made: Card["made"]): ChatState {
  return { ...state, cards: withCard(state.cards, made, state.entries.at(-1)?.messageId ?? null) };
}

function foldChunk(state: ChatState, params: NotificationParams["AIMessageChunkNotification"] & Placed): ChatState {
  const next = { ...state, entries: withChunk(state.entries, params) };
  const ended = params.isFinal ? withoutPermissions(next, ({ messageId }) => messageId === params.messageId) : next;
  // Text proves that the provider is there, whatever it last said of itself.
  return params.chunk || params.isFinal ? { ...ended, providerStatus: null } : ended;
}

function foldAnswer(state: ChatState, params: NotificationParams["tool.permission_resolved"]): ChatState {
  const next = withoutPermissions(state, ({ requestId }) => requestId === params.requestId);
  if (params.decision !== "deny" || params.by !== "user") return next;
  return { ...next, entries: withRefused(next.entries, params.toolCallId) };
}

function renamed(provider: ProviderInfo | null, model: string): ProviderInfo | null {
  return provider && { ...provider, model };
}
