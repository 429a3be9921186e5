/** What of a notebook a person may want to show to an agent. */

import type { Cell, ICodeCellModel } from "@jupyterlab/cells";
import type { Offer, Surroundings } from "../notebook";
import { firstLineOf, outputsOf, sourceOf } from "./cells";
import { hasFailed, outputsAsText } from "./outputs";

export function lookAround(cells: readonly Cell[], active: Cell | null): Surroundings {
  const failed = cells.filter((cell) => hasFailed(outputsOf(cell)));
  // The one that was run last; of cells that were loaded from a file, the last one.
  const last = failed.sort((one, other) => countOf(one) - countOf(other)).at(-1);
  const selected = active && selectionIn(active);
  return {
    near: [
      ...(active && selected ? [{ label: `Selection: ${firstLineOf(selected)}`, item: selection(active, selected) }] : []),
      ...(active ? [offer("Active cell", active)] : []),
      ...(last ? [{ label: `Last error: ${errorLine(last)}`, item: selection(last, failureOf(last)) }] : []),
    ],
    cells: cells.filter((cell) => sourceOf(cell).trim() !== "").map((cell) => offer(nameOf(cell, cells), cell)),
  };
}

function offer(name: string, cell: Cell): Offer {
  return { label: `${name}: ${firstLineOf(sourceOf(cell))}`, item: { type: "cell", cellId: cell.model.id } };
}

function nameOf(cell: Cell, cells: readonly Cell[]): string {
  return `Cell ${cells.indexOf(cell) + 1}`;
}

function selection(cell: Cell, text: string): Offer["item"] {
  return { type: "selection", cellId: cell.model.id, text };
}

function selectionIn({ editor }: Cell): string {
  if (!editor) return "";
  const { start, end } = editor.getSelection();
  const [one, other] = [editor.getOffsetAt(start), editor.getOffsetAt(end)];
  return editor.model.sharedModel.getSource().slice(Math.min(one, other), Math.max(one, other));
}

function failureOf(cell: Cell): string {
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
