import type { Picture } from "../picture";
import type { Mode } from "../protocol";
import { runningTurn } from "../readings";
import { usageDetail, usageWords } from "../words";
import { h, setText } from "./dom";
import { ModePicker } from "./modePicker";

const HINT = "Enter sends · Shift+Enter new line";
const RUNNING_HINT = "Enter queues · Esc stops";
const CONNECTION = { connecting: "Connecting…", live: "", reconnecting: "Reconnecting…", failed: "Not connected" };

/** The chat's foot: what agents may do, how the connection stands, what the keys do, what the session has used. */
export class StatusBar {
  readonly #mode: ModePicker;
  readonly #connection = h("div", { class: "whisperer-connection", role: "status", "aria-label": "Connection" });
  readonly #hint = h("div", { class: "whisperer-hint", "aria-hidden": "true" });
  readonly #usage = h("div", { class: "whisperer-usage", title: "This session so far" });
  readonly element: HTMLElement;

  constructor(onMode: (mode: Mode) => void) {
    this.#mode = new ModePicker(onMode);
    this.element = h("div", { class: "whisperer-foot" }, this.#mode.element, this.#connection, this.#hint, this.#usage);
  }

  update({ chat, connection, remarks }: Picture): void {
    this.#mode.update(chat.mode, connection === "live");
    // Stays in the document while it is empty: screen readers only watch what was there before.
    const shown = remarks.delay ?? CONNECTION[connection];
    if (this.#connection.textContent !== shown) this.#connection.textContent = shown;
    setText(this.#hint, connection === "live" ? (runningTurn(chat) === null ? HINT : RUNNING_HINT) : "");
    const used = usageWords(chat.usage);
    setText(this.#usage, used && `${used} in this session`);
    this.#usage.title = usageDetail(chat.usage);
  }
}
