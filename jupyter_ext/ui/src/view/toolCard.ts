import type { ToolCall } from "../toolCalls";
import { isKnown, toolTitle } from "../toolWords";
import { toolStatusWords } from "../words";
import { h, setText } from "./dom";

const MOST_CHARACTERS = 4_000;

/** One tool call: what it does and how it stands; arguments and result on demand. */
export class ToolCard {
  readonly element = h("details", { class: "whisperer-tool" });
  readonly #title = h("span", { class: "whisperer-tool-title" });
  readonly #name = h("code", { class: "whisperer-tool-name" });
  readonly #status = h("span", { class: "whisperer-tool-status" });
  /** Why it was not done: to be seen without a click. */
  readonly #problem = h("span", { class: "whisperer-tool-problem", hidden: true });
  readonly #arguments = section("Called with");
  readonly #result = section("Result");
  #shown: ToolCall | null = null;

  constructor() {
    const line = h("span", { class: "whisperer-tool-line" }, this.#title, this.#name, this.#status);
    this.element.append(
      h("summary", {}, line, this.#problem),
      this.#arguments.element,
      this.#result.element,
    );
  }

  update(call: ToolCall): void {
    if (call === this.#shown) return;
    this.#shown = call;
    this.element.dataset["status"] = call.status;
    this.#title.textContent = toolTitle(call.toolName, call.arguments);
    setText(this.#name, isKnown(call.toolName) ? call.toolName : "");
    setText(this.#status, toolStatusWords(call.status));
    const problem = call.status === "cancelled" || call.isRefused ? "" : (call.error ?? "");
    setText(this.#problem, problem.trim().split("\n", 1)[0] ?? "");
    this.#arguments.show(argumentLines(call.arguments));
    this.#result.show(call.error ?? indented(call.result ?? ""));
  }
}

export function argumentLines(values: Record<string, unknown>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value, null, 2)}`)
    .join("\n");
}

function section(name: string) {
  // Scrolling it by keyboard needs focus.
  const body = h("pre", { tabindex: "0" });
  const element = h("div", { class: "whisperer-tool-part" }, h("span", { class: "whisperer-tool-label" }, name), body);
  const show = (text: string) => {
    setText(body, bounded(text));
    element.hidden = text === "";
  };
  return { element, show };
}

/** Most tools answer in JSON on one line. */
function indented(text: string): string {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Nobody reads more of it here, and a page of many such cards must stay quick. */
function bounded(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const left = (text.length - MOST_CHARACTERS).toLocaleString("en");
  return `${text.slice(0, MOST_CHARACTERS)}\n[${left} more characters are not shown]`;
}
