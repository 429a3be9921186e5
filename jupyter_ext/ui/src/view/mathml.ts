/** What of MathML passes into the page: what formulas are typeset with, nothing that leads, acts or carries markup. */

export const MATHML_TAGS = [
  ...["math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "mphantom", "menclose"],
  ...["mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover"],
  ...["mmultiscripts", "mprescripts", "mtable", "mtr", "mtd"],
];

export const MATHML_ATTRIBUTES = [
  ...["style", "display", "displaystyle", "scriptlevel", "mathvariant", "mathsize", "mathcolor", "mathbackground"],
  ...["form", "fence", "separator", "stretchy", "symmetric", "largeop", "movablelimits", "accent", "accentunder"],
  ...["lspace", "rspace", "minsize", "maxsize", "width", "height", "depth", "voffset", "linethickness", "notation"],
];

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const ATTRIBUTES = new Set(["class", ...MATHML_ATTRIBUTES]);

/** The classes that the style sheet knows. */
const CLASS = /^(?:tml-(?:left|right|jot|small|overline|underline|cancel|xcancel|(?:hat|tilde)-[1-4])|(?:up|down)strike|sout)$/;

const LENGTH = String.raw`\d*\.?\d+(?:em|ex|pt|px|%)?`;
const COLOR = "#[0-9a-f]{3,8}";
/** The properties that place, rule and colour; none that could lay a formula over something else, or load anything. */
const HARMLESS = new RegExp(
  `^(?:${[
    `color:${COLOR}`,
    `padding(?:-(?:top|right|bottom|left))?:${LENGTH}(?: ${LENGTH}){0,3}`,
    `border(?:-(?:top|right|bottom|left))?:${LENGTH} (?:solid|dashed|double)(?: ${COLOR})?`,
    `width:${LENGTH}`,
    "text-align:(?:left|right|center)",
    String.raw`math-depth:\d`,
    "display:block math",
    "font-weight:bold",
  ].join("|")})$`,
  "i",
);

export interface Attribute {
  attrName: string;
  attrValue: string;
  keepAttr: boolean | undefined;
}

export function isMathml(element: Element): boolean {
  return element.namespaceURI === NAMESPACE;
}

/** Keeps of an attribute of a formula what is harmless. */
export function purifyMathml(attribute: Attribute): void {
  const { attrName, attrValue } = attribute;
  if (attrName === "class") attribute.attrValue = kept(attrValue, " ", CLASS);
  else if (attrName === "style") attribute.attrValue = kept(attrValue, ";", HARMLESS);
  attribute.keepAttr = ATTRIBUTES.has(attrName) && attribute.attrValue !== "";
}

function kept(list: string, separator: string, pattern: RegExp): string {
  return list
    .split(separator)
    .filter((part) => pattern.test(part.trim()))
    .join(separator);
}
