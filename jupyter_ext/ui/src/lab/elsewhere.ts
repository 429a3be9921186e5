/**
 * What a markdown cell would load from another machine as soon as it is shown, told before anything is. Its address is
 * enough to carry away what an agent has read.
 */

import { removeMath, replaceMath, type IRenderMimeRegistry } from "@jupyterlab/rendermime";

/** Rendering a diagram loads its pictures already. */
const DIAGRAM = /(?:`{3}|~{3})[^\S\n]*mermaid/i;
const LOADED = new Set(["src", "srcset", "poster", "background", "data", "href", "xlink:href", "action", "formaction"]);
const FOLLOWED_BY_A_CLICK = "a, area";
const LOADING_STYLE = /url|image|\\/i;

/** The first thing that is loaded, in words; `null` where all stays here. Made as the cell itself will be. */
export async function loadedFromElsewhere(
  source: string,
  { markdownParser, sanitizer }: IRenderMimeRegistry,
): Promise<string | null> {
  if (DIAGRAM.test(source)) return "a diagram";
  const { text, math } = removeMath(source);
  const html = markdownParser ? replaceMath(await markdownParser.render(text), math) : source;
  // Of a document that is not shown: nothing in it is loaded.
  const host = document.implementation.createHTMLDocument().createElement("div");
  host.innerHTML = sanitizer.sanitize(html);
  return Array.from(host.querySelectorAll("*"), loadedBy).find((address) => address !== null) ?? null;
}

function loadedBy(element: Element): string | null {
  for (const { name, value } of element.attributes) {
    if (name === "style" && LOADING_STYLE.test(value)) return value;
    if (LOADED.has(name) && !element.matches(FOLLOWED_BY_A_CLICK) && isElsewhere(value)) return value;
  }
  return element.localName === "style" ? "a style sheet" : null;
}

function isElsewhere(address: string): boolean {
  try {
    const { protocol, origin } = new URL(address, document.baseURI);
    return !["data:", "attachment:"].includes(protocol) && origin !== location.origin;
  } catch {
    return true;
  }
}
