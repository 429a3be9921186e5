/**
 * A model's markdown as HTML text, and cut into blocks so that a growing text is rendered piece by piece.
 *
 * Raw HTML comes out as the text it is, images become links (loading one would tell its host who reads). What is made
 * here is still sanitized before it becomes DOM (`view/rendered.ts`).
 */

import { Lexer, Marked, type Token, type Tokens, type TokensList } from "marked";
import { mathmlOf } from "./formula";

export type Block = Token;

/** Only addresses that name their host: a path alone would point into the Jupyter server itself. */
export const LINK = /^(?:https?:\/\/|mailto:)/i;

/**
 * A dollar sign is money or a variable more often than mathematics. A formula begins and ends with ink, keeps to its line,
 * and nothing that could be a name or a number follows it.
 */
const DOLLARS = /^\$(?![\s$])(?:\\[^\n]|[^\\$`\n]){1,1000}?(?<![\s\\])\$(?![\p{L}\p{N}_{$])/u;

const IN_LINE = /^(?:\$\$[^\n]{1,1000}?\$\$|\\\([^\n]{1,1000}?\\\)|\\\[[^\n]{1,1000}?\\\])/;

/**
 * What marked does for a run of text within a block grows with the square of its marks, and what it does for blocks within
 * blocks with their depth: a model that repeats itself would hold the page up for minutes. Nobody writes beyond these
 * bounds what is to be read; there a text is shown as it was written.
 */
const LONGEST_RUN = 10_000;
const MOST_MARKS = 1_000;
const DEEPEST = 24;
const MARK = /[*_~`[\]<\\$@&]/g;

/** Of a formula in a block of its own: for one that is never closed no more than this is searched. In characters. */
const LONGEST_FORMULA = 5_000;
/** Of the lines below a paragraph's first that are blank or look like the beginning of one. */
const MOST_TRIED = 4;

class BoundedLexer extends Lexer {
  #depth = 0;

  override blockTokens(source: string, tokens?: Token[], clipped?: boolean): Token[];
  override blockTokens(source: string, tokens?: TokensList, clipped?: boolean): TokensList;
  override blockTokens(source: string, tokens: Token[] = [], clipped = false): Token[] {
    if (this.#depth >= DEEPEST) return plain(source, tokens);
    this.#depth += 1;
    super.blockTokens(source, tokens, clipped);
    this.#depth -= 1;
    return tokens;
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    const isBounded = source.length <= LONGEST_RUN && (source.match(MARK)?.length ?? 0) <= MOST_MARKS;
    return isBounded ? super.inlineTokens(source, tokens) : plain(source, tokens);
  }
}

function plain(source: string, tokens: Token[]): Token[] {
  tokens.push({ type: "plain", raw: source, text: source });
  return tokens;
}

const marked = new Marked({
  gfm: true,
  async: false,
  extensions: [
    // Left to itself, markdown eats the backslashes and underscores of formulas.
    formula("blockFormula", "block", blockStart, blockFormula),
    formula("inlineFormula", "inline", inlineStart, (text) => IN_LINE.exec(text)?.[0]),
    formula("dollarFormula", "inline", inlineStart, (text) => DOLLARS.exec(text)?.[0]),
    { name: "plain", renderer: ({ text }: Tokens.Generic) => escape(String(text)).replaceAll("\n", "<br>") },
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
  return new BoundedLexer(marked.defaults).lex(text);
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

function formula(
  name: string,
  level: "block" | "inline",
  start: (text: string) => number | undefined,
  find: (text: string) => string | undefined,
) {
  return {
    name,
    level,
    start,
    tokenizer(text: string): Tokens.Generic | undefined {
      const raw = find(text);
      return raw ? { type: name, raw, text: raw } : undefined;
    },
    // Not its raw text: to that the lexer adds the line end behind it.
    renderer: ({ text }: Tokens.Generic) => typeset(String(text), level === "block"),
  };
}

function inlineStart(text: string): number | undefined {
  const at = text.search(/\$|\\[([]/);
  return at < 0 ? undefined : at;
}

/** Where a formula in a block of its own cuts a paragraph short: only one that is closed does. */
function blockStart(text: string): number | undefined {
  let tried = 0;
  for (const { index } of text.slice(0, LONGEST_RUN).matchAll(/\n(?=\$\$|\\\[|\n)/g)) {
    if (blockFormula(text.slice(index + 1))) return index;
    tried += 1;
    if (tried === MOST_TRIED) return undefined;
  }
  return undefined;
}

/** The formula in a block of its own that a text begins with: whatever closes it ends its line. */
function blockFormula(text: string): string | undefined {
  const close = { $$: "$$", "\\[": "\\]" }[text.slice(0, 2)];
  if (close === undefined) return undefined;
  const searched = text.length < LONGEST_FORMULA ? `${text}\n` : text.slice(0, LONGEST_FORMULA);
  const at = searched.indexOf(`${close}\n`, 3);
  return at < 0 ? undefined : text.slice(0, at + close.length);
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
