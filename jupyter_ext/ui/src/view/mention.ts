/** What is typed behind an `@`, and what it may stand for. */

import type { Offer, Surroundings } from "../notebook";
import type { AgentInfo } from "../protocol";

/** An `@` and what follows it, up to the caret. */
export interface Mention {
  start: number;
  end: number;
  typed: string;
  /** At the message's beginning it may name an agent. */
  isFirst: boolean;
}

const MENTION = /(?:^|\s)@([^\s@]*)$/;

/** The mention that the caret stands at the end of. */
export function mentionAt(text: string, caret: number): Mention | null {
  const typed = MENTION.exec(text.slice(0, caret))?.[1];
  if (typed === undefined) return null;
  const start = caret - typed.length - 1;
  return { start, end: caret, typed, isFirst: text.slice(0, start).trim() === "" };
}

export function without(text: string, { start, end }: Mention, instead = ""): string {
  return text.slice(0, start) + instead + text.slice(end);
}

export function agentsFor({ isFirst }: Mention, agents: readonly AgentInfo[]): readonly AgentInfo[] {
  return isFirst ? agents : [];
}

/** What of the notebook, and what of the kernel or the workspace that goes by such a name. */
export function offersFor({ typed }: Mention, { near, cells }: Surroundings): Offer[] {
  const named: Offer[] = [];
  if (/^[^\W\d]\w*(?:\.\w+)*$/u.test(typed)) named.push({ label: `Variable ${typed}`, item: { type: "variable", name: typed } });
  if (/[./]\w/.test(typed)) named.push({ label: `File ${typed}`, item: { type: "file", path: typed } });
  return [...near, ...cells, ...named];
}
