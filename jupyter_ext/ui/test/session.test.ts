import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedTransport, Session } from "../dev/scriptedServer";
import { Outbox, type Store } from "../src/outbox";
import { SessionClient } from "../src/session";
import { RpcError } from "../src/transport";

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function memory(): Store & { items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

async function open(session: Session, isNew = true, store: Store | null = null) {
  const transport = new ScriptedTransport(session, isNew);
  const client = new SessionClient(transport, () => ({ kernelId: "k" }), new Outbox("key", store));
  const isLive = live(client);
  client.connect();
  await isLive;
  await settled();
  return { transport, client };
}

/** However busy the machine is. */
function live(client: SessionClient): Promise<void> {
  return new Promise((resolve) => {
    client.subscribe(() => {
      if (client.picture.connection === "live" && client.isCaughtUp) resolve();
    });
  });
}

function echoing(): Session {
  return new Session(undefined, (message, say) => {
    say.chunk(message.toUpperCase());
    say.end();
  });
}

const texts = (client: SessionClient) => client.picture.chat.entries.map(({ text }) => text);
const sent = (transport: ScriptedTransport) => transport.requests.filter(({ method }) => method === "sendUserMessage");

test("a message goes out, comes back as an event and is answered", async () => {
  const { client, transport } = await open(echoing());
  client.send("hello");
  assert.equal(client.picture.outgoing.length, 1);
  await settled();
  assert.deepEqual(texts(client), ["hello", "HELLO"]);
  assert.equal(client.picture.outgoing.length, 0);
  assert.equal(sent(transport).length, 1);
});

test("what happened before is there when a session goes on", async () => {
  const session = echoing();
  session.introduce("alice", "I am Alice.");
  const { client } = await open(session, false);
  assert.deepEqual(texts(client), ["I am Alice."]);
  assert.ok(client.isCaughtUp);
});

test("events that were missed while the connection was lost are there after it, none twice", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  client.send("one");
  await settled();
  transport.drop();
  session.introduce("tessa", "I am Tessa.");
  assert.equal(client.picture.connection, "reconnecting");
  transport.restore();
  await settled();
  assert.equal(client.picture.connection, "live");
  assert.deepEqual(texts(client), ["one", "ONE", "I am Tessa."]);
});

test("a lost event is asked for again", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  let dropped = 0;
  transport.lose = ({ method }) => method === "AIMessageChunkNotification" && dropped++ === 0;
  client.send("gap");
  await settled();
  await settled();
  assert.deepEqual(texts(client), ["gap", "GAP"]);
  assert.equal(transport.requests.filter(({ method }) => method === "resumeSession").length, 1);
});

test("what is said offline is sent once when the connection is back, in order", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  transport.drop();
  client.send("first");
  client.send("second");
  await settled();
  assert.equal(client.picture.outgoing.length, 2);
  transport.restore();
  await settled();
  assert.deepEqual(session.received.map(({ message }) => message), ["first", "second"]);
  assert.equal(client.picture.outgoing.length, 0);
});

test("a message whose answer was lost is sent again under its id, and is one message", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  transport.loseAnswerTo = "sendUserMessage";
  client.send("once");
  await settled();
  assert.equal(client.picture.connection, "reconnecting");
  transport.loseAnswerTo = null;
  transport.restore();
  await settled();
  assert.equal(sent(transport).length, 2);
  assert.equal(session.received.length, 1);
  assert.deepEqual(texts(client), ["once", "ONCE"]);
  assert.equal(client.picture.outgoing.length, 0);
});

test("a message that the page's reload interrupted is sent after it", async () => {
  const store = memory();
  const session = echoing();
  const before = await open(session, true, store);
  before.transport.drop();
  before.client.send("typed in the tunnel");
  const { client } = await open(session, false, store);
  await settled();
  assert.deepEqual(texts(client), ["typed in the tunnel", "TYPED IN THE TUNNEL"]);
  assert.equal(store.items.size, 0);
});

test("a refused message stays with the reason, and the next one goes", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  transport.override = (method) => (method === "sendUserMessage" ? new RpcError(-32003, "The queue is full.") : null);
  client.send("too many");
  await settled();
  assert.equal(client.picture.outgoing[0]?.refusal, "The queue is full.");
  transport.override = () => null;
  client.send("fine");
  await settled();
  assert.deepEqual(texts(client), ["fine", "FINE"]);
});

test("a session that is gone is followed by a new one, and the user is told", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  transport.drop();
  let asked = 0;
  transport.override = (method) =>
    method === "resumeSession" && asked++ === 0 ? new RpcError(-32002, "No such session.") : null;
  transport.restore();
  await settled();
  assert.equal(client.picture.connection, "live");
  assert.match(client.picture.notes[0]?.text ?? "", /no longer on the server/);
  client.send("still here");
  await settled();
  assert.deepEqual(texts(client), ["still here", "STILL HERE"]);
});

test("a broken configuration is told, and mended by trying again", async () => {
  const session = echoing();
  const transport = new ScriptedTransport(session);
  transport.override = () => new RpcError(-32603, "agents.yaml, line 3: …", { kind: "config" });
  const client = new SessionClient(transport, () => ({}), new Outbox("key", null));
  client.connect();
  await settled();
  assert.equal(client.picture.connection, "failed");
  assert.match(client.picture.problem ?? "", /agents.yaml/);
  transport.override = () => null;
  client.retry();
  await settled();
  assert.equal(client.picture.connection, "live");
  assert.equal(client.picture.problem, null);
});

test("an agent asked for before the connection is there becomes current with it", async () => {
  const session = echoing();
  const transport = new ScriptedTransport(session);
  const client = new SessionClient(transport, () => ({}), new Outbox("key", null));
  await client.switchAgent("tessa");
  client.connect();
  await settled();
  assert.equal(client.picture.chat.agent, "tessa");
});

test("events of another session are none of ours", async () => {
  const session = echoing();
  const { client, transport } = await open(session);
  transport.deliver({ method: "session.usage", params: { sessionId: "other", seq: 1, ts: "", promptTokens: 9 } });
  assert.equal(client.picture.chat.usage, null);
});
