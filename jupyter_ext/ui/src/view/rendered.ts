import DOMPurify, { type Config } from "dompurify";
import { blocksOf, htmlOf, LINK, normalized, type Block } from "../markdown";
import { codeBlock } from "./code";
import { h } from "./dom";
import { isMathml, MATHML_ATTRIBUTES, MATHML_TAGS, purifyMathml } from "./mathml";

const TAGS = [
  ...["p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "a", "ul", "ol", "li"],
  ...["h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"],
];
const ATTRIBUTES = ["href", "start", "align"];
const LANGUAGE = /^language-[\w+#-]+$/;

// An instance of its own: hooks on the shared one would reach whoever else bundles it.
const purify = DOMPurify(window);

const RULES: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: [...TAGS, ...MATHML_TAGS],
  ALLOWED_ATTR: ["class", ...ATTRIBUTES, ...MATHML_ATTRIBUTES],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: LINK,
  // DOMPurify holds every attribute against the pattern for addresses, but these hold none.
  ADD_URI_SAFE_ATTR: ["align", "start", ...MATHML_ATTRIBUTES],
  RETURN_DOM_FRAGMENT: true,
};

purify.addHook("uponSanitizeAttribute", (element, attribute) => {
  const { attrName, attrValue } = attribute;
  if (isMathml(element)) purifyMathml(attribute);
  else if (attrName === "class") attribute.keepAttr = LANGUAGE.test(attrValue);
  else attribute.keepAttr = ATTRIBUTES.includes(attrName);
});

export interface RenderOptions {
  /** Code that is still growing is not worth colouring. */
  highlight: boolean;
}

/** A model's markdown as DOM that cannot do harm: links name their host and open elsewhere, code can be copied. */
export function rendered(blocks: Block[], options: RenderOptions): DocumentFragment {
  const fragment = purify.sanitize(htmlOf(blocks), RULES);
  for (const anchor of fragment.querySelectorAll("a")) dressLink(anchor);
  for (const table of fragment.querySelectorAll("table")) frame(table, "whisperer-table");
  for (const formula of fragment.querySelectorAll("math[display=block]")) frame(formula, "whisperer-formula");
  for (const code of fragment.querySelectorAll("pre > code")) dressCode(code, options);
  return fragment;
}

export function renderedText(text: string): DocumentFragment {
  return rendered(blocksOf(normalized(text)), { highlight: true });
}

function dressLink(anchor: HTMLAnchorElement): void {
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow";
  const host = anchor.protocol === "mailto:" ? anchor.pathname : anchor.host;
  if (host && !namesHost(anchor.textContent, host))
    anchor.after(h("span", { class: "whisperer-link-host" }, ` (${host})`));
}

/** Whether a link's own words begin with the host it leads to, and not with one that only looks like it. */
function namesHost(words: string, host: string): boolean {
  const address = words.trim().replace(/^\w+:(?:\/\/)?/, "");
  return address === host || (address.startsWith(host) && /^[/?#:]/.test(address.slice(host.length)));
}

/** What is wider than the chat scrolls within a box of its own, by keyboard as well. */
function frame(wide: Element, name: string): void {
  const box = h("div", { class: name, tabindex: "0" });
  wide.replaceWith(box);
  box.append(wide);
}

function dressCode(code: Element, { highlight }: RenderOptions): void {
  const language = code.className.replace("language-", "");
  code.parentElement?.replaceWith(codeBlock(code.textContent, language, highlight));
}
