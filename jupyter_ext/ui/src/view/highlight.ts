import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import diff from "highlight.js/lib/languages/diff";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import sql from "highlight.js/lib/languages/sql";
import yaml from "highlight.js/lib/languages/yaml";

/** Beyond this, colouring takes longer than a frame or two. */
const LONGEST = 40_000;

for (const [name, language] of Object.entries({ bash, diff, javascript, json, python, r, sql, yaml }))
  hljs.registerLanguage(name, language);
hljs.registerAliases(["ipython", "ipython3", "python3", "pycon"], { languageName: "python" });

/** The code's text with its parts marked up, or `null` where the language is not known. */
export function highlighted(text: string, language: string): string | null {
  if (!hljs.getLanguage(language) || text.length > LONGEST) return null;
  return hljs.highlight(text, { language, ignoreIllegals: true }).value;
}
