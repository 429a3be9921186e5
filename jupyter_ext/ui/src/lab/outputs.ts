/** A cell's outputs as text for a model: bounded, and what is not in it is named. */

const MOST_CHARACTERS = 4_000;
// Colours of tracebacks, and other words to a terminal.
// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;

export type Output = Readonly<Record<string, unknown>>;

export function outputsAsText(outputs: readonly Output[]): string[] {
  return outputs.map((output) => bounded(textOf(output).replace(ESCAPES, "").trimEnd())).filter((text) => text !== "");
}

export function hasFailed(outputs: readonly Output[]): boolean {
  return outputs.some((output) => output["output_type"] === "error");
}

/** The start and the end: an error stands at the end, what it is about at the start. */
function bounded(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const half = MOST_CHARACTERS / 2;
  const left = text.length - MOST_CHARACTERS;
  return `${text.slice(0, half)}\n[cut: ${left.toLocaleString("en")} characters left out]\n${text.slice(-half)}`;
}

function textOf(output: Output): string {
  switch (output["output_type"]) {
    case "stream":
      return joined(output["text"]);
    case "error":
      return errorText(output);
    default:
      return bundleText((output["data"] ?? {}) as Record<string, unknown>);
  }
}

function errorText({ ename, evalue, traceback }: Output): string {
  const lines = Array.isArray(traceback) && traceback.length > 0 ? traceback : [`${String(ename)}: ${String(evalue)}`];
  return lines.join("\n");
}

function bundleText(data: Record<string, unknown>): string {
  const plain = data["text/markdown"] ?? data["text/plain"];
  const others = Object.keys(data).filter((type) => !type.startsWith("text/"));
  const images = others.filter((type) => type.startsWith("image/")).map((type) => `[${type}, not included]`);
  if (plain !== undefined) return [...images, joined(plain)].join("\n");
  return images.length > 0 ? images.join("\n") : `[${Object.keys(data).join(", ") || "nothing"}, not included]`;
}

/** nbformat allows a text to be a list of lines. */
function joined(text: unknown): string {
  return Array.isArray(text) ? text.join("") : typeof text === "string" ? text : JSON.stringify(text);
}
