import type { MadeReport } from "../cards";
import type { AskNotebook } from "../notebook";
import type { Outcome, Report } from "../protocol";
import { h } from "./dom";
import { MadeCard, showButton } from "./madeCard";
import { timeOf } from "./time";

const CHARACTERISATION = "They record what the code does today, its mistakes included; nobody has said what is right.";

/** What came of running tests: the counts, everything that did not pass with its reason, and where the others are. */
export class ReportCard {
  readonly #card = new MadeCard("Tests", "whisperer-report");
  readonly #body = h("div", {});
  #shown: MadeReport | null = null;

  constructor() {
    this.element.append(this.#body);
  }

  get element(): HTMLElement {
    return this.#card.element;
  }

  update(made: MadeReport, ask: AskNotebook): void {
    if (made === this.#shown) return;
    this.#shown = made;
    const { report } = made;
    const { target, counts, outcomes = [], origin, missing = [], notes = [] } = report;
    this.#card.name(target ?? "", "");
    const others = outcomes.filter(({ verdict }) => verdict !== "passed");
    const said = [...(missing.length > 0 ? [`The run did without: ${missing.join("; ")}`] : []), ...notes];
    this.#body.replaceChildren(
      h("p", { class: "whisperer-counts" }, ...Object.entries(counts ?? {}).map(countOf)),
      ...runOf(made),
      ...(origin === "characterisation" ? [h("p", { class: "whisperer-made-note" }, CHARACTERISATION)] : []),
      ...others.map(outcomeOf),
      ...said.map((words) => h("p", { class: "whisperer-made-note" }, words)),
      footer(report, ask),
    );
  }
}

/** Which run the card tells of: the cell may have said otherwise since. */
function runOf({ report: { inserted }, reportedAt }: MadeReport): HTMLElement[] {
  const run = inserted ? ["The run before the tests came into the notebook"] : [];
  const when = reportedAt === null ? [] : [inserted ? ", reported at " : "Reported at ", timeOf(reportedAt)];
  return run.length + when.length === 0 ? [] : [h("p", { class: "whisperer-made-note" }, ...run, ...when, ".")];
}

function countOf([verdict, count]: [string, number]): HTMLElement {
  return h("span", { class: "whisperer-count", "data-verdict": verdict }, `${markOf(verdict)} ${count} ${verdict}`);
}

/** The reason's first line says most of it; the diff is on demand. */
function outcomeOf({ name, verdict, reason = "" }: Outcome): HTMLElement {
  const [first = ""] = reason.trim().split("\n", 1);
  return h(
    "details",
    { class: "whisperer-outcome" },
    h(
      "summary",
      {},
      h("code", {}, name),
      " ",
      h("span", { class: "whisperer-verdict", "data-verdict": verdict }, verdict),
      h("span", { class: "whisperer-outcome-why" }, first),
    ),
    // Scrolling it by keyboard needs focus.
    h("pre", { tabindex: "0" }, reason),
  );
}

function footer({ inserted, placing, reportId }: Report, ask: AskNotebook): HTMLElement {
  const show = inserted ? [showButton(() => ask("show", { reportId }))] : [];
  return h("footer", {}, ...(placing ? [h("span", {}, placing)] : []), ...show);
}

function markOf(verdict: string): string {
  return verdict === "passed" ? "✓" : verdict === "skipped" ? "–" : "✗";
}
