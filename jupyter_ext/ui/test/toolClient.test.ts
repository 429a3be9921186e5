import assert from "node:assert/strict";
import { test } from "node:test";
import { ToolClient } from "../src/lab/toolClient";
import type { ToolCallParams } from "../src/protocol";
import { ConnectionLost, type Notification, type Transport, type TransportState } from "../src/transport";

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A server that gives each connection an id, and remembers what it was told. */
class FakeServer implements Transport {
  state: TransportState = { name: "connecting" };
  readonly answers: Record<string, unknown>[] = [];
  readonly attached: string[] = [];
  /** What each attaching client said that it is still at. */
  readonly own: unknown[] = [];
  /** Handed out when somebody attaches. */
  open: Notification["params"][] = [];
  loseAnswers = false;
  #connection = 0;
  #notify: (notification: Notification) => void = () => undefined;
  #changed: (state: TransportState) => void = () => undefined;

  connect(): void {
    this.#connection += 1;
    this.#enter("open");
  }

  close(): void {
    this.#enter("closed");
  }

  drop(): void {
    this.#enter("waiting");
  }

  ask(clientId = `client-${this.#connection}`, toolCallId = "call"): Notification["params"] {
    const params = { ...CALL, toolCallId, clientId, sessionId: "session", seq: 1, ts: "" };
    this.#notify({ method: "ToolCallNotification", params });
    return params;
  }

  async request(method: string, params: unknown): Promise<never> {
    await Promise.resolve();
    const given = params as Record<string, unknown>;
    if (method === "kernel.attach") {
      this.attached.push(String(given["kernelId"]));
      this.own.push(given["toolCalls"]);
      return { clientId: `client-${this.#connection}`, toolCalls: this.open } as never;
    }
    this.answers.push(given);
    if (this.loseAnswers) throw new ConnectionLost("lost");
    return { status: 0 } as never;
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#notify = listener;
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#changed = listener;
  }

  #enter(name: "open" | "waiting" | "closed"): void {
    this.state = { name };
    this.#changed(this.state);
  }
}

const CALL: ToolCallParams = {
  messageId: "message",
  toolCallId: "call",
  toolName: "insert_cells",
  arguments: {},
  agent: "alice",
  executor: "client",
  status: "running",
};

async function attached(carryOut: (call: ToolCallParams) => Promise<string>) {
  const server = new FakeServer();
  const client = new ToolClient(server, { names: ["insert_cells"], carryOut });
  client.attach("kernel", "front-end");
  await client.attached;
  return { server, client };
}

test("a call for this client is carried out and answered, one for another is not", async () => {
  const { server } = await attached(() => Promise.resolve("inserted"));
  server.ask("somebody else");
  server.ask();
  await settled();
  assert.deepEqual(server.answers, [{ sessionId: "session", toolCallId: "call", result: "inserted", isError: false }]);
});

test("what could not be done is told as an error", async () => {
  const { server } = await attached(() => Promise.reject(new Error("There is no cell with the id x")));
  server.ask();
  await settled();
  assert.equal(server.answers[0]?.["isError"], true);
  assert.equal(server.answers[0]["result"], "There is no cell with the id x");
});

test("an answer that was lost is given again on the next connection, and nothing is done twice", async () => {
  let done = 0;
  const { server } = await attached(() => Promise.resolve(String(++done)));
  server.loseAnswers = true;
  server.open = [server.ask()];
  await settled();
  server.drop();
  server.loseAnswers = false;
  server.connect();
  await settled();
  assert.equal(done, 1);
  assert.ok(server.answers.length >= 2);
  assert.ok(server.answers.every(({ result }) => result === "1"));
});

test("a client that comes back says which calls it is still at, and a new one that it is at none", async () => {
  let finish: (result: string) => void = () => undefined;
  const { server } = await attached(() => new Promise((resolve) => (finish = resolve)));
  server.ask();
  await settled();
  server.drop();
  server.connect();
  await settled();
  finish("ran");
  await settled();
  server.drop();
  server.connect();
  await settled();
  assert.deepEqual(server.own, [[], ["call"], []]);
  assert.ok(server.answers.every(({ result }) => result === "ran"));
});

test("a kernel that was changed is the one whose sessions count", async () => {
  const { server, client } = await attached(() => Promise.resolve(""));
  client.attach("another", "front-end");
  await settled();
  assert.deepEqual(server.attached, ["kernel", "another"]);
});
