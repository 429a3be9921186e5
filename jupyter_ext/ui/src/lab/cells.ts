/** The cells of one notebook: what the tools read, put in, replace and run. Cells are named by their nbformat id. */

import type { Cell, ICodeCellModel, MarkdownCell } from "@jupyterlab/cells";
import { NotebookActions, type Notebook, type NotebookPanel } from "@jupyterlab/notebook";
import { loadedFromElsewhere } from "./elsewhere";
import { hasFailed, outputsAsText, type Output } from "./outputs";

const MOST_LINE_CHARACTERS = 120;
const MOST_OUTLINE_CELLS = 150;

export interface NewCell {
  type: "code" | "markdown" | "raw";
  source: string;
  kind: string;
}

/** Where cells come from, kept in their metadata. */
export interface Origin {
  agent: string;
  /** One insertion: cells that carry it are not put in a second time. */
  requestId: string;
}

export interface CellOutline {
  id: string;
  type: string;
  first_line: string;
  lines: number;
  execution_count?: number;
  failed?: true;
}

export class NotebookCells {
  constructor(private readonly panel: NotebookPanel) {}

  get notebook(): Notebook {
    return this.panel.content;
  }

  get all(): readonly Cell[] {
    return this.notebook.widgets;
  }

  /** The cell of this id. There is no other that would do: the model looked at a notebook that has changed since. */
  get(id: string): Cell {
    const cell = this.all.find(({ model }) => model.id === id);
    if (!cell) throw new Error(`There is no cell with the id ${id}; call notebook_outline for the ids of now.`);
    return cell;
  }

  typeOf(id: string): NewCell["type"] {
    return this.get(id).model.type as NewCell["type"];
  }

  /** The cell that an element stands in. */
  around(element: Element | null): Cell | null {
    return this.all.find(({ node }) => element !== null && node.contains(element)) ?? null;
  }

  /** The cell whose code runs: the first of those that were sent to the kernel. */
  get running(): Cell | null {
    const runs = ({ model }: Cell) => model.type === "code" && (model as ICodeCellModel).executionState === "running";
    return this.all.find(runs) ?? null;
  }

  outline(): { cells: CellOutline[]; left_out?: number } {
    const cells = this.all.slice(0, MOST_OUTLINE_CELLS).map(outlineOf);
    const more = this.all.length - cells.length;
    return more > 0 ? { cells, left_out: more } : { cells };
  }

  read(ids: readonly string[]): unknown[] {
    return ids.map((id) => contentOf(this.get(id)));
  }

  /** Rejects where one of these would load something from another machine as soon as it is shown. */
  async refuseWhatLoads(cells: readonly Pick<NewCell, "type" | "source">[]): Promise<void> {
    for (const { source } of cells.filter(({ type }) => type === "markdown")) {
      const address = await loadedFromElsewhere(source, this.notebook.rendermime);
      if (address === null) continue;
      throw new Error(`Nothing was changed: a markdown cell would load ${shortened(address)}. Leave it out, or use a link.`);
    }
  }

  /** Puts cells in behind a cell, as one step to undo. Returns their ids; those that are there already are not repeated. */
  insert(cells: readonly NewCell[], after: Cell | null, origin: Origin): string[] {
    const before = this.#madeBy(origin);
    if (before.length > 0) return before.map(({ model }) => model.id);
    const shared = this.#shared;
    const at = after ? this.all.indexOf(after) + 1 : this.all.length;
    this.#asOneStep(() => {
      shared.insertCells(at, cells.map((cell) => dressed(cell, origin)));
    });
    const made = this.all.slice(at, at + cells.length);
    for (const cell of made) if (isMarkdown(cell)) cell.rendered = true;
    return made.map(({ model }) => model.id);
  }

  /** Behind a cell and what agents have put below it: what comes later stands further down. */
  endOfMade(after: Cell | null): Cell | null {
    if (after === null) return null;
    const following = this.all.slice(this.all.indexOf(after) + 1);
    const foreign = following.findIndex((cell) => originOf(cell) === null);
    return (foreign < 0 ? following : following.slice(0, foreign)).at(-1) ?? after;
  }

  /** One step to undo in that cell, as if the person had typed it. */
  replace(id: string, source: string): void {
    const { sharedModel } = this.get(id).model;
    const steps = sharedModel as unknown as Undoable;
    steps.undoManager?.stopCapturing();
    sharedModel.setSource(source);
    steps.undoManager?.stopCapturing();
  }

  /** Runs code cells one after the other, up to the first that fails. */
  async run(ids: readonly string[]): Promise<void> {
    const cells = ids.map((id) => this.get(id)).filter(({ model }) => model.type === "code");
    const { sessionContext } = this.panel;
    if (!sessionContext.session?.kernel) throw new Error("The notebook has no kernel: nothing was run.");
    await NotebookActions.runCells(this.notebook, cells, sessionContext);
  }

  show(id: string): void {
    const index = this.all.findIndex(({ model }) => model.id === id);
    this.notebook.activeCellIndex = index;
    void this.notebook.scrollToItem(index);
  }

  get #shared() {
    const { model } = this.notebook;
    if (!model) throw new Error("The notebook is not loaded yet.");
    return model.sharedModel;
  }

  /** Otherwise edits within half a second are one step with it. */
  #asOneStep(work: () => void): void {
    const shared = this.#shared;
    const steps = shared as unknown as Undoable;
    steps.undoManager?.stopCapturing();
    shared.transact(work);
    steps.undoManager?.stopCapturing();
  }

  #madeBy({ requestId }: Origin): Cell[] {
    return this.all.filter((cell) => originOf(cell)?.requestId === requestId);
  }
}

/** Of the shared models, which keep it out of their interface. */
interface Undoable {
  undoManager?: { stopCapturing: () => void };
}

function dressed({ type, source, kind }: NewCell, origin: Origin) {
  const metadata = { whisperer: { agent: origin.agent, kind, requestId: origin.requestId }, tags: ["whisperer"] };
  return { cell_type: type, source, metadata };
}

function originOf(cell: Cell): Partial<Origin> | null {
  const mark: unknown = cell.model.getMetadata("whisperer");
  return typeof mark === "object" && mark !== null ? mark : null;
}

export function sourceOf(cell: Cell): string {
  return cell.model.sharedModel.getSource();
}

export function outputsOf(cell: Cell): readonly Output[] {
  return cell.model.type === "code" ? ((cell.model as ICodeCellModel).outputs.toJSON()) : [];
}

export function outlineOf(cell: Cell): CellOutline {
  const source = sourceOf(cell);
  const count = cell.model.type === "code" ? (cell.model as ICodeCellModel).executionCount : null;
  return {
    id: cell.model.id,
    type: cell.model.type,
    first_line: firstLineOf(source),
    lines: source === "" ? 0 : source.split("\n").length,
    ...(count !== null && { execution_count: count }),
    ...(hasFailed(outputsOf(cell)) && { failed: true }),
  };
}

export function firstLineOf(source: string): string {
  return shortened(source.trimStart().split("\n", 1)[0] ?? "");
}

function shortened(line: string): string {
  return line.length > MOST_LINE_CHARACTERS ? `${line.slice(0, MOST_LINE_CHARACTERS)}…` : line;
}

export function contentOf(cell: Cell) {
  const outputs = outputsAsText(outputsOf(cell));
  return { id: cell.model.id, type: cell.model.type, source: sourceOf(cell), ...(outputs.length > 0 && { outputs }) };
}

function isMarkdown(cell: Cell): cell is MarkdownCell {
  return cell.model.type === "markdown";
}
