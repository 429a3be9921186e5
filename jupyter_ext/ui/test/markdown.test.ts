import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER, LONG } from "../dev/texts";
import { blocksOf, cut, definesLinks, htmlOf } from "../src/markdown";

const html = (text: string) => htmlOf(blocksOf(text));

test("raw HTML is text, in blocks and in lines", () => {
  const out = html("<script>alert(1)</script>\n\nand <b onclick=x>bold</b>");
  assert.doesNotMatch(out, /<script|<b[ >]/);
  assert.match(out, /&#60;script&#62;/);
});

test("an image becomes a link, so that nothing is fetched", () => {
  const out = html("![secret](https://evil.example/p.png?d=1)");
  assert.doesNotMatch(out, /<img/);
  assert.match(out, /<a href="https:&#?\w*;?\/\/evil\.example|<a href="https:\/\/evil\.example/);
});

test("only links that name their host are links", () => {
  for (const href of ["javascript:alert(1)", "/logout", "data:text/html,x", "file:///etc/passwd", "../x"])
    assert.doesNotMatch(html(`[x](${href})`), /<a /, href);
  assert.match(html("[x](https://a.example/)"), /<a /);
});

test("a code block keeps its text, and its language cannot break out", () => {
  const out = html('```py"><img src=x>\na < b & c\n```');
  assert.doesNotMatch(out, /<img/);
  assert.match(out, /a &#60; b &#38; c/);
});

test("formulas keep their backslashes and underscores", () => {
  assert.match(html("so \\(x_1 + x_2\\) holds"), /<code>\\\(x_1 \+ x_2\\\)<\/code>/);
  assert.match(html("\\[\n\\frac{a_1}{b_2}\n\\]"), /\\frac\{a_1\}\{b_2\}/);
  assert.match(html("as $$a_b$$ says"), /<p>as <code>\$\$a_b\$\$<\/code> says<\/p>/);
  assert.match(html("as\n$$\na_b\n$$\nsays"), /<p>as<\/p>\s*<pre><code class="language-latex">\$\$\na_b\n\$\$<\/code><\/pre>\s*<p>says/);
  assert.match(html("costs $5 or $6"), /<p>costs \$5 or \$6<\/p>/);
});

test("cutting a growing text piece by piece comes to the same as rendering it whole", () => {
  let settled = "";
  let length = 0;
  for (let end = 1; end <= ANSWER.length; end += 3) {
    const piece = cut(ANSWER.slice(length, end));
    settled += htmlOf(piece.settled);
    length += piece.length;
  }
  assert.equal(settled + html(ANSWER.slice(length)), html(ANSWER));
});

test("what is settled stays settled: the open end stays short however long the text", () => {
  let length = 0;
  let longest = 0;
  for (let end = 40; end <= LONG.length; end += 40) {
    length += cut(LONG.slice(length, end)).length;
    longest = Math.max(longest, end - length);
  }
  assert.ok(longest < 600, `${longest}`);
});

test("link definitions are noticed", () => {
  assert.ok(definesLinks("See [a].\n\n[a]: https://a.example"));
  assert.ok(!definesLinks(ANSWER));
});
