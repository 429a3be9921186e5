import type { AskNotebook, Ticked } from "../notebook";
import type { PlanStep, StepStatus } from "../protocol";
import type { MadePlan } from "../cards";
import { originWords } from "../words";
import { h, setText } from "./dom";
import { MadeCard, showButton } from "./madeCard";

export interface PlanSurroundings {
  ask: AskNotebook;
  /** What is shown is the newest, and somebody owns the cells: now the plan's cell can be brought up to date. */
  canTick: boolean;
  isLive: boolean;
  /** How many calls of its turn are done: after each of them the plan's cells may be there. */
  callsDone: (made: MadePlan) => number;
  onStep: (planId: string, stepId: string, status: StepStatus) => void;
}

const STATUS_WORDS: Readonly<Record<StepStatus, string>> = {
  open: "",
  doing: "under way",
  done: "",
  failed: "failed",
  skipped: "skipped",
};
const EDITED = "You have changed the plan's cell: it is no longer ticked off there.";

/** A plan and how far it has come. Its cell in the notebook follows, unless it is the person's own by now. */
export class PlanCard {
  readonly #card = new MadeCard("Plan", "whisperer-plan");
  readonly #goal = h("p", { class: "whisperer-made-goal" });
  readonly #steps = h("ol", {});
  readonly #origin = h("p", { class: "whisperer-made-note", hidden: true });
  readonly #note = h("p", { class: "whisperer-made-note", role: "status", hidden: true });
  readonly #show: HTMLButtonElement;
  readonly #lines: StepLine[] = [];
  #around: PlanSurroundings | null = null;
  #made: MadePlan | null = null;
  #ticked: MadePlan | null = null;
  /** So many calls were done when the notebook was last asked for the cells. */
  #lookedAfter: number | null = null;

  constructor() {
    this.#show = showButton(() => this.#around?.ask("show", { planId: this.#made?.plan.planId ?? "" }) ?? null);
    this.#show.hidden = true;
    this.element.append(this.#goal, this.#steps, this.#origin, this.#note, h("footer", {}, this.#show));
  }

  get element(): HTMLElement {
    return this.#card.element;
  }

  update(made: MadePlan, around: PlanSurroundings): void {
    this.#around = around;
    if (made !== this.#made) this.#write(made);
    void this.#look(made, around);
    for (const line of this.#lines) line.canChange = around.isLive;
    if (around.canTick && made !== this.#ticked) void this.#tick(made, around.ask);
  }

  /** Its cells are there, and can be shown, only once they were permitted. */
  async #look(made: MadePlan, { ask, canTick, callsDone }: PlanSurroundings): Promise<void> {
    const done = callsDone(made);
    if (!canTick || done === this.#lookedAfter || !this.#show.hidden) return;
    this.#lookedAfter = done;
    const isThere = await (ask("has", { planId: made.plan.planId })?.catch(() => false) ?? false);
    if (isThere) this.#show.hidden = false;
  }

  #write(made: MadePlan): void {
    this.#made = made;
    const { title, goal, steps = [] } = made.plan;
    const done = steps.filter(({ status }) => status === "done").length;
    this.#card.name(title ?? "", `${done} of ${steps.length} done`);
    setText(this.#goal, goal ?? "");
    setText(this.#origin, originWords(made.plan));
    steps.forEach((step, index) => {
      (this.#lines[index] ?? this.#addLine()).update(step);
    });
    for (const line of this.#lines.splice(steps.length)) line.element.remove();
  }

  #addLine(): StepLine {
    const line = new StepLine((stepId, status) => {
      this.#around?.onStep(this.#made?.plan.planId ?? "", stepId, status);
    });
    this.#lines.push(line);
    this.#steps.append(line.element);
    return line;
  }

  async #tick(made: MadePlan, ask: AskNotebook): Promise<void> {
    this.#ticked = made;
    const { checklist, plan } = made;
    const ticking = checklist === null ? null : ask("tick", { planId: plan.planId, checklist });
    const ticked: Ticked | null = ticking && (await ticking.catch(() => null));
    if (made === this.#made) setText(this.#note, ticked === "edited" ? EDITED : "");
  }
}

/** A step with its box. Whether it is ticked the server says: a click only asks. */
class StepLine {
  readonly element = h("li", {});
  readonly #box = h("input", { type: "checkbox" });
  readonly #title = h("span", { class: "whisperer-step-title" });
  readonly #status = h("span", { class: "whisperer-step-status" });
  #step: PlanStep | null = null;

  constructor(onStep: (stepId: string, status: StepStatus) => void) {
    this.element.append(h("label", {}, this.#box, h("span", {}, this.#title, this.#status)));
    this.#box.addEventListener("click", (event) => {
      event.preventDefault();
      if (this.#step?.stepId) onStep(this.#step.stepId, this.#step.status === "done" ? "open" : "done");
    });
  }

  set canChange(can: boolean) {
    this.#box.disabled = !can || this.#step?.stepId === undefined;
  }

  update(step: PlanStep): void {
    this.#step = step;
    const status = step.status ?? "open";
    this.element.dataset["status"] = status;
    setText(this.#title, step.title);
    setText(this.#status, STATUS_WORDS[status]);
    // Not now: the browser undoes what is done to a box whose click was refused, until that click is over.
    setTimeout(() => {
      this.#box.checked = this.#step?.status === "done";
    });
  }
}
