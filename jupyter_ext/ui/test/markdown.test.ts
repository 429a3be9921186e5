import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
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

test("formulas become MathML, in lines and in blocks of their own", () => {
  assert.match(html("so \\(x_1 + x_2\\) holds"), /^<p>so <math>.*<msub><mi>x<\/mi><mn>1<\/mn><\/msub>.*<\/math> holds<\/p>/);
  assert.match(html("\\[\n\\frac{a_1}{b_2}\n\\]"), /^<math display="block".*<mfrac>/);
  assert.match(html("as $$a_b$$ says"), /^<p>as <math><msub>.*<\/math> says<\/p>/);
  assert.match(html("as\n$$\na_b\n$$\nsays"), /^<p>as<\/p>\s*<math display="block".*<\/math>\s*<p>says/);
});

test("a dollar sign begins a formula only where it surely is one", () => {
  for (const formula of ["$x$", "so $x_1 + x_2$, then", "($\\alpha$)", "$5$", "$a$ and $b$", "$\\text{at \\$5}$", "| a |\n| - |\n| $x$ |"])
    assert.match(html(formula), /<math/, formula);
  for (const text of [
    ...["costs $5 or $6", "$HOME and $PATH", "$HOME:$PATH", "${A}-${B}", "from $20-$30", "$ x $", "$x $", "$5", "5$ or 6$"],
    ...["\\$5\\$", "$a\nb$", "`$x$`", "US$5 and US$10", "$1,$2", "$$", "$"],
  ])
    assert.doesNotMatch(html(text), /<math/, text);
  assert.match(html("costs $5 or $6"), /<p>costs \$5 or \$6<\/p>/);
});

test("what cannot be typeset is shown as it was written", () => {
  assert.match(html("so \\(\\frac{x_1\\) holds"), /<code>\\\(\\frac\{x_1\\\)<\/code>/);
  assert.match(html("$$\n\\nonesuch{a_b}\n$$"), /<pre><code class="language-latex">\$\$\n\\nonesuch\{a_b\}\n\$\$<\/code><\/pre>/);
  const hostile = [
    ...["\\href{https://evil.example}{x}", "\\url{https://evil.example}", "\\includegraphics{https://evil.example/p.png}"],
    ...["\\class{a}{x}", "\\id{a}{x}", "\\style{color:red}{x}", "\\data{a=b}{x}", "\\ref{a}", "x \\ref{a}", "\\toggle{a}{b}\\endtoggle"],
    ...["\\def\\x{\\x\\x}\\x", `\\def\\x{${"y".repeat(2_000)}}${"\\x".repeat(99)}`, "x".repeat(4_900)],
    "{".repeat(4_900),
  ];
  for (const source of hostile) {
    const out = html(`\\[${source}\\]`);
    assert.match(out, /^<pre><code class="language-latex">/, source.slice(0, 80));
    assert.ok(out.includes(source.slice(-50).replaceAll("'", "&#39;")), source.slice(0, 80));
  }
  assert.doesNotMatch(html("\\[\\text{<img src=x onerror=alert(1)>}\\]"), /<img/);
});

test("what one formula defines is not there for the next", () => {
  assert.match(html("\\(\\gdef\\mine{x}\\mine\\) and \\(\\mine\\)"), /<math>.*<\/math> and <code>/);
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

const ENDLESS = {
  "an unclosed formula": "\\(a",
  "an unclosed formula of another kind": "\\[a",
  "an unclosed formula on each line": "$$a\n",
  "an unclosed formula in each block": "\\[a\n\n",
  "an unclosed formula above each heading": "$$a\n$$a\n# b\n",
  "an unclosed link": "[a](",
  "an unclosed picture": "![",
  "an unclosed emphasis": "*a_",
  "an unclosed deletion": "~~a ",
  "an unclosed tag": "<a ",
  "half an address": "a@a.",
};

test("whatever a model repeats without end is shown, and does not hold the page up", { timeout: 60_000 }, async () => {
  for (const [what, piece] of Object.entries(ENDLESS)) {
    await setImmediate(); // a test that never waits outlives its time
    const text = piece.repeat(20_000);
    const shown = cut(text);
    assert.equal([...shown.settled, ...shown.open].map(({ raw }) => raw).join(""), text, what);
    const words = html(text).replace(/<[^>]*>/g, "");
    assert.equal(words.match(/[ab]/g)?.length, text.match(/[ab]/g)?.length, what);
  }
});

test("blocks nested without end are shown as text from some depth on", () => {
  for (const piece of ["> ", "- ", "> - ", "1. "]) {
    const out = html(`${piece.repeat(2_000)}the end`);
    assert.match(out, /the end/, piece);
    assert.ok((out.match(/<(?:ul|ol|blockquote)/g)?.length ?? 0) < 50, piece);
  }
  const stairs = Array.from({ length: 400 }, (_, depth) => `${" ".repeat(2 * depth)}- step ${depth}.`);
  const out = html(stairs.join("\n"));
  for (const depth of [0, 20, 200, 399]) assert.match(out, new RegExp(`step ${depth}\\.`));
});

test("a text too long to be markdown keeps its characters and its lines", () => {
  assert.equal(html(`${"\\(a <b>\n".repeat(2_000)}end`), `<p>${"\\(a &#60;b&#62;<br>".repeat(2_000)}end</p>\n`);
  assert.match(html(`**bold** ${"word ".repeat(1_900)}`), /^<p><strong>bold<\/strong>/);
});

test("link definitions are noticed", () => {
  assert.ok(definesLinks("See [a].\n\n[a]: https://a.example"));
  assert.ok(!definesLinks(ANSWER));
});
