/** The cells of one notebook: what the tools read, put in, replace and run. Cells are named by their nbformat id. */

import type { Cell, ICodeCellModel, MarkdownCell } from "@jupyterlab/cells";
import type { CellText, Ticked } from "../notebook";
import { NotebookActions, type Notebook, type NotebookPanel } from "@jupyterlab/notebook";
import { defines } from "./definitions";
import { refuseWhatLoads } from "./elsewhere";
import { dressed, fingerprint, isUntouched, type Mark, markOf, type NewCell, type Origin } from "./marks";
import { hasFailed, outputsAsText, type Output } from "./outputs";

const MOST_LINE_CHARACTERS = 120;
const MOST_OUTLINE_CELLS = 150;

export interface CellOutline {
  id: string;
  type: string;
  first_line: string;
  lines: number;
  execution_count?: number;
  failed?: true;
}

/** Where cells are put in: behind a cell, at the end where that is null, or in the place of one. */
export type Spot = { behind: Cell | null } | { instead: Cell };

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
    const cell = this.find(id);
    if (!cell) throw new Error(`There is no cell with the id ${id}; call notebook_outline for the ids of now.`);
    return cell;
  }

  /** The cell that an element stands in. */
  around(element: Element | null): Cell | null {
    return this.all.find(({ node }) => element !== null && node.contains(element)) ?? null;
  }

  /** The cell of this id, where it is there. */
  find(id: string): Cell | null {
    return this.all.find(({ model }) => model.id === id) ?? null;
  }

  /** The cell whose code runs: the first of those that were sent to the kernel. */
  get running(): Cell | null {
    return this.all.find(isRunning) ?? null;
  }

  outline(): { cells: CellOutline[]; left_out?: number } {
    const cells = this.all.slice(0, MOST_OUTLINE_CELLS).map(outlineOf);
    const more = this.all.length - cells.length;
    return more > 0 ? { cells, left_out: more } : { cells };
  }

  read(ids: readonly string[]): unknown[] {
    return ids.map((id) => contentOf(this.get(id)));
  }

  /** The cell that defines a name: of several the one that was run last, else the last. */
  defining(name: string): Cell | null {
    const found = this.all.filter((cell) => cell.model.type === "code" && defines(sourceOf(cell), name));
    return found.reduce<Cell | null>((last, cell) => (last && runAt(last) > runAt(cell) ? last : cell), null);
  }

  /** The last cell of tests of this that an agent put in and nobody has changed since. */
  untouchedTestsOf(target: string): Cell | null {
    const isOne = (cell: Cell) => markOf(cell)?.kind === "test" && markOf(cell)?.testsOf === target && isUntouched(cell);
    return this.all.findLast(isOne) ?? null;
  }

  /**
   * Puts cells in as one step to undo. Returns their ids; those that are there already are not repeated. Rejects, like
   * `replace`, where markdown would load something from elsewhere; `spot` is asked once that is known.
   */
  async insert(cells: readonly NewCell[], spot: () => Spot, origin: Origin): Promise<string[]> {
    await refuseWhatLoads(cells, this.notebook.rendermime);
    const before = this.#madeBy(origin);
    if (before.length > 0) return before.map(({ model }) => model.id);
    return this.#putIn(cells, spot(), origin);
  }

  /** Behind a cell and what agents have put below it: what comes later stands further down. */
  endOfMade(after: Cell | null): Cell | null {
    if (after === null) return null;
    const following = this.all.slice(this.all.indexOf(after) + 1);
    const foreign = following.findIndex((cell) => markOf(cell) === null);
    return (foreign < 0 ? following : following.slice(0, foreign)).at(-1) ?? after;
  }

  /** One step to undo in that cell, as if the person had typed it. */
  async replace(id: string, source: string): Promise<void> {
    await refuseWhatLoads([{ type: this.get(id).model.type, source }], this.notebook.rendermime);
    const { sharedModel } = this.get(id).model;
    asOneStep(sharedModel, () => {
      sharedModel.setSource(source);
    });
  }

  /** Brings a plan's cell up to date, as one step to undo in it. What the person has changed stays as it is. */
  tick(planId: string, checklist: string): Ticked {
    const cells = this.all.filter((cell) => markOf(cell)?.kind === "plan" && markOf(cell)?.planId === planId);
    const untouched = cells.filter(isUntouched);
    for (const cell of untouched) if (sourceOf(cell) !== checklist) rewrite(cell, checklist);
    if (cells.length === 0) return "gone";
    return untouched.length === 0 ? "edited" : "ticked";
  }

  /** Those of these cells that are there. */
  texts(ids: readonly string[]): CellText[] {
    return this.all.flatMap((cell, index) => {
      const { id, type } = cell.model;
      return ids.includes(id) ? [{ id, number: index + 1, type, source: sourceOf(cell) }] : [];
    });
  }

  /** The first cell that a plan or a report put in. */
  madeFor(made: { planId?: string; reportId?: string }): Cell | null {
    const belongs = (mark: Partial<Mark> | null) =>
      mark !== null && (made.planId ? mark.planId === made.planId : mark.reportId === made.reportId);
    return this.all.find((cell) => belongs(markOf(cell))) ?? null;
  }

  /** Runs code cells one after the other, up to the first that fails. */
  async run(ids: readonly string[]): Promise<void> {
    const cells = ids.map((id) => this.get(id)).filter(({ model }) => model.type === "code");
    const { sessionContext } = this.panel;
    if (!sessionContext.session?.kernel) throw new Error("The notebook has no kernel: nothing was run.");
    await NotebookActions.runCells(this.notebook, cells, sessionContext);
  }

  /** Marks one cell, and no other, for those who look: `how` is why. */
  mark(marked: Cell | null, how: string): void {
    for (const { node } of this.all) delete node.dataset["whispererMark"];
    if (marked) marked.node.dataset["whispererMark"] = how;
  }

  /** Shows it, and keys go to it from now on: Shift+Enter runs it. */
  goTo(id: string): void {
    const index = this.all.findIndex(({ model }) => model.id === id);
    this.notebook.activeCellIndex = index;
    void this.notebook.scrollToItem(index);
    this.notebook.deselectAll();
    this.notebook.mode = "command";
    void NotebookActions.focusActiveCell(this.notebook);
  }

  #putIn(cells: readonly NewCell[], spot: Spot, origin: Origin): string[] {
    const shared = this.#shared;
    const isInstead = "instead" in spot;
    const at = isInstead ? this.all.indexOf(spot.instead) : spot.behind ? this.all.indexOf(spot.behind) + 1 : this.all.length;
    asOneStep(shared, () => {
      if (isInstead) shared.deleteCellRange(at, at + 1);
      shared.insertCells(at, cells.map((cell) => dressed(cell, origin)));
    });
    const made = this.all.slice(at, at + cells.length);
    for (const cell of made) if (isMarkdown(cell)) cell.rendered = true;
    return made.map(({ model }) => model.id);
  }

  get #shared() {
    const { model } = this.notebook;
    if (!model) throw new Error("The notebook is not loaded yet.");
    return model.sharedModel;
  }

  #madeBy({ requestId }: Origin): Cell[] {
    return this.all.filter((cell) => markOf(cell)?.requestId === requestId);
  }
}

/** What the shared models of notebooks and of cells have in common; some of it they keep out of their interfaces. */
interface Undoable {
  transact: (work: () => void) => void;
  undoManager?: { stopCapturing: () => void } | null;
}

/** Otherwise edits within half a second are one step with it. */
function asOneStep(shared: Undoable, work: () => void): void {
  shared.undoManager?.stopCapturing();
  shared.transact(work);
  shared.undoManager?.stopCapturing();
}

function rewrite(cell: Cell, source: string): void {
  const { sharedModel } = cell.model;
  asOneStep(sharedModel, () => {
    sharedModel.setSource(source);
    sharedModel.setMetadata("whisperer", { ...markOf(cell), written: fingerprint(source) });
  });
}

function runAt(cell: Cell): number {
  return (cell.model as ICodeCellModel).executionCount ?? 0;
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
  const line = source.trimStart().split("\n", 1)[0] ?? "";
  return line.length > MOST_LINE_CHARACTERS ? `${line.slice(0, MOST_LINE_CHARACTERS)}…` : line;
}

export function contentOf(cell: Cell) {
  const outputs = outputsAsText(outputsOf(cell));
  return { id: cell.model.id, type: cell.model.type, source: sourceOf(cell), ...(outputs.length > 0 && { outputs }) };
}

export function isRunning({ model }: Cell): boolean {
  return model.type === "code" && (model as ICodeCellModel).executionState === "running";
}

function isMarkdown(cell: Cell): cell is MarkdownCell {
  return cell.model.type === "markdown";
}
