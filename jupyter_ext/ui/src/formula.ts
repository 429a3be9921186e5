/** TeX formulas as MathML, which browsers draw and screen readers read without fonts or scripts of ours. */

import temml from "temml";

/** Beyond this it is no formula to be read, and typesetting it would hold the page up. In characters. */
const LONGEST = 4_000;
/** Macros multiply what they are given: with definitions of its own a formula must be short. */
const LONGEST_WITH_MACROS = 300;
const DEFINES = /\\(?:[gex]?def|(?:future)?let|(?:re)?newcommand|providecommand)(?![A-Za-z])/;

const OPTIONS = {
  throwOnError: true,
  trust: false,
  // Built-in macros take a few, one that calls itself takes all there are.
  maxExpand: 100,
  // In em, and in points.
  maxSize: [20, 200] as [number, number],
};

const DELIMITERS = /^(?:\$\$?|\\[([])([^]*?)(?:\$\$?|\\[)\]])$/;

/** The MathML of a formula with its delimiters around it; `null` where it cannot be typeset. */
export function mathmlOf(formula: string, displayMode: boolean): string | null {
  const source = DELIMITERS.exec(formula)?.[1] ?? "";
  if (source.trim() === "" || source.length > (DEFINES.test(source) ? LONGEST_WITH_MACROS : LONGEST)) return null;
  // An object of its own each time: what one formula defines is not there for the next.
  return typeset(source, { ...OPTIONS, displayMode, wrap: displayMode ? "none" : "tex" });
}

function typeset(source: string, options: Parameters<typeof temml.renderToString>[1]): string | null {
  try {
    const markup = temml.renderToString(source, options);
    // A reference to another formula is a link that leads nowhere here.
    return markup.startsWith("<math") && !markup.includes("<a ") ? markup : null;
  } catch {
    // Not TeX, not all of it yet, not trusted, or nested deeper than the stack: it is shown as it was written.
    return null;
  }
}
