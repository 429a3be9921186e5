import type { ToolCall } from "../state";
import { toolStatusWords } from "../words";
import { h, setText } from "./dom";

const MOST_CHARACTERS = 4_000;

/** One tool call: its name and how it stands; arguments and result on demand. */
export class ToolCard {
  readonly element = h("details", { class: "whisperer-tool" });
  readonly #status = h("span", { class: "whisperer-tool-status" });
  readonly #arguments = h("pre", { class: "whisperer-tool-arguments" });
  readonly #result = h("pre", { class: "whisperer-tool-result" });
  #shown: ToolCall | null = null;

  constructor(name: string) {
    this.element.append(
      h("summary", {}, h("span", { class: "whisperer-tool-name" }, name), this.#status),
      this.#arguments,
      this.#result,
    );
  }

  update(call: ToolCall): void {
    if (call === this.#shown) return;
    this.#shown = call;
    this.element.dataset["status"] = call.status;
    setText(this.#status, toolStatusWords(call.status));
    setText(this.#arguments, bounded(argumentLines(call.arguments)));
    setText(this.#result, bounded(call.error ?? call.result ?? ""));
  }
}

export function argumentLines(values: Record<string, unknown>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value, null, 2)}`)
    .join("\n");
}

/** Nobody reads more of it here, and a page of many such cards must stay quick. */
function bounded(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const left = (text.length - MOST_CHARACTERS).toLocaleString("en");
  return `${text.slice(0, MOST_CHARACTERS)}\n[${left} more characters are not shown]`;
}
