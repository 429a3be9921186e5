import type { ProviderStatus } from "../state";
import { avatar, tint, type Cast } from "./cast";
import { h, setText } from "./dom";
import { workingDots } from "./workingDots";

/** Stands where the reply will be: that somebody is at work, and what the provider says of itself meanwhile. */
export class PendingReply {
  readonly element = h("div", { class: "whisperer-message whisperer-pending", "data-author": "agent" });
  readonly #face = h("div", { class: "whisperer-face" });
  readonly #status = h("div", { class: "whisperer-provider-status" });
  readonly #progress = h("progress", { max: "1", "aria-label": "Getting the model ready" });
  #agent: string | null = null;
  #cast: Cast | null = null;

  constructor() {
    this.element.append(
      this.#face,
      h("div", { class: "whisperer-said" }, workingDots(), this.#status, this.#progress),
    );
  }

  update(agent: string, cast: Cast, status: ProviderStatus | null): void {
    if (agent !== this.#agent || cast !== this.#cast) {
      this.#agent = agent;
      this.#cast = cast;
      tint(this.element, cast.get(agent));
      this.#face.replaceChildren(avatar(cast.get(agent), cast.nameOf(agent)));
    }
    setText(this.#status, status?.message ?? "");
    this.#progress.hidden = !status || status.state === "failed";
    if (status?.progress === undefined) this.#progress.removeAttribute("value");
    else this.#progress.value = status.progress;
  }
}
