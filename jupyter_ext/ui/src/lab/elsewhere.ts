/**
 * What a markdown cell would load from elsewhere as soon as it is shown, found before anything is: an address is enough to
 * carry away what an agent has read. Links are followed by a click alone, and stay.
 */

import { removeMath, replaceMath, type IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { findServer } from "../websocket";

/** Making one loads its pictures already. */
const DIAGRAM = /(?:`{3}|~{3})[^\S\n]*mermaid/i;
/** Mathematics that sets attributes and styles of what it becomes: by these it loads pictures and cursors. */
const ATTRIBUTES_BY_TEX = /\\(?:mmlToken|style|bbox|require)/i;
const LOADING_STYLE = /url|image|src|\\/i;
const LOADED = new Set(["srcset", "poster", "background", "data", "href", "xlink:href"]);
const FOLLOWED_BY_A_CLICK = "a, area";
const MOST_CHARACTERS = 80;

/** Rejects where one of these cells would. */
export async function refuseWhatLoads(
  cells: readonly { type: string; source: string }[],
  registry: IRenderMimeRegistry,
): Promise<void> {
  for (const { source } of cells.filter(({ type }) => type === "markdown")) {
    const found = await loadedFromElsewhere(source, registry);
    if (found === null) continue;
    throw new Error(`Nothing changed: shown, the markdown would load ${shortened(found)} by itself. Leave that out or link to it.`);
  }
}

/** The first thing that is loaded, or may be; `null` where all stays here. Made as the cell itself will be. */
async function loadedFromElsewhere(
  source: string,
  { markdownParser, sanitizer }: IRenderMimeRegistry,
): Promise<string | null> {
  if (DIAGRAM.test(source)) return "what a Mermaid diagram names";
  const { text, math } = removeMath(source);
  const html = markdownParser ? replaceMath(await markdownParser.render(text), math) : source;
  // Of a document that is not shown: nothing in it is loaded.
  const host = document.implementation.createHTMLDocument().createElement("div");
  host.innerHTML = sanitizer.sanitize(html);
  // What MathJax takes for a line's end.
  for (const line of host.querySelectorAll("br")) line.replaceWith("\n");
  const found = Array.from(host.querySelectorAll("*"), loadedBy).find((address) => address !== null);
  const command = ATTRIBUTES_BY_TEX.exec(host.textContent);
  return found ?? (command && `what ${command[0]} names`);
}

function loadedBy(element: Element): string | null {
  for (const { name, value } of element.attributes) {
    // By a click it runs any of JupyterLab's commands, such as all cells.
    if (name.startsWith("data-commandlinker")) return "JupyterLab's commands";
    if (name === "style" && LOADING_STYLE.test(value)) return value;
    // JupyterLab looks beside the notebook for what `src` names, and for nothing else.
    if (name === "src" && isElsewhere(value)) return value;
    if (LOADED.has(name) && !element.matches(FOLLOWED_BY_A_CLICK)) return value;
  }
  return element.localName === "style" ? "a style sheet" : null;
}

/** Neither within the cell nor on this server: another one of the same host may be somebody else's. */
function isElsewhere(address: string): boolean {
  try {
    const { protocol, href } = new URL(address, document.baseURI);
    const home = new URL(findServer()?.baseUrl ?? "/", location.href).href;
    return !["data:", "attachment:"].includes(protocol) && !href.startsWith(home);
  } catch {
    return true;
  }
}

function shortened(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
