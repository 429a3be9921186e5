/** Where in a notebook a name gets its meaning. */

/** Magics under which a cell's own code runs in the notebook; under others it defines nothing there. */
const RUN_HERE = new Set(["time", "capture"]);

const NAME = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/** Whether code gives a name a meaning at its top level, as a function, class or value. */
export function defines(source: string, name: string): boolean {
  const magic = /^\s*%%(\w+)/.exec(source)?.[1];
  if (!NAME.test(name) || (magic !== undefined && !RUN_HERE.has(magic))) return false;
  const statement = `^(?:async\\s+def|def|class)\\s+${name}(?![\\p{L}\\p{N}_])|^${name}\\s*(?::[^=\\n]*)?=(?!=)`;
  return new RegExp(statement, "mu").test(source);
}
