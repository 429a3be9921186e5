import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox, type Outgoing } from "../src/outbox";
import { OutboxRelay } from "../src/relay";
import { ConnectionLost, RpcError } from "../src/transport";

type Send = (message: Outgoing) => Promise<{ messageId: string }>;

/** An outbox with these messages, and who takes them away. */
function waiting(send: Send, ...texts: string[]) {
  let last = 0;
  const outbox = new Outbox("key", null, () => `c${++last}`);
  for (const text of texts) outbox.add(text);
  const heard = new Set<string>();
  const way = { isOpen: () => true, send, isHeard: (id: string) => heard.has(id), onChange: () => undefined };
  return { outbox, heard, way, relay: new OutboxRelay(outbox, way) };
}

const taking: Send = ({ text }) => Promise.resolve({ messageId: `m ${text}` });

test("messages leave one after the other, however often one asks", async () => {
  const log: string[] = [];
  const slow: Send = async (message) => {
    log.push(`sends ${message.text}`);
    const answer = await taking(message);
    log.push(`sent ${message.text}`);
    return answer;
  };
  const { relay } = waiting(slow, "a", "b");
  await Promise.all([relay.flush(), relay.flush()]);
  assert.deepEqual(log, ["sends a", "sent a", "sends b", "sent b"]);
});

test("a message stays in the outbox until its event is there, before or after the answer", async () => {
  const { relay, outbox, heard } = waiting(taking, "early", "late");
  heard.add("m early");
  await relay.flush();
  assert.deepEqual(outbox.messages.map(({ text, messageId }) => [text, messageId]), [["late", "m late"]]);
  relay.heard({ messageId: "m late" });
  assert.deepEqual(outbox.messages, []);
});

test("what is refused stays with the reason, and the next one leaves", async () => {
  const full = () => Promise.reject(new RpcError(-32003, "Full."));
  const { relay, outbox } = waiting((message) => (message.text === "no" ? full() : taking(message)), "no", "yes");
  await relay.flush();
  assert.deepEqual(outbox.messages.map(({ refusal, messageId }) => [refusal, messageId]), [["Full.", null], [null, "m yes"]]);
});

test("a lost connection leaves what waits, and the next flush takes it", async () => {
  let isLost = true;
  const lost = () => Promise.reject(new ConnectionLost("gone"));
  const { relay, outbox } = waiting((message) => (isLost ? lost() : taking(message)), "a", "b");
  await assert.rejects(relay.flush(), ConnectionLost);
  assert.equal(outbox.next?.text, "a");
  isLost = false;
  await relay.flush();
  assert.equal(outbox.next, undefined);
});

test("nothing more leaves when the way has closed meanwhile", async () => {
  const { relay, outbox, way } = waiting((message) => {
    way.isOpen = () => false;
    return taking(message);
  }, "a", "b");
  await relay.flush();
  assert.equal(outbox.next?.text, "b");
});
