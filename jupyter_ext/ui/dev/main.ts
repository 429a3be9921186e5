/** The chat view with a scripted server: `?scene=…&theme=dark&width=300`. */

import { Outbox } from "../src/outbox";
import { askNotebook } from "../src/notebook";
import { SessionClient } from "../src/session";
import { RpcError } from "../src/transport";
import { ChatView } from "../src/view/chat";
import { ANSWER, FORMULAS, LONG } from "./texts";
import { ScriptedTransport, Session, type Say } from "./scriptedServer";

const query = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = query.get("theme") ?? "light";
const place = document.getElementById("place");
if (!place) throw new Error("no place");
const width = query.get("width");
if (width) place.style.width = `${width}px`;

const usage = { promptTokens: 1840, completionTokens: 312, cachedTokens: 1200, costUsd: 0.00042 };
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function stream({ chunk, end }: Say, text: string, ms: number): Promise<void> {
  for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
    chunk(word);
    if (ms > 0) await wait(ms);
  }
  end({ usage });
}

const scene = query.get("scene") ?? "live";
const session = new Session(
  scene === "demo"
    ? { name: "embedded", label: "Built-in", model: "SmolLM2-135M", demo: true, notice: "No provider is configured. Set OPENROUTER_API_KEY, or start Ollama." }
    : undefined,
  async (message, say) => {
    await wait(400);
    await stream(say, message.includes("long") ? LONG : ANSWER, message.includes("fast") ? 0 : 15);
  },
);
const transport = new ScriptedTransport(session);
const client = new SessionClient(transport, () => ({ kernelId: "kernel-1" }), new Outbox("dev", null));

session.introduce("alice", "I am **Alice**. I explain, write and mend code, here in your notebook.");
const scenes: Record<string, () => void | Promise<void>> = {
  conversation: () => {
    question("q1", "Why does this raise a KeyError?\n\ndf['price'].mean()");
    say("q1").chunk(ANSWER);
    say("q1").end({ usage });
    session.emit("session.usage", { promptTokens: 5230, completionTokens: 870, costUsd: 0.0134 });
  },
  streaming: async () => {
    question("q1", "Why does this raise a KeyError?");
    session.emit("AIReasoningChunkNotification", { messageId: "q1", agent: "alice", chunk: "The column may have another name. Let me look." });
    question("q2", "And how do I plot it?");
    const speaker = say("q1");
    for (const word of ANSWER.slice(0, 520).split(/(?<=\s)/)) speaker.chunk(word);
    await wait(0);
  },
  formulas: () => {
    question("q1", "What is the variance?");
    say("q1").end({ chunk: FORMULAS });
  },
  many: () => {
    for (let n = 1; n <= Number(query.get("turns") ?? 1_000); n += 1) {
      question(`q${n}`, `Question ${n}`);
      say(`q${n}`).end({ chunk: `Answer ${n}: **no**, see [the docs](https://docs.example/) and \`x_${n}\`.\n\n\`\`\`python\nprint(${n})\n\`\`\`\n\n- one\n- two` });
    }
  },
  ends: () => {
    for (const [index, reason] of (["length", "cancelled", "interrupted", "content_filter"] as const).entries()) {
      question(`q${index}`, `Question ${index + 1}`);
      say(`q${index}`).chunk("The mean of `price` over the months is");
      say(`q${index}`).end({ finishReason: reason, usage: { promptTokens: 200, completionTokens: 20 } });
    }
  },
  error: () => {
    question("q1", "Explain the last error");
    say("q1").end({ finishReason: "error", error: { kind: "rate_limited", message: "OpenRouter asks us to wait.", status: 429, retryAfter: 95 } });
    question("q2", "Explain the last error");
    say("q2").chunk("The error comes from");
    say("q2").end({ finishReason: "error", error: { kind: "auth", message: "The key in OPENROUTER_API_KEY was refused. Check it, or make a new one at openrouter.ai.", status: 401 } });
  },
  tools: () => {
    question("q1", "@tessa test parse_price");
    session.say("q1", "tessa").chunk("Let me see what `parse_price` does.");
    const call = { messageId: "q1", agent: "tessa", executor: "server" as const };
    session.emit("ToolCallNotification", { ...call, toolCallId: "t1", toolName: "source_of", arguments: { name: "parse_price" }, status: "done", result: '{"name":"parse_price","source":"def parse_price(text: str) -> float: ..."}' });
    session.emit("ToolCallNotification", { ...call, toolCallId: "t2", toolName: "run_tests", arguments: { target: "parse_price", tests: "def test_a(): ..." }, status: "running" });
    session.emit("ToolCallNotification", { ...call, toolCallId: "t3", toolName: "read_file", arguments: { path: "../secret" }, status: "error", error: "There is no file ../secret in the workspace." });
    session.emit("ToolCallNotification", { ...call, toolCallId: "t4", toolName: "set_lamp", arguments: { room: "kitchen", on: true }, status: "waiting_permission" });
  },
  made: () => {
    question("q1", "@patricia plan the cleaning of my sales");
    session.emit("plan.updated", { plan: { planId: "p1", title: "Clean the sales of a year", goal: "Every row has an amount and a month.", steps: [
      { stepId: "s1", title: "Load the file", status: "done" },
      { stepId: "s2", title: "Drop rows without an amount, and say how many there were and where they stood in the file", status: "doing" },
      { stepId: "s3", title: "Parse the dates", status: "failed" },
      { stepId: "s4", title: "Plot by month", status: "open" },
    ] } });
    question("q2", "@tessa test parse_price");
    session.emit("tests.reported", { report: { reportId: "r1", target: "parse_price", counts: { passed: 3, failed: 1, timeout: 1, skipped: 1 }, inserted: true, placing: "Those that passed are in the notebook.", missing: ["client (a database connection)"], outcomes: [
      { name: "test_plain", verdict: "passed" },
      { name: "test_comma", verdict: "failed", reason: "AssertionError: assert 150.0 == 1.5\n +  where 150.0 = parse_price('1,50 €')" },
      { name: "test_never_ends", verdict: "timeout", reason: "did not end within 5 s" },
      { name: "test_later", verdict: "skipped", reason: "later" },
    ] } });
    session.emit("tests.reported", { report: { reportId: "r2", target: "slugify", origin: "characterisation", counts: { passed: 4 }, inserted: false, placing: "They are not in the notebook: The user did not permit this.", outcomes: [] } });
  },
  permission: () => {
    question("q1", "@patricia plan the cleaning of my sales");
    const asks = { messageId: "q1", agent: "patricia", expiresAt: new Date(Date.now() + 3e5).toISOString() };
    const cells = [{ type: "markdown", source: "# Clean sales\n\n- [ ] **1. Load**" }, { type: "code", source: "import pandas as pd\nsales = pd.read_csv('sales.csv')" }];
    session.emit("tool.permission_requested", { ...asks, requestId: "r1", toolCallId: "t1", toolName: "insert_cells", arguments: { cells }, bound: { run: null } });
    session.emit("tool.permission_requested", { ...asks, requestId: "r2", toolCallId: "t2", toolName: "set_lamp", arguments: { room: "kitchen", on: true }, bound: { room: "kitchen", on: true } });
  },
  demo: () => {
    question("q1", "What is in this notebook?");
    session.emit("provider.status", { state: "downloading", message: "Fetching SmolLM2-135M, 62 of 145 MB", progress: 0.43 });
  },
  reconnecting: () => {
    question("q1", "Are you there?");
    say("q1").end({ chunk: "Yes." });
    setTimeout(() => {
      transport.drop();
      client.send("Typed while the train was in the tunnel");
    }, 50);
  },
  config: () => {
    transport.override = () =>
      new RpcError(-32603, "agents.yaml, line 12: agent “tessa” names the prompt agents/tessa.md, which is not there.", { kind: "config" });
  },
  live: () => undefined,
  empty: () => undefined,
};

function question(messageId: string, message: string): void {
  const agent = /^@(\w+)/.exec(message)?.[1] ?? "alice";
  session.emit("UserMessageNotification", { messageId, message, agent, clientId: "client-1" });
}

function say(messageId: string): Say {
  return session.say(messageId, "alice");
}

void scenes[scene]?.();
const view = new ChatView(client, {
  draft: { load: () => query.get("draft") ?? "", save: () => undefined },
  ask: askNotebook,
});
place.append(view.element);
client.connect();
Object.assign(globalThis, { client, session, transport, view });
