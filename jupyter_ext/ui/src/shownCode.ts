/** Code that a person is asked about, so that all of it is seen: a model wrote it, and may mean to hide some of it. */

import type { Line } from "./lineDiff";

/** Controls, what turns the direction of writing, what has no width, and blanks other than the ordinary ones. */
const UNSEEN = /(?!\n|\t| )[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** As many blank lines on end are shown as they are. */
const MOST_BLANK = 3;

/** The text with what would not be seen in it shown by its number: `⟨U+202E⟩`. */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSEEN, (character) => {
    const number = character.codePointAt(0) ?? 0;
    return `⟨U+${number.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Runs of blank lines as one line that says so: what follows them would be out of sight. */
export function condensed(lines: readonly Line[]): Line[] {
  const shown: Line[] = [];
  for (let at = 0; at < lines.length; ) {
    const blank = blankFrom(lines, at);
    const run = lines.slice(at, at + Math.max(blank, 1));
    const mark = run[0]?.mark ?? " ";
    shown.push(...(blank > MOST_BLANK ? [{ mark, text: `⋯ ${blank.toLocaleString("en")} blank lines ⋯` }] : run));
    at += run.length;
  }
  return shown;
}

/** The text with both done to it. */
export function seen(text: string): string {
  const lines = visible(text).split("\n");
  return condensed(lines.map((line) => ({ mark: " ", text: line }))).map(({ text: line }) => line).join("\n");
}

export function lineCount(text: string): number {
  return text.split("\n").length;
}

function blankFrom(lines: readonly Line[], at: number): number {
  let end = at;
  while (end < lines.length && lines[end]?.text.trim() === "" && lines[end]?.mark === lines[at]?.mark) end += 1;
  return end - at;
}
