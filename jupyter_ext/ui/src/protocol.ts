/**
 * What goes over the wire: the types of the Whisperer protocol as the chat uses it.
 *
 * The server may add fields and notifications at any time; what is not listed here is ignored.
 */

export type FinishReason =
  | "stop"
  | "length"
  | "content_filter"
  | "cancelled"
  | "error"
  | "interrupted"
  | "max_rounds";

export const ErrorCode = {
  InternalError: -32603,
  NoSuchSession: -32002,
  QueueFull: -32003,
} as const;

export interface Usage {
  promptTokens?: number;
  completionTokens?: number;
  cachedTokens?: number;
  costUsd?: number;
}

export interface TurnError {
  kind: string;
  message: string;
  status?: number;
  /** Seconds. */
  retryAfter?: number;
}

export interface ProviderInfo {
  name: string;
  label: string;
  model?: string;
  demo?: boolean;
  /** Words for the user, where something must be chosen or mended first. */
  notice?: string;
}

/** A provider as it can be chosen. */
export interface ProviderOffer {
  name: string;
  label: string;
  model: string | null;
  demo: boolean;
  current: boolean;
  /** It would answer, as far as can be seen. */
  available: boolean;
  needsKey: boolean;
  /** Where its key comes from. */
  key: "entered" | "environment" | "keyring" | null;
}

export interface ProviderOffers {
  providers: ProviderOffer[];
  current: ProviderInfo;
  /** The server lets nobody choose. */
  locked: boolean;
  /** Keys can be remembered by the operating system. */
  keyring: boolean;
}

export interface AgentInfo {
  agent_id: string;
  name: string;
  role?: string;
  description?: string;
  color?: string;
  icon?: string;
  shortcut?: string;
  introduction?: string;
  suggestions?: string[];
}

export interface SessionParams {
  agent?: string;
  kernelId?: string;
  notebook?: string;
  new?: boolean;
  mode?: Mode;
}

/** What a message may bring along. */
export type ContextItem =
  | { type: "cell"; cellId: string }
  | { type: "variable"; name: string }
  | { type: "file"; path: string }
  | { type: "selection"; cellId: string; text: string }
  | { type: "text"; text: string };

/** What tools are permitted without asking. */
export type Mode = "plan" | "ask" | "edit" | "auto";

export type PermissionDecision = "allow_once" | "allow_session" | "deny";

export interface StartResult {
  sessionId: string;
  status: number;
  clientId: string;
  agent: string;
  seq: number;
  resumed?: boolean;
  provider?: ProviderInfo;
  mode?: Mode;
}

export interface HistoryMessage {
  messageId: string;
  role: "user" | "assistant" | "tool";
  agent: string;
  content: string;
  ts?: string;
  finishReason?: FinishReason;
  usage?: Usage;
  error?: TurnError;
  dropped?: number;
  truncated?: boolean;
  context?: ContextItem[];
}

export interface Snapshot {
  seq: number;
  agent: string;
  messages: HistoryMessage[];
  plans?: Plan[];
  reports?: Report[];
  usage?: Usage;
}

/** What a client must know of a plan to show it; the whole is Patricia's. */
export interface Plan {
  planId: string;
  /** The message that it answers. */
  messageId?: string;
  title?: string;
  goal?: string;
  steps?: PlanStep[];
  /** Made by the demo model. */
  demo?: boolean;
  /** No model made it: it follows the fixed pattern of this name. */
  pattern?: string | null;
}

export type StepStatus = "open" | "doing" | "done" | "failed" | "skipped";

export interface PlanStep {
  title: string;
  stepId?: string;
  status?: StepStatus;
  /** A line of Python that holds when the step is done. */
  check?: string;
}

/** What a client must know of a test report to show it. */
export interface Report {
  reportId: string;
  /** What was tested. */
  target?: string;
  counts?: Record<string, number>;
  outcomes?: Outcome[];
  /** Whether a model wrote the tests, or they record what the code does today. */
  origin?: string;
  /** Whether those that passed were put into the notebook, and the same in words. */
  inserted?: boolean;
  placing?: string;
  /** What the target needs and the run did without. */
  missing?: string[];
  notes?: string[];
}

/** What came of one test. */
export interface Outcome {
  name: string;
  verdict: string;
  reason?: string;
}

export interface ResumeResult {
  sessionId: string;
  status: number;
  clientId: string;
  agent: string;
  seq: number;
  /** Asks that are still open. */
  pending?: { permissions: PermissionRequest[]; toolCalls: ToolCallParams[] };
  snapshot?: Snapshot;
  resync?: boolean;
  provider?: ProviderInfo;
  mode?: Mode;
}

export interface PermissionRequest {
  messageId: string;
  requestId: string;
  toolCallId: string;
  toolName: string;
  arguments: Record<string, unknown>;
  agent: string;
  /** What of the arguments a yes for the session holds for. */
  bound?: Record<string, unknown>;
  /** A yes holds for this call alone. */
  once?: boolean;
  /** What will happen. */
  preview?: string;
  expiresAt?: string;
}

export interface ToolCallParams {
  messageId: string;
  toolCallId: string;
  toolName: string;
  arguments: Record<string, unknown>;
  agent: string;
  executor: "server" | "client";
  status: ToolStatus;
  result?: string;
  error?: string;
  /** It was stopped, and has not failed. */
  cancelled?: boolean;
  /** Who is asked to carry it out. */
  clientId?: string;
  /** The cell whose code sent the message, and may wait for the answer. */
  cellId?: string;
}

export interface SendResult {
  messageId: string;
  status: number;
  queued: number;
}

export type ToolStatus = "pending" | "waiting_permission" | "running" | "done" | "error" | "denied";

/** The parameters of each notification, beside the `sessionId`, `seq` and `ts` that all of them carry. */
export interface NotificationParams {
  AIMessageChunkNotification: {
    messageId: string;
    agent: string;
    chunk?: string;
    isFinal?: boolean;
    finishReason?: FinishReason;
    usage?: Usage;
    error?: TurnError;
    dropped?: number;
    truncated?: boolean;
  };
  AIReasoningChunkNotification: { messageId: string; agent: string; chunk: string };
  UserMessageNotification: {
    messageId: string;
    message: string;
    agent: string;
    clientId: string;
    clientMessageId?: string;
    context?: ContextItem[];
  };
  ToolCallNotification: ToolCallParams;
  "tool.permission_requested": PermissionRequest;
  "tool.permission_resolved": { requestId: string; decision: PermissionDecision; by: string; toolCallId?: string };
  "context.resolved": { messageId: string; problems?: string[] };
  "session.mode_changed": { mode: Mode };
  /** `checklist` is the text of the plan's cell. */
  "plan.updated": { plan: Plan; checklist?: string };
  "tests.reported": { report: Report };
  "agent.switched": { from: string; to: string; by: "user" | "agent" | "handoff" };
  SessionStatusNotification: {
    status: number;
    reason?: string;
    provider?: ProviderInfo;
    /** Of the session's start, on its first event alone. */
    params?: { mode?: Mode };
  };
  "session.usage": { promptTokens?: number; completionTokens?: number; costUsd?: number };
  "session.cleared": { agent?: string };
  "session.model_changed": { model: string; provider?: ProviderInfo };
  "provider.status": {
    state: "starting" | "downloading" | "ready" | "failed";
    message: string;
    /** 0 to 1. */
    progress?: number;
  };
}

export interface Placed {
  sessionId: string;
  seq: number;
  ts: string;
}

export type NotificationMethod = keyof NotificationParams;

/** A notification of a kind this client knows. */
export type SessionEvent = {
  [M in NotificationMethod]: { method: M; params: NotificationParams[M] & Placed };
}[NotificationMethod];

/** What each request takes and answers. */
export interface Requests {
  startSession: { params: { sessionParams: SessionParams }; result: StartResult };
  resumeSession: { params: { sessionId: string; afterSeq: number }; result: ResumeResult };
  sendUserMessage: {
    /** `frontEnd`: the notebook that it is sent in, by the id of the page's connection to the kernel. */
    params: {
      sessionId: string;
      message: string;
      clientMessageId: string;
      context?: readonly ContextItem[];
      frontEnd?: string;
    };
    result: SendResult;
  };
  /** Carry tools out in every session of a kernel, those that are there and those to come. */
  "kernel.attach": {
    /** `toolCalls`: those this client was given before and is still at. Others of theirs are not done a second time. */
    params: { kernelId: string; clientTools: readonly string[]; toolCalls: readonly string[]; frontEnd: string };
    result: { clientId: string; toolCalls: (ToolCallParams & { sessionId: string })[] };
  };
  provideToolResult: {
    params: { sessionId: string; toolCallId: string; result: string; isError: boolean };
    result: { status: number };
  };
  "tool.permit": {
    params: { sessionId: string; requestId: string; decision: PermissionDecision };
    result: { status: number };
  };
  "plan.update": {
    params: { sessionId: string; planId: string; stepId: string; status: StepStatus };
    result: { plan: Plan };
  };
  "session.set_mode": { params: { sessionId: string; mode: Mode }; result: { mode: Mode } };
  "session.cancel": { params: { sessionId: string; messageId?: string }; result: { cancelled: boolean } };
  "session.switch_agent": {
    params: { sessionId: string; agent_id: string };
    result: { success: boolean; current_agent: string };
  };
  dispatchCommand: { params: { sessionId: string; command: string }; result: { output: string } };
  "agent.list": { params: Record<string, never>; result: { agents: AgentInfo[] } };
  "model.list": { params: Record<string, never>; result: { models: { id: string; name?: string }[] } };
  "provider.list": { params: Record<string, never>; result: ProviderOffers };
  "provider.select": { params: { name: string; model?: string }; result: { provider: ProviderInfo } };
  "provider.set_key": { params: { name: string; key: string; remember?: boolean }; result: { status: number } };
  /** Whether a provider would answer; with the key given, without taking it over. */
  "provider.test": {
    params: { name: string; model?: string; key?: string };
    result: { ok: boolean; message: string; kind?: string };
  };
  echo: { params: { message: string }; result: string };
}

export type RequestMethod = keyof Requests;

/** A request that names the session it is for. */
export type SessionMethod = {
  [M in RequestMethod]: Requests[M]["params"] extends { sessionId: string } ? M : never;
}[RequestMethod];
