import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Cell } from "@jupyterlab/cells";
import type { Kernel } from "@jupyterlab/services";
import type { Answers, CellText, Surroundings, Ticked } from "../notebook";
import { randomId } from "../randomId";
import type { ServerAddress } from "../websocket";
import { CellTools } from "./cellTools";
import { NotebookCells } from "./cells";
import type { KernelComms } from "./kernelComm";
import { Reach } from "./reach";
import { hasChat, labelOf, lookAround, numberOf } from "./surroundings";
import { ToolClient } from "./toolClient";
import { Variables } from "./variables";

/** One open notebook: carries out the tools of its kernel's sessions, and what the chats in it ask. */
export class Panel {
  readonly #cells: NotebookCells;
  readonly #client: ToolClient;
  /** How sessions of this notebook are reached. */
  readonly reach: Reach;
  /** By session: the chat that shows it. */
  readonly #chats = new Map<string, Element>();
  /** The cell that the person was last in, those with a chat left out: to use a chat one must click into its cell. */
  #lastActive: string | null = null;
  #variables: Variables | null = null;

  /** What chats ask of this notebook. */
  readonly answers: Answers = {
    join: (from, { sessionId }) => this.#join(sessionId, from),
    insert: (from, code) => this.#insert(from, code),
    replace: (_, { source }) => this.#replace(source),
    point: (from, { does }) => this.#point(from, does),
    tick: (_, { planId, checklist }) => this.#tick(planId, checklist),
    show: (_, made) => this.#show(made),
    has: (_, made) => this.#has(made),
    read: (_, { cellIds }) => this.#read(cellIds),
    look: () => this.#look(),
    name: (_, { cellId }) => this.#name(cellId),
    // Not the notebook's.
    preferences: () => null,
  };

  constructor(
    readonly widget: NotebookPanel,
    server: ServerAddress,
    comms: KernelComms,
  ) {
    this.#cells = new NotebookCells(widget);
    this.reach = new Reach(server, comms);
    const tools = new CellTools(this.#cells, (sessionId, cellId) => this.#anchor(sessionId, cellId));
    this.#client = new ToolClient(this.reach.transport("cells"), tools);
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

  get kernelId(): string | null {
    return this.#kernel?.id ?? null;
  }

  runs(kernelId: string | null): boolean {
    return kernelId !== null && this.kernelId === kernelId;
  }

  async #join(sessionId: string, chat: Element): Promise<string> {
    // One beside the notebook says nothing of where its cells go.
    if (this.#cells.around(chat)) this.#chats.set(sessionId, chat);
    await this.#client.attached;
    return this.#kernel?.clientId ?? "";
  }

  /** The person stays where she is: neither is the page scrolled, nor is the new cell what is replaced next. */
  async #insert(from: Element, { source, language, agent }: { source: string; language: string; agent: string }) {
    await this.widget.context.ready;
    const type = /^(?:md|markdown)$/i.test(language) ? "markdown" : "code";
    const origin = { agent, requestId: `by hand ${randomId()}` };
    const [id] = await this.#cells.insert([{ type, source, kind: "code" }], () => ({ behind: this.#placeBehind(from) }), origin);
    return `Inserted as ${this.#numberOf(this.#cells.get(id ?? ""))}`;
  }

  async #replace(source: string): Promise<string> {
    await this.widget.context.ready;
    const cell = this.person;
    if (!cell) throw new Error("Click into a cell first");
    await this.#cells.replace(cell.model.id, source);
    return `Replaced ${this.#numberOf(cell)}`;
  }

  async #tick(planId: string, checklist: string): Promise<Ticked> {
    await this.widget.context.ready;
    return this.#cells.tick(planId, checklist);
  }

  async #show(made: { planId: string } | { reportId: string }): Promise<null> {
    await this.widget.context.ready;
    const cell = this.#cells.madeFor(made);
    if (!cell) throw new Error("Not in this notebook");
    this.#cells.goTo(cell.model.id);
    return null;
  }

  async #has(made: { planId: string }): Promise<boolean> {
    await this.widget.context.ready;
    return this.#cells.madeFor(made) !== null;
  }

  async #read(cellIds: readonly string[]): Promise<CellText[]> {
    await this.widget.context.ready;
    return this.#cells.texts(cellIds);
  }

  async #point(from: Element, does: "insert" | "replace" | null): Promise<string> {
    await this.widget.context.ready;
    const cell = does === "insert" ? this.#placeBehind(from) : this.person;
    this.#cells.mark(does && cell, does ?? "");
    if (does === "insert") return cell ? `Insert below ${this.#numberOf(cell)}` : "Insert below the last cell";
    return cell ? `Replace ${lowered(labelOf(cell, this.#cells.all))}` : "Replace cell: click into one first";
  }

  async #look(): Promise<Surroundings> {
    await this.widget.context.ready;
    const variables = (await this.#variables?.names()) ?? [];
    return { ...lookAround(this.#cells.all, this.person), variables };
  }

  async #name(cellId: string): Promise<string> {
    await this.widget.context.ready;
    return labelOf(this.#cells.get(cellId), this.#cells.all);
  }

  get cells(): NotebookCells {
    return this.#cells;
  }

  close(): void {
    this.reach.close();
    this.#client.close();
  }

  get #kernel(): Kernel.IKernelConnection | null {
    return this.widget.sessionContext.session?.kernel ?? null;
  }

  #attend(kernel: Kernel.IKernelConnection): void {
    this.#client.attach(kernel.id, kernel.clientId);
    this.#variables = new Variables(kernel);
    this.reach.follow(kernel);
  }

  #anchor(sessionId: string, cellId = ""): Cell | null {
    // Code that asks from a cell; a chat in one; else one beside the notebook, or code of a cell that is not known.
    const asking = this.#cells.find(cellId) ?? this.#cells.around(this.#chats.get(sessionId) ?? null);
    return asking ?? this.#cells.running ?? this.person;
  }

  #placeBehind(chat: Element): Cell | null {
    return this.#cells.endOfMade(this.#cells.around(chat) ?? this.person);
  }

  #numberOf(cell: Cell): string {
    return numberOf(cell, this.#cells.all);
  }

  /** Where the person is. A chat may have come into that cell since. */
  get person(): Cell | null {
    return this.#cells.all.find((cell) => cell.model.id === this.#lastActive && !hasChat(cell)) ?? null;
  }

  #activated(cell: Cell | null): void {
    if (cell && !hasChat(cell)) this.#lastActive = cell.model.id;
  }
}

function lowered(label: string): string {
  return label.charAt(0).toLowerCase() + label.slice(1);
}
