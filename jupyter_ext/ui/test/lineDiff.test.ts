import assert from "node:assert/strict";
import { test } from "node:test";
import { lineDiff } from "../src/lineDiff";

const shown = (before: string, after: string) => lineDiff(before, after).map(({ mark, text }) => mark + text);

test("lines that stay are shown once, in their place", () => {
  assert.deepEqual(shown("a\nb\nc", "a\nB\nc"), [" a", "-b", "+B", " c"]);
  assert.deepEqual(shown("a\nb\nc\nd", "b\nx\nd"), ["-a", " b", "-c", "+x", " d"]);
  assert.deepEqual(shown("same", "same"), [" same"]);
  assert.deepEqual(shown("a\na", "a"), [" a", "-a"]);
});

test("both texts can be read out of it", () => {
  const letter = () => "abc".charAt(Math.floor(Math.random() * 3));
  for (let round = 0; round < 200; round += 1) {
    const [before, after] = [0, 0].map(() => Array.from({ length: 1 + Math.random() * 8 }, letter).join("\n")) as [string, string];
    const lines = lineDiff(before, after);
    const without = (mark: string) => lines.filter((line) => line.mark !== mark).map(({ text }) => text).join("\n");
    assert.deepEqual([without("+"), without("-")], [before, after]);
  }
});

test("texts too long to be compared are shown as replaced", () => {
  const [before, after] = ["x", "y"].map((letter) => Array.from({ length: 2_000 }, (_, at) => `${letter}${at}`).join("\n"));
  assert.equal(lineDiff(before ?? "", after ?? "").length, 4_000);
});
