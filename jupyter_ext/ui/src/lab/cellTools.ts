/** The tools by which agents touch cells, as `whisperer_kernel/tools/cells.py` describes them to the model. */

import type { Cell } from "@jupyterlab/cells";
import type { NotificationParams, ToolCallParams } from "../protocol";
import type { Notification } from "../transport";
import { contentOf, isRunning, type NotebookCells, type Spot } from "./cells";
import type { NewCell } from "./marks";
import { hasChat } from "./surroundings";
import type { Tools } from "./toolClient";

/** How long to wait for cells that were put in and run, and for cells that were only run: less than the server waits. */
const INSERTED_MS = 25_000;
const RUN_MS = 590_000;
const QUEUED = "They run as soon as the cell that asks has ended. It waits for this answer, so their outputs come after it.";

interface WireCell {
  type: NewCell["type"];
  source: string;
  kind?: string;
  plan_id?: string;
  step_id?: string;
  report_id?: string;
  tests_of?: string;
}

interface Arguments {
  cells?: WireCell[];
  after?: string | null;
  below_definition_of?: string | null;
  replacing?: string | null;
  run?: boolean;
  target?: string;
  cell_id?: string;
  cell_ids?: string[];
  source?: string;
}

type CarryOut = (given: Arguments, call: ToolCallParams, sessionId: string) => unknown;

export class CellTools implements Tools {
  readonly #tools: Readonly<Record<string, CarryOut>> = {
    notebook_outline: () => this.cells.outline(),
    read_cells: ({ cell_ids }) => ({ cells: this.cells.read(cell_ids ?? []) }),
    insert_cells: (given, call, sessionId) => this.#insert(given, call, sessionId),
    place_of_tests: ({ target }) => this.#placeOfTests(target ?? ""),
    replace_cell: async ({ cell_id, source }) => {
      await this.cells.replace(cell_id ?? "", source ?? "");
      return { replaced: cell_id };
    },
    run_cells: ({ cell_ids }, call) => this.#run(cell_ids ?? [], RUN_MS, call),
  };

  constructor(
    private readonly cells: NotebookCells,
    /** Where a session's cells go that are not told where to go. */
    private readonly anchor: (sessionId: string, cellId?: string) => Cell | null,
  ) {}

  get names(): readonly string[] {
    return Object.keys(this.#tools);
  }

  /** A plan has changed: its cell follows, whether or not a chat shows it. */
  heard({ method, params }: Notification): void {
    if (method !== "plan.updated") return;
    const { plan, checklist } = params as unknown as NotificationParams["plan.updated"];
    if (checklist) this.cells.tick(plan.planId, checklist);
  }

  async carryOut(call: ToolCallParams, sessionId: string): Promise<string> {
    const tool = this.#tools[call.toolName];
    if (!tool) throw new Error(`This notebook has no tool named ${call.toolName}.`);
    // Another notebook of the same kernel may ask, whose own cells nobody here owns.
    if (call.cellId && !this.cells.find(call.cellId)) throw new Error("The cell that asks is not in the notebook that is open.");
    return JSON.stringify(await tool(call.arguments, call, sessionId));
  }

  async #insert(given: Arguments, call: ToolCallParams, sessionId: string) {
    const cells = (given.cells ?? []).map(newCell);
    let where = "where they were put before";
    const spot = (): Spot => {
      const earlier = this.#replaceable(given.replacing, cells);
      const place = this.#place(given, this.anchor(sessionId, call.cellId));
      where = earlier ? "in the place of the earlier ones" : place.where;
      return earlier ? { instead: earlier } : place;
    };
    const inserted = await this.cells.insert(cells, spot, { agent: call.agent, requestId: call.toolCallId });
    return { inserted, where, ...(given.run ? await this.#run(inserted, INSERTED_MS, call) : {}) };
  }

  /** Whatever has happened to the notebook since it was looked at, what a person has written is not replaced. */
  #replaceable(id: string | null | undefined, [cell]: readonly NewCell[]): Cell | null {
    const earlier = id && cell?.testsOf ? this.cells.untouchedTestsOf(cell.testsOf) : null;
    return earlier?.model.id === id ? earlier : null;
  }

  #place({ after, below_definition_of: name }: Arguments, anchor: Cell | null): { behind: Cell | null; where: string } {
    if (after) return { behind: this.cells.get(after), where: "below the cell that was named" };
    const definition = name ? this.cells.defining(name) : null;
    if (definition) return { behind: this.cells.endOfMade(definition), where: `below the cell that defines ${name}` };
    const usual = anchor ? `below the ${hasChat(anchor) ? "chat" : "cell that asks"}` : "at the end";
    return { behind: this.cells.endOfMade(anchor), where: name ? `${usual}: no cell defines ${name}` : usual };
  }

  #placeOfTests(target: string) {
    const [name = ""] = target.split(".", 1);
    return { earlier: this.cells.untouchedTestsOf(target)?.model.id ?? null, defined: this.cells.defining(name) !== null };
  }

  /** A kernel may be busy for as long as it likes; the turn is told what there is until then. */
  async #run(ids: readonly string[], patienceMs: number, { cellId }: ToolCallParams) {
    const asking = this.cells.find(cellId ?? "");
    if (asking && isRunning(asking)) return this.#queue(ids, asking);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, patienceMs, "late");
    });
    const end = await Promise.race([this.cells.run(ids), tooLong]);
    clearTimeout(timer);
    const ran = ids.map((id) => contentOf(this.cells.get(id))).filter(({ type }) => type === "code");
    const outputs = ran.map(({ id, outputs: texts }) => ({ id, outputs: texts ?? [] }));
    return end === "late" ? { still_running: true, ran: outputs } : { ran: outputs };
  }

  /** The cell that asks waits for the turn, and the kernel for that cell. */
  #queue(ids: readonly string[], asking: Cell) {
    if (ids.includes(asking.model.id)) throw new Error("This is the cell that asks: it would ask for itself again.");
    void this.cells.run(ids);
    return { queued: ids, note: QUEUED };
  }
}

function newCell({ type, source, kind, plan_id, step_id, report_id, tests_of }: WireCell): NewCell {
  return { type, source, kind: kind ?? "code", planId: plan_id, stepId: step_id, reportId: report_id, testsOf: tests_of };
}
