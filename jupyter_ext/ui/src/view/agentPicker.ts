import type { AgentInfo } from "../protocol";
import { randomId } from "../randomId";
import { avatar, tint } from "./cast";
import { h } from "./dom";

/** Arrow keys pass over agents on their way; only where they rest is the agent switched. */
const REST_MS = 300;

/** Chooses the current agent: a group of radio buttons. */
export class AgentPicker {
  readonly element = h("div", { class: "whisperer-agents", role: "radiogroup", "aria-label": "Agent" });
  // The browser unchecks whoever shares the name, and another chat in the page comes from a module of its own.
  readonly #group = `whisperer-agent-${randomId()}`;
  readonly #radios = new Map<string, HTMLInputElement>();
  #agents: readonly AgentInfo[] = [];
  #resting: { timer: ReturnType<typeof setTimeout>; agentId: string } | null = null;

  constructor(private readonly onPick: (agentId: string) => void) {}

  update(agents: readonly AgentInfo[], current: string, enabled: boolean): void {
    if (agents !== this.#agents) this.#build(agents);
    for (const [agentId, radio] of this.#radios) {
      radio.disabled = !enabled;
      // What the user is just choosing is not overruled by what was current before.
      if (!this.#resting) radio.checked = agentId === current;
    }
  }

  /** Makes a choice take effect that is still resting. */
  settle(): void {
    if (!this.#resting) return;
    const { timer, agentId } = this.#resting;
    clearTimeout(timer);
    this.#resting = null;
    this.onPick(agentId);
  }

  #build(agents: readonly AgentInfo[]): void {
    this.#agents = agents;
    this.#radios.clear();
    this.element.replaceChildren(...agents.map((agent) => this.#choice(agent)));
  }

  #choice(agent: AgentInfo): HTMLElement {
    const radio = h("input", { type: "radio", name: this.#group, "aria-label": agent.name });
    radio.addEventListener("change", () => {
      this.#rest(agent.agent_id);
    });
    this.#radios.set(agent.agent_id, radio);
    const label = h(
      "label",
      { class: "whisperer-agent", title: describe(agent) },
      radio,
      avatar(agent, agent.name),
      h("span", { class: "whisperer-agent-name", "aria-hidden": "true" }, agent.name),
    );
    label.addEventListener("pointerup", () => {
      // The click that follows checks the radio; a pointer means what it hits.
      setTimeout(() => {
        this.settle();
      });
    });
    tint(label, agent);
    return label;
  }

  #rest(agentId: string): void {
    if (this.#resting) clearTimeout(this.#resting.timer);
    const timer = setTimeout(() => {
      this.settle();
    }, REST_MS);
    this.#resting = { timer, agentId };
  }
}

function describe({ name, role, description, shortcut }: AgentInfo): string {
  const title = [name, role].filter(Boolean).join(", ");
  return [title, description, shortcut && `Shortcut: ${shortcut}`].filter(Boolean).join("\n");
}
