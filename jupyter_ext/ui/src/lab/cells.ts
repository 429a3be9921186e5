/** The cells of one notebook: what the tools read, put in, replace and run. Cells are named by their nbformat id. */

import type { Cell, ICodeCellModel, MarkdownCell } from "@jupyterlab/cells";
import { NotebookActions, type Notebook, type NotebookPanel } from "@jupyterlab/notebook";
import { hasFailed, outputsAsText, type Output } from "./outputs";

const MOST_LINE_CHARACTERS = 120;
const MOST_OUTLINE_CELLS = 150;

export interface NewCell {
  type: "code" | "markdown" | "raw";
  source: string;
  kind: string;
  /** What a cell of tests tests. */
  testsOf?: string | undefined;
}

/** Where cells come from, kept in their metadata. */
export interface Origin {
  agent: string;
  /** One insertion: cells that carry it are not put in a second time. */
  requestId: string;
}

interface Mark extends Origin, Pick<NewCell, "kind" | "testsOf"> {
  /** Of a cell of tests: the fingerprint of its source as it was put in. Another source is the person's. */
  written?: string;
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

  /** The cell that defines a name: of several the one that was run last, else the last. */
  defining(name: string): Cell | null {
    const found = this.all.filter((cell) => cell.model.type === "code" && defines(sourceOf(cell), name));
    return found.reduce<Cell | null>((last, cell) => (last && runAt(last) > runAt(cell) ? last : cell), null);
  }

  /** A code cell whose text is this. */
  holds(source: string): boolean {
    return this.all.some((cell) => cell.model.type === "code" && sourceOf(cell).trim() === source.trim());
  }

  /** The last cell of tests of this that an agent put in and nobody has changed since. */
  unchangedTestsOf(target: string): Cell | null {
    const isUnchanged = (cell: Cell) => {
      const mark = markOf(cell);
      return mark?.kind === "test" && mark.testsOf === target && mark.written === fingerprint(sourceOf(cell));
    };
    return this.all.findLast(isUnchanged) ?? null;
  }

  /** Puts cells in behind a cell, as one step to undo. Returns their ids; those that are there already are not repeated. */
  insert(cells: readonly NewCell[], after: Cell | null, origin: Origin): string[] {
    const before = this.#madeBy(origin);
    if (before.length > 0) return before.map(({ model }) => model.id);
    return this.#putIn(cells, after ? this.all.indexOf(after) + 1 : this.all.length, 0, origin);
  }

  /** Puts cells in the place of another, as one step to undo. */
  insertInstead(cells: readonly NewCell[], of: Cell, origin: Origin): string[] {
    return this.#putIn(cells, this.all.indexOf(of), 1, origin);
  }

  /** Behind a cell and what agents have put below it: what comes later stands further down. */
  endOfMade(after: Cell | null): Cell | null {
    if (after === null) return null;
    const following = this.all.slice(this.all.indexOf(after) + 1);
    const foreign = following.findIndex((cell) => markOf(cell) === null);
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

  #putIn(cells: readonly NewCell[], at: number, instead: number, origin: Origin): string[] {
    const shared = this.#shared;
    this.#asOneStep(() => {
      if (instead > 0) shared.deleteCellRange(at, at + instead);
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

  /** Otherwise edits within half a second are one step with it. */
  #asOneStep(work: () => void): void {
    const shared = this.#shared;
    const steps = shared as unknown as Undoable;
    steps.undoManager?.stopCapturing();
    shared.transact(work);
    steps.undoManager?.stopCapturing();
  }

  #madeBy({ requestId }: Origin): Cell[] {
    return this.all.filter((cell) => markOf(cell)?.requestId === requestId);
  }
}

/** Of the shared models, which keep it out of their interface. */
interface Undoable {
  undoManager?: { stopCapturing: () => void };
}

function dressed({ type, source, kind, testsOf }: NewCell, { agent, requestId }: Origin) {
  const whisperer = {
    agent,
    kind,
    requestId,
    ...(testsOf && { testsOf }),
    ...(kind === "test" && { written: fingerprint(source) }),
  };
  return { cell_type: type, source, metadata: { whisperer, tags: ["whisperer"] } };
}

function markOf(cell: Cell): Partial<Mark> | null {
  const mark: unknown = cell.model.getMetadata("whisperer");
  return typeof mark === "object" && mark !== null ? mark : null;
}

/** FNV-1a over the text's characters: enough to see that somebody has typed. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Magics under which a cell's own code runs in the notebook; under others it defines nothing there. */
const RUN_HERE = new Set(["time", "capture"]);

/** Whether code gives a name a meaning at its top level, as a function, class or value. */
function defines(source: string, name: string): boolean {
  const magic = /^\s*%%(\w+)/.exec(source)?.[1];
  if (magic !== undefined && !RUN_HERE.has(magic)) return false;
  const statement = `^(?:async\\s+def|def|class)\\s+${name}(?![\\p{L}\\p{N}_])|^${name}\\s*(?::[^=\\n]*)?=(?!=)`;
  return new RegExp(statement, "mu").test(source);
}

function runAt(cell: Cell): number {
  return (cell.model as ICodeCellModel).executionCount ?? 0;
}

export function hasChat({ node }: Cell): boolean {
  return node.querySelector(".whisperer") !== null;
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

function isMarkdown(cell: Cell): cell is MarkdownCell {
  return cell.model.type === "markdown";
}
