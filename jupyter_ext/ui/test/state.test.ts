import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotificationMethod, NotificationParams, SessionEvent } from "../src/protocol";
import { finishedHistory, queuedTurns, runningTurn, segmentsOf } from "../src/readings";
import { EMPTY, fold, fromSnapshot, type ChatState } from "../src/state";

let seq = 0;

function after<M extends NotificationMethod>(state: ChatState, method: M, params: NotificationParams[M]): ChatState {
  const place = { sessionId: "s", seq: ++seq, ts: "2025-01-01T00:00:00Z" };
  return fold(state, { method, params: { ...params, ...place } } as unknown as SessionEvent);
}

function ask(state: ChatState, messageId: string, message = "?"): ChatState {
  return after(state, "UserMessageNotification", { messageId, message, agent: "alice", clientId: "c" });
}

function chunk(state: ChatState, messageId: string, text: string): ChatState {
  return after(state, "AIMessageChunkNotification", { messageId, agent: "alice", chunk: text, isFinal: false });
}

function end(state: ChatState, messageId: string, rest: object = {}): ChatState {
  const params = { messageId, agent: "alice", chunk: "", isFinal: true, finishReason: "stop" as const, ...rest };
  return after(state, "AIMessageChunkNotification", params);
}

const said = (state: ChatState) => state.entries.map(({ role, text }) => `${role}: ${text}`);

test("chunks add up to a reply, which the final one ends", () => {
  let state = chunk(chunk(ask(EMPTY, "1", "Hi"), "1", "Hel"), "1", "lo");
  assert.equal(runningTurn(state), "1");
  state = end(state, "1", { usage: { promptTokens: 3 } });
  assert.deepEqual(said(state), ["user: Hi", "assistant: Hello"]);
  assert.equal(runningTurn(state), null);
  const reply = state.entries[1];
  assert.ok(reply?.role === "assistant" && reply.finishReason === "stop" && reply.usage?.promptTokens === 3);
});

test("a final chunk alone is a whole message", () => {
  const state = end(EMPTY, "intro", { chunk: "I am Alice." });
  assert.deepEqual(said(state), ["assistant: I am Alice."]);
  assert.equal(runningTurn(state), null);
});

test("a reply stands behind its question, whatever was queued meanwhile", () => {
  const state = chunk(ask(chunk(ask(EMPTY, "1", "a"), "1", "A"), "2", "b"), "1", "A");
  assert.deepEqual(said(state), ["user: a", "assistant: AA", "user: b"]);
});

test("messages behind the running turn are queued, the first unanswered one runs", () => {
  let state = ask(ask(ask(EMPTY, "1"), "2"), "3");
  assert.equal(runningTurn(state), "1");
  assert.deepEqual([...queuedTurns(state)], ["2", "3"]);
  state = end(state, "1");
  assert.equal(runningTurn(state), "2");
  assert.deepEqual([...queuedTurns(state)], ["3"]);
});

test("taking a queued message back leaves the ones before it waiting", () => {
  const state = end(ask(ask(ask(EMPTY, "1"), "2"), "3"), "3", { finishReason: "cancelled" });
  assert.equal(runningTurn(state), "1");
  assert.deepEqual([...queuedTurns(state)], ["2"]);
});

test("a message that a later turn overtook waits no longer", () => {
  const state = end(chunk(ask(ask(EMPTY, "lost"), "2"), "2", "x"), "2");
  assert.equal(runningTurn(state), null);
  assert.equal(queuedTurns(state).size, 0);
});

test("each status of a tool call replaces the one before", () => {
  const call = { messageId: "1", toolCallId: "t", toolName: "read", arguments: {}, agent: "alice", executor: "server" } as const;
  let state = after(ask(EMPTY, "1"), "ToolCallNotification", { ...call, status: "running" });
  state = after(state, "ToolCallNotification", { ...call, status: "done", result: "42" });
  const reply = state.entries[1];
  assert.ok(reply?.role === "assistant");
  assert.deepEqual(reply.toolCalls.map(({ status, result }) => [status, result]), [["done", "42"]]);
});

test("a tool call that was stopped has not failed", () => {
  const call = { messageId: "1", toolCallId: "t", toolName: "read", arguments: {}, agent: "alice", executor: "server" } as const;
  const state = after(ask(EMPTY, "1"), "ToolCallNotification", { ...call, status: "error", error: "Stopped.", cancelled: true });
  const reply = state.entries[1];
  assert.ok(reply?.role === "assistant");
  assert.deepEqual(reply.toolCalls.map(({ status }) => status), ["cancelled"]);
});

test("what the person refused is known as that, with the call that needed it; what a policy refused is told", () => {
  const call = (toolCallId: string, error: string) =>
    ({ messageId: "1", toolCallId, toolName: "x", arguments: {}, agent: "alice", executor: "server", status: "denied", error }) as const;
  let state = after(ask(EMPTY, "1"), "ToolCallNotification", { ...call("outer", ""), status: "running" });
  for (const [id, by] of [["mine", "user"], ["theirs", "policy"]] as const) {
    state = after(state, "ToolCallNotification", { ...call(id, ""), status: "pending" });
    state = after(state, "tool.permission_resolved", { requestId: id, decision: "deny", by, toolCallId: id });
    state = after(state, "ToolCallNotification", call(id, `No, says the ${by}.`));
  }
  state = after(state, "ToolCallNotification", call("outer", "No, says the user."));
  const reply = state.entries[1];
  assert.ok(reply?.role === "assistant");
  const refused = reply.toolCalls.filter(({ isRefused }) => isRefused);
  assert.deepEqual(refused.map(({ toolCallId }) => toolCallId), ["outer", "mine"]);
});

test("clearing one agent keeps what the others said", () => {
  let state = end(ask(EMPTY, "1"), "1");
  state = after(state, "UserMessageNotification", { messageId: "2", message: "b", agent: "tessa", clientId: "c" });
  state = after(state, "AIMessageChunkNotification", { messageId: "2", agent: "tessa", chunk: "B", isFinal: true });
  assert.deepEqual(said(after(state, "session.cleared", { agent: "alice" })), ["user: b", "assistant: B"]);
  assert.deepEqual(said(after(state, "session.cleared", {})), []);
});

test("what the provider says of itself is gone with the first text", () => {
  let state = after(ask(EMPTY, "1"), "provider.status", { state: "downloading", message: "12 of 145 MB", progress: 0.1 });
  assert.equal(state.providerStatus?.message, "12 of 145 MB");
  state = chunk(state, "1", "Hello");
  assert.equal(state.providerStatus, null);
});

test("a snapshot replaces the conversation, and the turn that runs goes on", () => {
  const messages = [
    { messageId: "1", role: "user", agent: "alice", content: "a" },
    { messageId: "1", role: "assistant", agent: "alice", content: "Let me look." },
    { messageId: "1", role: "tool", agent: "alice", content: "42" },
    { messageId: "1", role: "assistant", agent: "alice", content: "It is" },
  ] as const;
  let state = fromSnapshot(ask(EMPTY, "old"), { seq: 9, agent: "alice", messages: [...messages] });
  assert.equal(runningTurn(state), "1");
  state = end(chunk(state, "1", " 42."), "1");
  assert.deepEqual(said(state), ["user: a", "assistant: Let me look.\n\nIt is 42."]);
});

test("in a snapshot a reply stands behind its question as well", () => {
  const of = (messageId: string, role: "user" | "assistant") => ({ messageId, role, agent: "alice", content: role });
  const messages = [of("1", "user"), of("2", "user"), { ...of("1", "assistant"), finishReason: "stop" as const }];
  const state = fromSnapshot(EMPTY, { seq: 3, agent: "alice", messages });
  assert.deepEqual(said(state), ["user: user", "assistant: assistant", "user: user"]);
  assert.equal(runningTurn(state), "2");
});

test("what was said before, between and after tool calls stays in its order", () => {
  const call = { messageId: "1", toolName: "read", arguments: {}, agent: "alice", executor: "server" } as const;
  let state = chunk(ask(EMPTY, "1"), "1", "Let me look.");
  state = after(state, "ToolCallNotification", { ...call, toolCallId: "a", status: "running" });
  state = after(state, "ToolCallNotification", { ...call, toolCallId: "b", status: "running" });
  state = after(state, "ToolCallNotification", { ...call, toolCallId: "a", status: "done" });
  state = end(chunk(state, "1", "It is 42."), "1");
  const reply = state.entries[1];
  assert.ok(reply?.role === "assistant");
  assert.deepEqual(
    segmentsOf(reply).map(({ text, toolCalls }) => [text, ...toolCalls.map(({ toolCallId }) => toolCallId)]),
    [["Let me look.", "a", "b"], ["It is 42."]],
  );
  assert.equal(finishedHistory(state)[1]?.content, "Let me look.\n\nIt is 42.");
});

test("clearing spares the turn that runs and those that wait", () => {
  const state = ask(chunk(ask(end(ask(EMPTY, "1"), "1"), "2", "b"), "2", "B"), "3", "c");
  assert.deepEqual(said(after(state, "session.cleared", {})), ["user: b", "assistant: B", "user: c"]);
});

test("an unknown notification changes nothing", () => {
  const state = ask(EMPTY, "1");
  assert.equal(fold(state, { method: "weather.changed", params: {} } as unknown as SessionEvent), state);
});

test("history holds finished turns with their questions, and nothing that runs or waits", () => {
  const state = ask(chunk(ask(end(chunk(ask(EMPTY, "1", "a"), "1", "A"), "1"), "2"), "2", "…"), "3");
  assert.deepEqual(finishedHistory(state).map(({ role, content }) => [role, content]), [["user", "a"], ["assistant", "A"]]);
});
