import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedTransport, Session } from "../dev/scriptedServer";
import { addressed, askableAgain } from "../src/again";
import { fromHistory } from "../src/entries";
import { Outbox } from "../src/outbox";
import type { AgentInfo, ContextItem, FinishReason } from "../src/protocol";
import { SessionClient } from "../src/session";
import { EMPTY } from "../src/state";

const NAMED: AgentInfo[] = [{ agent_id: "al", name: "Alice" }, { agent_id: "tessa", name: "Tessa" }];

/** A turn: who was asked what, and how it ended. `null`: it runs. */
function turn(messageId: string, end: FinishReason | null) {
  const one = { messageId, agent: "alice", content: messageId };
  return [{ ...one, role: "user" as const }, { ...one, role: "assistant" as const, ...(end && { finishReason: end }) }];
}

function conversation(...messages: ReturnType<typeof turn>) {
  return { chat: { ...EMPTY, entries: fromHistory(messages) }, outgoing: [] };
}

function asked(agent: string, text: string) {
  const [entry] = fromHistory([{ messageId: "1", role: "user", agent, content: text }]);
  assert.ok(entry?.role === "user");
  return entry;
}

const idOf = (picture: Parameters<typeof askableAgain>[0]) => askableAgain(picture)?.messageId ?? null;

test("what was cut off or failed can be asked again, what was stopped or answered not", () => {
  for (const end of ["error", "interrupted"] as const) assert.equal(idOf(conversation(...turn("1", end))), "1");
  for (const end of ["stop", "cancelled", "length"] as const) assert.equal(idOf(conversation(...turn("1", end))), null);
});

test("only the last message can be asked again, and an introduction since then is none", () => {
  assert.equal(idOf(conversation(...turn("1", "error"), ...turn("2", "stop"))), null);
  const introduction = { messageId: "i", role: "assistant" as const, agent: "tessa", content: "Hi.", finishReason: "stop" as const };
  assert.equal(idOf(conversation(...turn("1", "error"), introduction)), "1");
});

test("nothing can be asked again while a turn runs, waits or is on its way", () => {
  const cut = conversation(...turn("1", "interrupted"));
  assert.equal(idOf(conversation(...turn("1", "interrupted"), ...turn("2", null))), null);
  assert.equal(idOf(conversation(...turn("1", "interrupted"), ...turn("2", null).slice(0, 1))), null);
  const outbox = new Outbox("key", null);
  outbox.add("on its way");
  assert.equal(idOf({ ...cut, outgoing: outbox.messages }), null);
});

test("the same agent is asked, whoever is current, and nobody is addressed twice", () => {
  const to = (agent: string, text: string, current: string) =>
    addressed(asked(agent, text), { chat: { ...EMPTY, agent: current }, agents: NAMED });
  assert.equal(to("tessa", "Why?", "tessa"), "Why?");
  assert.equal(to("tessa", "Why?", "al"), "@tessa Why?");
  assert.equal(to("tessa", "@property means?", "al"), "@tessa @property means?");
  assert.equal(to("al", "@Alice: why?", "tessa"), "@Alice: why?");
  assert.equal(to("al", "@alicette", "tessa"), "@al @alicette");
});

test("the message goes out once more with what it brought along, and once however often it is asked for", async () => {
  const context: ContextItem[] = [{ type: "cell", cellId: "c" }];
  const session = new Session(undefined, (_, say) => {
    say.end({ finishReason: "interrupted" });
  });
  const transport = new ScriptedTransport(session);
  const client = new SessionClient(transport, () => ({}), new Outbox("key", null));
  const isAskable = () =>
    new Promise<void>((resolve) => {
      const stop = client.subscribe(() => {
        if (client.picture.connection !== "live" || !askableAgain(client.picture)) return;
        stop();
        resolve();
      });
    });
  client.connect();
  session.emit("UserMessageNotification", { messageId: "x", message: "Why?", agent: "tessa", clientId: "c", context });
  session.say("x", "tessa").end({ finishReason: "interrupted" });
  await isAskable();
  client.askAgain();
  client.askAgain();
  assert.equal(client.picture.outgoing.length, 1);
  await isAskable();
  const sent = transport.requests.filter(({ method }) => method === "sendUserMessage");
  const [again] = sent.map(({ params }) => params as { message: string; context: unknown });
  assert.equal(sent.length, 1);
  assert.deepEqual([again?.message, again?.context], ["@tessa Why?", context]);
});
