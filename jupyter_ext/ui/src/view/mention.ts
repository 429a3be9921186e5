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

/** What of the notebook, of the kernel and of the workspace may be meant. */
export function offersFor({ typed }: Mention, { near, cells, variables }: Surroundings): Offer[] {
  const [root, ...attributes] = typed.split(".");
  const isAttribute = attributes.length > 0 && attributes.every((name) => /^\w+$/u.test(name));
  const names = isAttribute ? variables.filter((name) => name === root).map(() => typed) : variables;
  const fits = (name: string) => name.toLowerCase().startsWith(typed.toLowerCase());
  const isPath = /[./]\w/.test(typed) && names.every((name) => name !== typed);
  return [
    ...near,
    // With nothing typed the cells come first: they are what a person sees.
    ...(typed === "" ? [] : names.filter(fits).map(variable)),
    ...cells,
    ...(typed === "" ? names.map(variable) : []),
    ...(isPath ? [{ label: `File ${typed}`, name: typed, item: { type: "file", path: typed } } as const] : []),
  ];
}

function variable(name: string): Offer {
  return { label: `Variable ${name}`, name, item: { type: "variable", name } };
}
