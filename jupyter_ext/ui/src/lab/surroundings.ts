/** What of a notebook a person may want to show to an agent. */

import type { Cell, ICodeCellModel } from "@jupyterlab/cells";
import type { Offer, Surroundings } from "../notebook";
import { firstLineOf, outputsOf, sourceOf } from "./cells";
import { hasFailed, outputsAsText } from "./outputs";

/** The first function or class that a cell defines. */
const DEFINITION = /^(?:async\s+)?(?:def|class)\s+(\w+)/m;

/** Of the cells those that hold no chat. */
export function lookAround(all: readonly Cell[], active: Cell | null): Omit<Surroundings, "variables"> {
  const cells = all.filter((cell) => !hasChat(cell));
  const last = lastFailed(cells);
  const selected = active && selectionIn(active);
  return {
    near: [
      ...(active && selected ? [partOf(active, "Selection", selected, selected)] : []),
      ...(active ? [{ ...offerOf(active, all), label: `Active cell: ${firstLineOf(sourceOf(active))}` }] : []),
      ...(last ? [partOf(last, "Last error", errorLine(last), failureOf(last))] : []),
    ],
    cells: cells.filter((cell) => cell !== active && sourceOf(cell).trim() !== "").map((cell) => offerOf(cell, all)),
  };
}

export function offerOf(cell: Cell, all: readonly Cell[]): Offer {
  return {
    label: labelOf(cell, all),
    name: definitionIn(cell) ?? numberOf(cell, all),
    item: { type: "cell", cellId: cell.model.id },
  };
}

export function definitionIn(cell: Cell): string | null {
  return DEFINITION.exec(sourceOf(cell))?.[1] ?? null;
}

/** What a cell is called: where it stands, and how it begins. */
export function labelOf(cell: Cell, all: readonly Cell[]): string {
  const line = firstLineOf(sourceOf(cell));
  const number = numberOf(cell, all).replace("cell", "Cell");
  return line === "" ? number : `${number}: ${line}`;
}

export function numberOf(cell: Cell, all: readonly Cell[]): string {
  return `cell ${all.indexOf(cell) + 1}`;
}

export function hasChat({ node }: Cell): boolean {
  return node.querySelector(".whisperer") !== null;
}

/** The failed cell that was run last; of cells that were loaded from a file, the last one. */
function lastFailed(cells: readonly Cell[]): Cell | undefined {
  const failed = cells.filter((cell) => hasFailed(outputsOf(cell)));
  return failed.sort((one, other) => countOf(one) - countOf(other)).at(-1);
}

function partOf(cell: Cell, what: string, line: string, text: string): Offer {
  return {
    label: `${what}: ${firstLineOf(line)}`,
    name: `the ${what.toLowerCase()}`,
    item: { type: "selection", cellId: cell.model.id, text },
  };
}

function selectionIn({ editor }: Cell): string {
  if (!editor) return "";
  const { start, end } = editor.getSelection();
  const [one, other] = [editor.getOffsetAt(start), editor.getOffsetAt(end)];
  return editor.model.sharedModel.getSource().slice(Math.min(one, other), Math.max(one, other));
}

/** A cell with what it raised, as text for a model. */
export function failureOf(cell: Cell): string {
  const outputs = outputsOf(cell).filter((output) => output["output_type"] === "error");
  return [sourceOf(cell), ...outputsAsText(outputs)].join("\n\n");
}

function errorLine(cell: Cell): string {
  const error = outputsOf(cell).find((output) => output["output_type"] === "error");
  return firstLineOf(`${String(error?.["ename"])}: ${String(error?.["evalue"])}`);
}

function countOf(cell: Cell): number {
  return (cell.model as ICodeCellModel).executionCount ?? 0;
}
