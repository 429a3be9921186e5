/**
 * A model's markdown as HTML text, and cut into blocks so that a growing text is rendered piece by piece.
 *
 * Raw HTML comes out as the text it is, images become links (loading one would tell its host who reads). What is made
 * here is still sanitized before it becomes DOM (`view/rendered.ts`).
 */

import { Marked, type Token, type Tokens } from "marked";
import { mathmlOf } from "./formula";

export type Block = Token;

/** Only addresses that name their host: a path alone would point into the Jupyter server itself. */
export const LINK = /^(?:https?:\/\/|mailto:)/i;

/**
 * A dollar sign is money or a variable more often than mathematics. A formula begins and ends with ink, keeps to its line,
 * and nothing that could be a name or a number follows it.
 */
const DOLLARS = /^\$(?![\s$])(?:\\[^\n]|[^\\$`\n]){1,1000}?(?<![\s\\])\$(?![\p{L}\p{N}_{$])/u;

const marked = new Marked({
  gfm: true,
  async: false,
  extensions: [
    // Left to itself, markdown eats the backslashes and underscores of formulas.
    formula("blockFormula", "block", /^(?:\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\])(?=\n|$)/),
    formula("inlineFormula", "inline", /^(?:\$\$[^\n]+?\$\$|\\\([^\n]+?\\\)|\\\[[^\n]+?\\\])/),
    formula("dollarFormula", "inline", DOLLARS),
  ],
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => link(href, escape(text || "image")),
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    code: ({ text, lang }) => code(text, (lang ?? "").split(/\s/, 1)[0] ?? ""),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** The blocks of a text, in order; their `raw` parts put together are the text. */
export function blocksOf(text: string): Block[] {
  return marked.lexer(text);
}

export function htmlOf(blocks: Block[]): string {
  return marked.parser(blocks);
}

/** The line ends that markdown counts by. */
export function normalized(text: string): string {
  return text.includes("\r") ? text.replaceAll("\r", "") : text;
}

export interface Cut {
  /** Blocks that no further text can change. */
  settled: Block[];
  /** How much of the text they are. */
  length: number;
  /** What may still change. */
  open: Block[];
}

/** Cuts a text that is still growing before its last block. */
export function cut(text: string): Cut {
  const blocks = blocksOf(text);
  const last = blocks.findLastIndex(({ type }) => type !== "space");
  const settled = blocks.slice(0, Math.max(0, last));
  const raw = settled.map((block) => block.raw).join("");
  // Should the blocks not add up to the text, cutting it by their length would lose or repeat some of it.
  if (!text.startsWith(raw)) return { settled: [], length: 0, open: blocks };
  return { settled, length: raw.length, open: blocks.slice(settled.length) };
}

/** Whether the text defines links (`[name]: address`) that blocks before the definition may use. */
export function definesLinks(text: string): boolean {
  return /^ {0,3}\[[^\]\n]+\]:/m.test(text);
}

function formula(name: string, level: "block" | "inline", pattern: RegExp) {
  return {
    name,
    level,
    start: (text: string) => {
      // A block begins a line; what stands within one is the inline kind's.
      const at = text.search(level === "block" ? /\n(?:\$\$|\\\[)/ : /\$|\\[([]/);
      return at < 0 ? undefined : at;
    },
    tokenizer(text: string): Tokens.Generic | undefined {
      const raw = pattern.exec(text)?.[0];
      return raw ? { type: name, raw, text: raw } : undefined;
    },
    // Not its raw text: to that the lexer adds the line end behind it.
    renderer: ({ text }: Tokens.Generic) => typeset(String(text), level === "block"),
  };
}

/** As code where it cannot be typeset: so it can still be read, and copied. */
function typeset(formula: string, isBlock: boolean): string {
  const markup = mathmlOf(formula, isBlock);
  if (isBlock) return markup ?? code(formula, "latex");
  return markup ?? `<code>${escape(formula)}</code>`;
}

function code(text: string, language: string): string {
  return `<pre><code class="language-${escape(language)}">${escape(text)}</code></pre>`;
}

function link(href: string, label: string): string {
  return LINK.test(href) ? `<a href="${escape(href)}">${label}</a>` : `${label} (${escape(href)})`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
