/** What will happen if the person says yes, so that it can be read: whole, and as text, since a model wrote it. */

import { lineDiff } from "../lineDiff";
import type { askNotebook, CellText } from "../notebook";
import type { PermissionRequest } from "../protocol";
import { highlightedCode } from "./code";
import { h } from "./dom";
import { argumentLines } from "./toolCard";

/** Asks the notebook around the chat for cells; `null` where there is none. */
export type ReadCells = (cellIds: readonly string[]) => ReturnType<typeof askNotebook<"read">>;

export function previewOf(request: PermissionRequest, readCells: ReadCells): HTMLElement {
  const { toolName, arguments: given } = request;
  const preview = h("div", { class: "whisperer-preview" });
  if (toolName === "insert_cells" && Array.isArray(given["cells"])) preview.append(...given["cells"].map(newCell));
  else if (toolName === "run_tests") preview.append(text(given["tests"], "python"));
  else if (toolName !== "record_behaviour") preview.append(text(request.preview ?? argumentLines(given)));
  if (toolName === "replace_cell") void fill(preview, [given["cell_id"]], readCells, (cell) => change(cell, given["source"]));
  if (toolName === "run_cells") void fill(preview, given["cell_ids"], readCells, cellToRun);
  return preview;
}

/** What the ids stand for takes the place of them, as soon as the notebook has told. */
async function fill(preview: HTMLElement, ids: unknown, read: ReadCells, show: (cell: CellText) => HTMLElement): Promise<void> {
  const wanted = Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  const cells = await read(wanted)?.catch(() => null);
  // Where one is missing it is the tool's business to say so; the person sees what was asked for.
  if (cells?.length === wanted.length) preview.replaceChildren(...cells.map(show));
}

function newCell(cell: unknown): HTMLElement {
  const { type, source } = (cell ?? {}) as { type?: unknown; source?: unknown };
  const kind = type === "code" ? "Code" : type === "markdown" ? "Markdown" : String(type);
  return part(kind, text(source, type === "code" ? "python" : type === "markdown" ? "markdown" : ""));
}

function cellToRun({ number, source }: CellText): HTMLElement {
  return part(`Cell ${number}`, text(source, "python"));
}

function change({ number, source }: CellText, after: unknown): HTMLElement {
  const lines = lineDiff(source, typeof after === "string" ? after : JSON.stringify(after));
  const shown = lines.map(({ mark, text: line }) => h("span", { class: "whisperer-line", "data-mark": mark }, `${mark} ${line}\n`));
  return part(`Cell ${number}`, scrolled(h("code", {}, ...shown)));
}

function part(name: string, body: HTMLElement): HTMLElement {
  return h("div", { class: "whisperer-preview-part" }, h("span", { class: "whisperer-preview-name" }, name), body);
}

function text(value: unknown, language = ""): HTMLElement {
  const whole = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return scrolled(highlightedCode(whole.replace(/^\n+|\n+$/g, ""), language));
}

/** Scrolling it by keyboard needs focus. */
function scrolled(code: HTMLElement): HTMLElement {
  return h("pre", { tabindex: "0" }, code);
}
