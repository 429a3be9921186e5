import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../src/backoff";
import { isShortcut } from "../src/view/shortcut";
import { aroundChoice, errorDetail, errorTitle, finishWords, leftOutWords, originWords, usageWords } from "../src/words";

test("cost is shown only where it is known", () => {
  assert.equal(usageWords({ promptTokens: 1200, completionTokens: 34 }), "1,200 tokens in, 34 out");
  assert.equal(usageWords({ promptTokens: 1200, completionTokens: 34, costUsd: 0.00042 }), "1,200 tokens in, 34 out · $0.00042");
  assert.equal(usageWords({ promptTokens: 1, completionTokens: 1, costUsd: 1.5 }), "1 token in, 1 out · $1.50");
  assert.equal(usageWords({ promptTokens: 1, costUsd: 0 }), "1 token in, 0 out · $0");
  assert.equal(usageWords(null), "");
});

test("an end is told unless it is the ordinary one", () => {
  assert.equal(finishWords("stop"), "");
  assert.match(finishWords("length"), /^Cut off/);
  assert.match(finishWords("cancelled"), /^Stopped/);
  assert.match(finishWords("interrupted"), /^Interrupted/);
});

test("what the model was not given is told, whyever it was", () => {
  assert.equal(leftOutWords(0, false), "");
  assert.equal(leftOutWords(2, false), "To suit the model, 2 older messages were left out");
  assert.equal(leftOutWords(1, true), "To suit the model, 1 older message was left out and your message was shortened");
});

test("an error has words for its kind, also for one that is new", () => {
  assert.equal(errorTitle({ kind: "auth", message: "" }), "The provider refused the key");
  assert.equal(errorTitle({ kind: "surprise", message: "" }), "The turn failed");
  assert.equal(
    errorDetail({ kind: "rate_limited", message: "Wait.", status: 429, retryAfter: 95 }),
    "Wait. (HTTP 429) Try again in 2 min.",
  );
});

test("a notice is cut where it tells the person to choose a provider", () => {
  const parts = { before: "Often wrong. ", choice: "Choose another provider", after: " in the chat, or start Ollama." };
  assert.deepEqual(aroundChoice("Often wrong. Choose another provider in the chat, or start Ollama."), parts);
  assert.equal(aroundChoice("It needs a key."), null);
});

test("a plan that no model made is not said to be one's", () => {
  assert.match(originWords({ planId: "p", demo: true, pattern: "data" }), /^No model made this plan/);
  assert.match(originWords({ planId: "p", demo: true, pattern: null }), /^Made by a demo model/);
  assert.equal(originWords({ planId: "p" }), "");
});

test("attempts to connect grow apart up to 20 s, and are jittered", () => {
  assert.equal(backoff(0, () => 0), 250);
  assert.equal(backoff(0, () => 1), 500);
  assert.equal(backoff(3, () => 1), 4_000);
  assert.equal(backoff(60, () => 1), 20_000);
});

test("a shortcut is its key with exactly its modifiers", () => {
  const press = (rest: object) =>
    ({ code: "KeyA", key: "å", altKey: false, shiftKey: false, ctrlKey: false, metaKey: false, ...rest }) as KeyboardEvent;
  assert.ok(isShortcut("Alt Shift A", press({ altKey: true, shiftKey: true })));
  assert.ok(!isShortcut("Alt Shift A", press({ altKey: true })));
  assert.ok(!isShortcut("Alt Shift A", press({ altKey: true, shiftKey: true, ctrlKey: true })));
  assert.ok(!isShortcut("A", press({ key: "a" })));
});
