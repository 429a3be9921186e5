import type { AgentInfo } from "../protocol";
import { capitalized } from "../words";
import { h } from "./dom";
import { faceOf } from "./face";

/** Who takes part, by agent id. */
export class Cast {
  readonly #agents: ReadonlyMap<string, AgentInfo>;

  constructor(agents: readonly AgentInfo[]) {
    this.#agents = new Map(agents.map((agent) => [agent.agent_id, agent]));
  }

  get(agentId: string): AgentInfo | undefined {
    return this.#agents.get(agentId);
  }

  nameOf(agentId: string): string {
    return this.#agents.get(agentId)?.name ?? capitalized(agentId);
  }
}

/** Gives an element, and all inside it, the agent's colour. */
export function tint(element: HTMLElement, agent: AgentInfo | undefined): void {
  const color = agent?.color;
  if (color && CSS.supports("color", color)) element.style.setProperty("--whisperer-agent", color);
  else element.style.removeProperty("--whisperer-agent");
}

export function avatar(agent: AgentInfo | undefined, name: string): HTMLElement {
  return h("span", { class: "whisperer-avatar", "aria-hidden": "true" }, faceOf(agent?.icon, name));
}
