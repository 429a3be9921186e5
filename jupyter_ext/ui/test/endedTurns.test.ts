import assert from "node:assert/strict";
import { test } from "node:test";
import { EndedTurns } from "../src/endedTurns";
import { fromHistory } from "../src/entries";

/** Replies by messageId, of turns that are over. */
const over = (...ids: string[]) => entries(ids, "stop");
const running = (...ids: string[]) => entries(ids);

function entries(ids: string[], finishReason?: "stop") {
  const reply = { role: "assistant" as const, agent: "alice", content: "…", ...(finishReason && { finishReason }) };
  return fromHistory(ids.map((messageId) => ({ messageId, ...reply })));
}

test("what was over at the first look is no news", () => {
  const ended = new EndedTurns();
  assert.equal(ended.look(over("1", "2"), true), null);
  assert.equal(ended.look(over("1", "2"), true), null);
});

test("a turn's end is told once, and of several the newest", () => {
  const ended = new EndedTurns();
  ended.look(running("1"), true);
  assert.equal(ended.look(over("1", "2"), true)?.messageId, "2");
  assert.equal(ended.look(over("1", "2"), true), null);
});

test("what a replay tells is not told later either", () => {
  const ended = new EndedTurns();
  ended.look([], true);
  assert.equal(ended.look(over("1"), false), null);
  assert.equal(ended.look([...over("1"), ...running("2")], true), null);
  assert.equal(ended.look(over("1", "2"), true)?.messageId, "2");
});
