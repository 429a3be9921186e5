import assert from "node:assert/strict";
import { test } from "node:test";
import { condensed, seen, visible } from "../src/shownCode";
import { question } from "../src/toolWords";

test("what turns the writing, has no width or controls is shown by its number", () => {
  assert.equal(visible("a\u202eb\u2066c"), "a⟨U+202E⟩b⟨U+2066⟩c");
  assert.equal(visible("x\u200b\u200d\ufeff\u00ad\u2060\u3164"), "x⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩⟨U+00AD⟩⟨U+2060⟩⟨U+3164⟩");
  assert.equal(visible("\u{e0041}\ud800\u2028\u2029\u0085"), "⟨U+E0041⟩⟨U+D800⟩⟨U+2028⟩⟨U+2029⟩⟨U+0085⟩");
  assert.equal(visible("# fine\rprint()\u0000\u001b[8m\u007f"), "# fine⟨U+000D⟩print()⟨U+0000⟩⟨U+001B⟩[8m⟨U+007F⟩");
  assert.equal(visible("a\u00a0b\u3000c\u2800d"), "a⟨U+00A0⟩b⟨U+3000⟩c⟨U+2800⟩d");
});

test("what can be seen stays as it is", () => {
  const code = "def größe(x):\n\treturn '日本 — naïve 😀'  # ok\r\n";
  assert.equal(visible(code), code.replace("\r\n", "\n"));
});

test("runs of blank lines are one line that counts them, also of blanks", () => {
  assert.equal(seen(`safe()${"\n".repeat(401)}evil()`), "safe()\n⋯ 400 blank lines ⋯\nevil()");
  assert.equal(seen(`safe()\n${"  \t\n".repeat(1_200)}evil()`), "safe()\n⋯ 1,200 blank lines ⋯\nevil()");
  assert.equal(seen("a\n\n\n\nb"), "a\n\n\n\nb");
});

test("blank lines that come and those that go are counted apart", () => {
  const blank = (mark: "-" | "+") => Array.from({ length: 5 }, () => ({ mark, text: "" }));
  assert.deepEqual(condensed([...blank("-"), ...blank("+")]), [
    { mark: "-", text: "⋯ 5 blank lines ⋯" },
    { mark: "+", text: "⋯ 5 blank lines ⋯" },
  ]);
});

test("names in a question hide nothing either", () => {
  const request = { messageId: "m", requestId: "r", toolCallId: "t", agent: "alice", toolName: "read_file" };
  assert.match(question({ ...request, arguments: { path: "a\u202eb" } }, "Alice"), /a⟨U\+202E⟩b/);
});
