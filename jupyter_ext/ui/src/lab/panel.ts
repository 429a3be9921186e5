import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Cell } from "@jupyterlab/cells";
import type { Kernel } from "@jupyterlab/services";
import type { Surroundings } from "../notebook";
import type { Transport } from "../transport";
import { CellTools } from "./cellTools";
import { NotebookCells, type NewCell } from "./cells";
import { lookAround } from "./surroundings";
import { ToolClient } from "./toolClient";

/** One open notebook: carries out the tools of its kernel's sessions, and what the chats in it ask. */
export class Panel {
  readonly #cells: NotebookCells;
  readonly #client: ToolClient;
  /** By session: the chat that shows it. */
  readonly #chats = new Map<string, Element>();
  /** The cell that the person was last in, those with a chat left out: to use a chat one must click into its cell. */
  #lastActive: string | null = null;

  constructor(
    private readonly widget: NotebookPanel,
    transport: Transport,
  ) {
    this.#cells = new NotebookCells(widget);
    const tools = new CellTools(this.#cells, (sessionId) => this.#anchor(sessionId));
    this.#client = new ToolClient(transport, tools);
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

  async join(sessionId: string, chat: Element): Promise<null> {
    this.#chats.set(sessionId, chat);
    await this.#client.attached;
    return null;
  }

  async insert(from: Element, { source, language, agent }: { source: string; language: string; agent: string }) {
    await this.widget.context.ready;
    const type = /^(?:md|markdown)$/i.test(language) ? "markdown" : "code";
    const made: NewCell = { type, source, kind: "code" };
    await this.#cells.refuseWhatLoads([made]);
    const behind = this.#cells.endOfMade(this.#cells.around(from));
    const origin = { agent, requestId: `by hand ${Date.now()} ${Math.random()}` };
    const [id] = this.#cells.insert([made], behind, origin);
    if (id) this.#cells.show(id);
    return null;
  }

  async replace(source: string): Promise<null> {
    await this.widget.context.ready;
    const cell = this.#person;
    if (!cell) throw new Error("Click into a cell first");
    await this.#cells.refuseWhatLoads([{ type: this.#cells.typeOf(cell.model.id), source }]);
    this.#cells.replace(cell.model.id, source);
    this.#cells.show(cell.model.id);
    return null;
  }

  async look(): Promise<Surroundings> {
    await this.widget.context.ready;
    return lookAround(this.#cells.all, this.#person);
  }

  close(): void {
    this.#client.close();
  }

  get #kernel(): Kernel.IKernelConnection | null {
    return this.widget.sessionContext.session?.kernel ?? null;
  }

  #attend(kernel: Kernel.IKernelConnection): void {
    this.#client.attach(kernel.id);
  }

  #anchor(sessionId: string): Cell | null {
    // Where no chat shows it, it is code in a cell that asks, and waits for the answer.
    return this.#cells.around(this.#chats.get(sessionId) ?? null) ?? this.#cells.running;
  }

  /** Where the person is. A chat may have come into that cell since. */
  get #person(): Cell | null {
    return this.#cells.all.find((cell) => cell.model.id === this.#lastActive && !hasChat(cell)) ?? null;
  }

  #activated(cell: Cell | null): void {
    if (cell && !hasChat(cell)) this.#lastActive = cell.model.id;
  }
}

function hasChat({ node }: Cell): boolean {
  return node.querySelector(".whisperer") !== null;
}
