/** Which lines of a text go and which come. */

export interface Line {
  mark: " " | "-" | "+";
  text: string;
}

/** Beyond this many pairs of lines the middle is shown as replaced as a whole: nobody compares it line by line. */
const MOST_PAIRS = 1_000_000;

export function lineDiff(before: string, after: string): Line[] {
  const [one, other] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (head < shorter && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const middle = middleOf(one.slice(head, one.length - tail), other.slice(head, other.length - tail));
  return [...marked(" ", one.slice(0, head)), ...middle, ...marked(" ", one.slice(one.length - tail))];
}

function middleOf(one: readonly string[], other: readonly string[]): Line[] {
  if (one.length * other.length > MOST_PAIRS) return [...marked("-", one), ...marked("+", other)];
  const common = lengths(one, other);
  const lines: Line[] = [];
  let [at, by] = [0, 0];
  while (at < one.length || by < other.length) {
    const [gone, come] = [one[at], other[by]];
    if (gone !== undefined && gone === come) {
      lines.push({ mark: " ", text: gone });
      [at, by] = [at + 1, by + 1];
    } else if (come === undefined || (gone !== undefined && lengthAt(common, at + 1, by) >= lengthAt(common, at, by + 1))) {
      lines.push({ mark: "-", text: gone ?? "" });
      at += 1;
    } else {
      lines.push({ mark: "+", text: come });
      by += 1;
    }
  }
  return lines;
}

/** By where one begins in each: how many lines the rests have in common, in order. */
function lengths(one: readonly string[], other: readonly string[]): number[][] {
  let row = new Array<number>(other.length + 1).fill(0);
  const table = [row];
  for (const text of one.toReversed()) {
    const below = row;
    row = new Array<number>(other.length + 1).fill(0);
    for (let by = other.length - 1; by >= 0; by -= 1)
      row[by] = text === other[by] ? (below[by + 1] ?? 0) + 1 : Math.max(below[by] ?? 0, row[by + 1] ?? 0);
    table.push(row);
  }
  return table.reverse();
}

function lengthAt(table: readonly number[][], at: number, by: number): number {
  return table[at]?.[by] ?? 0;
}

function marked(mark: Line["mark"], texts: readonly string[]): Line[] {
  return texts.map((text) => ({ mark, text }));
}
