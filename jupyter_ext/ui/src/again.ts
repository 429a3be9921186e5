/** Asking the same once more, where the last turn has failed or was cut off. */

import type { AgentEntry, Entry, UserEntry } from "./entries";
import type { Picture } from "./picture";
import { runningTurn } from "./readings";

/** What can be asked again: the last message, if its turn ended so, no other runs and nothing is on its way; else `null`. */
export function askableAgain({ chat, outgoing }: Pick<Picture, "chat" | "outgoing">): UserEntry | null {
  const question = chat.entries.findLast((entry) => entry.role === "user");
  if (!question || !isCutShort(chat.entries.findLast((entry) => isReplyTo(entry, question)))) return null;
  return outgoing.length === 0 && runningTurn(chat) === null ? question : null;
}

function isReplyTo(entry: Entry, question: UserEntry): entry is AgentEntry {
  return entry.role === "assistant" && entry.messageId === question.messageId;
}

function isCutShort(reply: AgentEntry | undefined): boolean {
  return reply?.finishReason === "error" || reply?.finishReason === "interrupted";
}

/** The words that bring a message to the agent who was asked, also where another is current by now. */
export function addressed({ text, agent }: UserEntry, { chat, agents }: Pick<Picture, "chat" | "agents">): string {
  if (agent === chat.agent) return text;
  const names = [agent, ...agents.filter(({ agent_id }) => agent_id === agent).map(({ name }) => name)];
  return names.some((name) => isAddress(text, name)) ? text : `@${agent} ${text}`;
}

/** As the server reads it. */
function isAddress(text: string, name: string): boolean {
  const [head, rest] = [text.trimStart().slice(0, name.length + 1), text.trimStart().slice(name.length + 1)];
  return head.toLowerCase() === `@${name}`.toLowerCase() && /^(?:$|[ \t\r\n,:])/.test(rest);
}
