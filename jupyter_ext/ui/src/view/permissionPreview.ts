/** What will happen if the person says yes, so that it can be read: whole, and as text, since a model wrote it. */

import { lineDiff } from "../lineDiff";
import type { askNotebook, CellText } from "../notebook";
import type { PermissionRequest } from "../protocol";
import { condensed, lineCount, seen, visible } from "../shownCode";
import { highlightedCode } from "./code";
import { h } from "./dom";
import { argumentLines } from "./toolCard";

/** Asks the notebook around the chat for cells; `null` where there is none. */
export type ReadCells = (cellIds: readonly string[]) => ReturnType<typeof askNotebook<"read">>;

/** As many lines are in sight at once. */
const FITS = 9;

export function previewOf(request: PermissionRequest, readCells: ReadCells): HTMLElement {
  const { toolName, arguments: given } = request;
  const preview = h("div", { class: "whisperer-preview" });
  if (toolName === "insert_cells" && Array.isArray(given["cells"])) put(preview, given["cells"].map(newCell));
  else if (toolName === "run_tests") put(preview, [text(given["tests"], "python")]);
  else if (toolName !== "record_behaviour") put(preview, [text(request.preview ?? argumentLines(given))]);
  if (toolName === "replace_cell") void fill(preview, [given["cell_id"]], readCells, (cell) => change(cell, given["source"]));
  if (toolName === "run_cells") void fill(preview, given["cell_ids"], readCells, cellToRun);
  return preview;
}

/** What the ids stand for takes the place of them, as soon as the notebook has told. */
async function fill(preview: HTMLElement, ids: unknown, read: ReadCells, show: (cell: CellText) => Part): Promise<void> {
  const wanted = Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  const cells = await read(wanted)?.catch(() => null);
  // Where one is missing it is the tool's business to say so; the person sees what was asked for.
  if (cells?.length === wanted.length) put(preview, cells.map(show));
}

/** Something to be read, and of how many lines. */
interface Part {
  element: HTMLElement;
  lines: number;
}

/** How much there is stays in sight above it, where it does not fit: whoever says yes knows that there is more. */
function put(preview: HTMLElement, parts: readonly Part[]): void {
  const lines = parts.reduce((sum, part) => sum + part.lines, 0);
  const size = h("div", { class: "whisperer-preview-size" }, `${lines.toLocaleString("en")} lines: scroll to read them all`);
  preview.replaceChildren(...(lines > FITS ? [size] : []), ...parts.map(({ element }) => element));
}

function newCell(cell: unknown): Part {
  const { type, source } = (cell ?? {}) as { type?: unknown; source?: unknown };
  const kind = type === "code" ? "Code" : type === "markdown" ? "Markdown" : String(type);
  return named(kind, text(source, type === "code" ? "python" : type === "markdown" ? "markdown" : ""));
}

function cellToRun({ number, source }: CellText): Part {
  return named(`Cell ${number}`, text(source, "python"));
}

function change({ number, source }: CellText, after: unknown): Part {
  const lines = lineDiff(visible(source), visible(asText(after)));
  const shown = condensed(lines).map(({ mark, text: line }) =>
    h("span", { class: "whisperer-line", "data-mark": mark }, `${mark} ${line}\n`),
  );
  return named(`Cell ${number}`, { element: scrolled(h("code", {}, ...shown)), lines: lines.length });
}

function named(name: string, { element, lines }: Part): Part {
  const title = lines > 1 ? `${name}, ${lines.toLocaleString("en")} lines` : name;
  const head = h("span", { class: "whisperer-preview-name" }, title);
  return { element: h("div", { class: "whisperer-preview-part" }, head, element), lines };
}

function text(value: unknown, language = ""): Part {
  const whole = asText(value).replace(/^\n+|\n+$/g, "");
  return { element: scrolled(highlightedCode(seen(whole), language)), lines: lineCount(whole) };
}

/** Whatever a model gave; a tool of a client's own may take none. */
function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2);
}

/** Scrolling it by keyboard needs focus. */
function scrolled(code: HTMLElement): HTMLElement {
  return h("pre", { tabindex: "0" }, code);
}
