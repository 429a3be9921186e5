import assert from "node:assert/strict";
import { test } from "node:test";
import { Replica } from "../src/replica";
import type { Notification } from "../src/transport";

const STARTED = { sessionId: "s", status: 1, clientId: "c", agent: "alice", seq: 0, mode: "ask" as const };

function begun(): Replica {
  const replica = new Replica(null);
  replica.begin(STARTED);
  return replica;
}

function question(seq: number, sessionId = "s"): Notification {
  const params = { messageId: `m${seq}`, message: `${seq}`, agent: "alice", clientId: "c" };
  return { method: "UserMessageNotification", params: { ...params, sessionId, seq, ts: "2025-01-01T00:00:00Z" } };
}

const texts = (replica: Replica) => replica.chat.entries.map(({ text }) => text);

test("each event is taken once, whoever sends it how often", () => {
  const replica = begun();
  const receptions = [question(1), question(1), question(2), question(1)].map((event) => replica.take(event));
  assert.deepEqual(receptions, ["taken", "ignored", "taken", "ignored"]);
  assert.deepEqual(texts(replica), ["1", "2"]);
});

test("an event before which others are missing waits until it comes again with them", () => {
  const replica = begun();
  assert.equal(replica.take(question(2)), "early");
  assert.deepEqual([replica.lastSeq, texts(replica)], [0, []]);
  assert.deepEqual([question(1), question(2)].map((event) => replica.take(event)), ["taken", "taken"]);
});

test("another session's events are none of its own, nor are those of one that is gone", () => {
  const replica = begun();
  assert.equal(replica.take(question(1, "other")), "ignored");
  replica.leave();
  assert.equal(replica.take(question(1)), "ignored");
});

test("it has caught up when the last event before the resumption is there", () => {
  const replica = begun();
  replica.resume({ ...STARTED, seq: 2 });
  assert.equal(replica.isCaughtUp, false);
  replica.take(question(1));
  assert.equal(replica.isCaughtUp, false);
  replica.take(question(2));
  assert.equal(replica.isCaughtUp, true);
});

test("a snapshot stands for the events up to its own, and the open asks come with it", () => {
  const replica = begun();
  replica.take(question(1));
  const messages = [{ messageId: "kept", role: "user" as const, agent: "alice", content: "kept" }];
  const request = { messageId: "kept", requestId: "r", toolCallId: "t", toolName: "x", arguments: {}, agent: "alice" };
  replica.resume({
    ...STARTED,
    seq: 9,
    snapshot: { seq: 9, agent: "tessa", messages },
    pending: { permissions: [request], toolCalls: [] },
  });
  assert.deepEqual([texts(replica), replica.chat.agent], [["kept"], "tessa"]);
  assert.deepEqual(replica.chat.permissions, [request]);
  assert.deepEqual([question(9), question(10)].map((event) => replica.take(event)), ["ignored", "taken"]);
});

test("another session begins with nothing of the one before", () => {
  const replica = begun();
  replica.take(question(1));
  replica.leave();
  assert.deepEqual(texts(replica), ["1"]);
  replica.begin({ ...STARTED, sessionId: "next" });
  assert.deepEqual([replica.sessionId, replica.lastSeq, texts(replica)], ["next", 0, []]);
});
