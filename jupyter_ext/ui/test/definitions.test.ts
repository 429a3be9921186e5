import assert from "node:assert/strict";
import { test } from "node:test";
import { defines } from "../src/lab/definitions";

test("functions, classes and values at the top level are defined, also under a magic that runs the cell here", () => {
  for (const source of [
    "import re\ndef slug(text):\n    return text",
    "@cache\nasync  def slug(): ...",
    "class slug(Base):\n    pass",
    "slug = partial(join, '-')",
    "slug: Callable = join",
    "%%time\ndef slug(): ...",
  ]) {
    assert.ok(defines(source, "slug"), source);
  }
  assert.ok(defines("def größe(): ...", "größe"));
});

test("what only looks alike defines nothing", () => {
  for (const source of [
    "slug(1)",
    "slug == 1",
    "def slugify(): ...",
    "def slugä(): ...",
    "class A:\n    def slug(self): ...",
    "%%bash\nslug=1",
    "%%tests\ndef slug(): ...",
  ]) {
    assert.ok(!defines(source, "slug"), source);
  }
  assert.ok(!defines("def anything(): ...", ".*"));
  assert.ok(!defines("def f(): ...", "(f"));
});
