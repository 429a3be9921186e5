/** What the chat says in words: ends of turns, errors, figures. */

import type { ContextItem, FinishReason, Mode, Plan, TurnError, Usage } from "./protocol";
import type { ToolCardStatus } from "./toolCalls";

/** What to say about a turn's end; nothing where it ended as it should. */
export function finishWords(reason: FinishReason | null): string {
  switch (reason) {
    case null:
    case "stop":
    case "error":
      return "";
    case "cancelled":
      return "Stopped";
    case "length":
      return "Cut off: the longest reply allowed was reached";
    case "content_filter":
      return "Cut off by the provider's content filter";
    case "interrupted":
      return "Interrupted: the reply may be incomplete";
    case "max_rounds":
      return "Stopped after the largest number of tool rounds";
    default:
      return `Ended: ${String(reason)}`;
  }
}

/** What the model was not given, for want of room or because it answers better without; nothing where it was given all. */
export function leftOutWords(dropped: number, truncated: boolean): string {
  const parts = [
    ...(dropped ? [`${dropped === 1 ? "1 older message was" : `${dropped} older messages were`} left out`] : []),
    ...(truncated ? ["your message was shortened"] : []),
  ];
  return parts.length ? `To suit the model, ${parts.join(" and ")}` : "";
}

const ERRORS: Readonly<Record<string, string>> = {
  auth: "The provider refused the key",
  credit: "The provider asks for credit",
  rate_limited: "Too many requests",
  context_length: "The conversation is too long for this model",
  bad_request: "The provider did not accept the request",
  server: "The provider has a fault",
  unavailable: "The provider cannot be reached",
  timeout_connect: "The provider did not answer the call",
  timeout_first_byte: "The provider did not begin to answer",
  timeout_idle: "The provider fell silent",
  protocol: "The provider's answer was not understood",
  stream: "The provider broke off",
  limit: "A limit was reached",
  internal: "Something went wrong inside Whisperer",
};

export function errorTitle({ kind }: TurnError): string {
  return ERRORS[kind] ?? "The turn failed";
}

export function errorDetail({ message, status, retryAfter }: TurnError): string {
  const parts = [message];
  if (status !== undefined && !message.includes(String(status))) parts.push(`(HTTP ${status})`);
  if (retryAfter !== undefined) parts.push(`Try again in ${seconds(retryAfter)}.`);
  return parts.join(" ");
}

const TOOL_STATUS: Readonly<Record<ToolCardStatus, string>> = {
  pending: "Waiting",
  waiting_permission: "Waits for permission",
  running: "Running",
  done: "Done",
  error: "Failed",
  denied: "Denied",
  cancelled: "Stopped",
};

export function toolStatusWords(status: ToolCardStatus): string {
  return TOOL_STATUS[status];
}

const CHOICE = "Choose another provider";

/** The parts of a notice that tells the person to choose a provider, which in a chat is a click; else `null`. */
export function aroundChoice(notice: string): { before: string; choice: string; after: string } | null {
  const at = notice.indexOf(CHOICE);
  return at < 0 ? null : { before: notice.slice(0, at), choice: CHOICE, after: notice.slice(at + CHOICE.length) };
}

/** Who made a plan, where that is to be known before it is followed. */
export function originWords({ demo, pattern }: Plan): string {
  if (pattern) return "No model made this plan: its steps and checks are a fixed pattern, chosen by the words of the goal.";
  return demo ? "Made by a demo model, which is often wrong: look at every step before you follow it." : "";
}

/** Each mode's name, and what it permits. */
export const MODES: readonly (readonly [Mode, string, string])[] = [
  ["plan", "Plan", "Agents may read cells and variables, and change nothing"],
  ["ask", "Ask", "Agents ask before they change cells or run anything"],
  ["edit", "Edit", "Agents may change cells, and ask before they run anything"],
  ["auto", "Auto", "Agents may change and run cells without asking"],
];

/** What a message brought along, in a few words. */
export function contextWords(item: ContextItem): string {
  switch (item.type) {
    case "cell":
      return "Cell";
    case "variable":
      return `Variable ${item.name}`;
    case "file":
      return `File ${item.path}`;
    case "selection":
    case "text":
      return shortened(item.text.trim());
  }
}

function shortened(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length < text.length || line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

/** Tokens, and cost where the provider states it: no `$` where it would be a guess. */
export function usageWords(usage: Usage | null): string {
  if (!usage) return "";
  const [prompt, completion] = [usage.promptTokens ?? 0, usage.completionTokens ?? 0];
  if (prompt + completion === 0) return "";
  const words = `${prompt.toLocaleString("en")} ${prompt === 1 ? "token" : "tokens"} in, ${completion.toLocaleString("en")} out`;
  return usage.costUsd === undefined ? words : `${words} · ${dollars(usage.costUsd)}`;
}

export function usageDetail(usage: Usage | null): string {
  if (!usage) return "";
  const cached = usage.cachedTokens ? `, ${usage.cachedTokens.toLocaleString("en")} of it cached` : "";
  const prompt = (usage.promptTokens ?? 0).toLocaleString("en");
  const completion = (usage.completionTokens ?? 0).toLocaleString("en");
  return `Prompt ${prompt}${cached}; reply ${completion}`;
}

function dollars(amount: number): string {
  if (amount === 0) return "$0";
  const digits = amount < 0.01 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2, minimumFractionDigits: 2 };
  return `$${amount.toLocaleString("en", digits)}`;
}

function seconds(count: number): string {
  if (count < 90) return `${Math.ceil(count)} s`;
  return count < 5400 ? `${Math.ceil(count / 60)} min` : `${Math.ceil(count / 3600)} h`;
}

export function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
