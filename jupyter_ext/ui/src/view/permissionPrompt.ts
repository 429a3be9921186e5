import type { PermissionDecision, PermissionRequest } from "../protocol";
import type { Cast } from "./cast";
import { button, h } from "./dom";
import { argumentLines } from "./toolCard";

const DECISIONS: readonly (readonly [PermissionDecision, string])[] = [
  ["allow_once", "Allow once"],
  ["allow_session", "Allow for this session"],
  ["deny", "Deny"],
];

/** What agents ask leave for, above the text box: it waits there, however far the conversation is scrolled. */
export class PermissionPrompts {
  readonly element = h("div", { class: "whisperer-permissions" });
  readonly #prompts = new Map<string, HTMLElement>();

  constructor(
    private readonly onDecide: (requestId: string, decision: PermissionDecision) => void,
    /** The prompt that had the focus is gone. */
    private readonly onFocusLost: () => void,
  ) {}

  /** Returns what is asked now and was not before. */
  update(requests: readonly PermissionRequest[], cast: Cast): PermissionRequest[] {
    const open = new Set(requests.map(({ requestId }) => requestId));
    const hadFocus = this.element.contains(document.activeElement);
    for (const [requestId, prompt] of this.#prompts) {
      if (open.has(requestId)) continue;
      prompt.remove();
      this.#prompts.delete(requestId);
    }
    if (hadFocus && !this.element.contains(document.activeElement)) this.onFocusLost();
    const fresh = requests.filter(({ requestId }) => !this.#prompts.has(requestId));
    for (const request of fresh) this.#add(request, cast);
    return fresh;
  }

  #add(request: PermissionRequest, cast: Cast): void {
    const prompt = h(
      "div",
      { class: "whisperer-permission", role: "group", "aria-label": "Permission" },
      h("p", {}, question(request, cast)),
      // Text, whatever it holds: it comes from a model. Scrolling it by keyboard needs focus.
      h("pre", { tabindex: "0" }, request.preview ?? argumentLines(request.arguments)),
      h("p", { class: "whisperer-permission-terms" }, termsOf(request)),
      h("div", { class: "whisperer-permission-answers" }, ...this.#answers(request)),
    );
    this.#prompts.set(request.requestId, prompt);
    this.element.append(prompt);
  }

  #answers({ requestId }: PermissionRequest): HTMLElement[] {
    return DECISIONS.map(([decision, label]) => {
      const answer = button(
        "whisperer-answer",
        label,
        () => {
          this.onDecide(requestId, decision);
        },
        label,
      );
      answer.dataset["decision"] = decision;
      return answer;
    });
  }
}

export function question({ agent, toolName }: PermissionRequest, cast: Cast): string {
  return `${cast.nameOf(agent)} asks to use ${toolName}`;
}

/** What a yes for the session would hold for, and until when an answer counts. */
function termsOf({ bound, expiresAt }: PermissionRequest): string {
  const given = Object.entries(bound ?? {}).filter(([, value]) => value !== null);
  const values = given.map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const held = values.join(", ");
  const forSession = held && held.length <= 120 ? `A yes for this session holds for ${held}.` : "";
  const until = expiresAt ? `No answer by ${new Date(expiresAt).toLocaleTimeString()} is a no.` : "";
  return [forSession, until].filter(Boolean).join(" ");
}
