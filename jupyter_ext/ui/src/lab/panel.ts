import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Cell } from "@jupyterlab/cells";
import type { Kernel } from "@jupyterlab/services";
import type { Surroundings } from "../notebook";
import type { Transport } from "../transport";
import { CellTools } from "./cellTools";
import { NotebookCells } from "./cells";
import { lookAround } from "./surroundings";
import { ToolClient } from "./toolClient";

/** By this name a kernel's code says which session its notebook has, where no chat is shown. */
const COMM_TARGET = "whisperer.cells";

/** What a kernel's code says when it opens a comm: the session, and the cell whose code it is. */
interface Opening {
  sessionId?: string;
  seq?: number;
  cellId?: string;
}

/** One open notebook: the sessions it has joined, and what the chats in it ask. */
export class Panel {
  readonly #cells: NotebookCells;
  readonly #client: ToolClient;
  /** By session: what shows it, a chat or the cell whose code it is. */
  readonly #shownBy = new Map<string, Element | string>();
  /** The cell that the person was last in, those with a chat left out: to use a chat one must click into its cell. */
  #lastActive: string | null = null;

  constructor(
    private readonly widget: NotebookPanel,
    transport: Transport,
  ) {
    this.#cells = new NotebookCells(widget);
    const tools = new CellTools(this.#cells, (sessionId) => this.#anchor(sessionId));
    this.#client = new ToolClient(transport, tools, () => this.#kernel?.id ?? null);
    widget.sessionContext.kernelChanged.connect((_, { newValue }) => {
      if (newValue) this.#attend(newValue);
    });
    if (this.#kernel) this.#attend(this.#kernel);
    widget.content.activeCellChanged.connect((_, cell) => {
      this.#activated(cell);
    });
    this.#activated(widget.content.activeCell);
  }

  contains(element: Element): boolean {
    return this.widget.node.contains(element);
  }

  runs(kernelId: string | null): boolean {
    return kernelId !== null && this.#kernel?.id === kernelId;
  }

  async join(sessionId: string, seq: number, shownBy: Element | string): Promise<null> {
    this.#shownBy.set(sessionId, shownBy);
    await this.#client.join(sessionId, seq);
    return null;
  }

  async insert(from: Element, { source, language, agent }: { source: string; language: string; agent: string }) {
    await this.widget.context.ready;
    const type = /^(?:md|markdown)$/i.test(language) ? "markdown" : "code";
    const behind = this.#cells.endOfMade(this.#cells.around(from));
    const origin = { agent, requestId: `by hand ${Date.now()} ${Math.random()}` };
    const [id] = this.#cells.insert([{ type, source, kind: "code" }], behind, origin);
    if (id) this.#cells.show(id);
    return null;
  }

  async replace(source: string): Promise<null> {
    await this.widget.context.ready;
    if (this.#lastActive === null) throw new Error("Click into the cell first that is to be replaced.");
    this.#cells.replace(this.#lastActive, source);
    this.#cells.show(this.#lastActive);
    return null;
  }

  async look(): Promise<Surroundings> {
    await this.widget.context.ready;
    return lookAround(this.#cells.all, this.#lastActive);
  }

  close(): void {
    this.#client.close();
  }

  get #kernel(): Kernel.IKernelConnection | null {
    return this.widget.sessionContext.session?.kernel ?? null;
  }

  #attend(kernel: Kernel.IKernelConnection): void {
    void this.#client.find();
    kernel.registerCommTarget(COMM_TARGET, async (comm, { content }) => {
      const { sessionId, seq, cellId } = content.data as Opening;
      if (sessionId) await this.join(sessionId, seq ?? 0, cellId ?? "");
      comm.send({ joined: sessionId ?? null });
    });
  }

  #anchor(sessionId: string): Cell | null {
    const shownBy = this.#shownBy.get(sessionId) ?? null;
    if (typeof shownBy !== "string") return this.#cells.around(shownBy);
    return this.#cells.all.find(({ model }) => model.id === shownBy) ?? null;
  }

  #activated(cell: Cell | null): void {
    if (cell && !cell.node.querySelector(".whisperer")) this.#lastActive = cell.model.id;
  }
}
