import type { Plan, Report } from "../protocol";
import type { Card } from "../state";
import { h } from "./dom";

/** A plan or a test report in a few lines; the whole of it stands in the notebook. */
export class MadeCard {
  readonly element = h("article", { class: "whisperer-made" });
  #shown: Card["made"] | null = null;

  update({ made }: Card): void {
    if (made === this.#shown) return;
    this.#shown = made;
    if ("plan" in made) this.#showPlan(made.plan);
    else this.#showReport(made.report);
  }

  #showPlan({ title, goal, steps }: Plan): void {
    this.#name("Plan", title ?? goal ?? "");
    const lines = (steps ?? []).map(({ title: step, status }) =>
      h("li", { "data-status": status ?? "" }, step, h("span", { class: "whisperer-made-status" }, status ?? "")),
    );
    if (lines.length > 0) this.element.append(h("ol", {}, ...lines));
  }

  #showReport({ target, counts, outcomes, placing }: Report): void {
    this.#name("Test report", target ?? "");
    const words = Object.entries(counts ?? {}).map(([name, count]) => `${count} ${name}`);
    const others = (outcomes ?? []).filter(({ verdict }) => verdict !== "passed");
    const lines = others.map(({ name, verdict, reason }) => h("li", {}, [`${name}: ${verdict}`, reason].filter(Boolean).join(", ")));
    if (words.length > 0) this.element.append(h("p", {}, words.join(" · ")));
    if (lines.length > 0) this.element.append(h("ul", {}, ...lines));
    if (placing) this.element.append(h("p", {}, placing));
  }

  #name(kind: string, title: string): void {
    this.element.setAttribute("aria-label", kind);
    const name = h("header", {}, h("span", { class: "whisperer-made-kind" }, kind), h("strong", {}, title));
    this.element.replaceChildren(name);
  }
}
