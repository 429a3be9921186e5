import type { PermissionDecision, PermissionRequest } from "../protocol";
import { question, sessionTerms } from "../toolWords";
import type { Cast } from "./cast";
import { tint } from "./cast";
import { button, h } from "./dom";
import { previewOf, type ReadCells } from "./permissionPreview";

const DECISIONS: readonly (readonly [PermissionDecision, string])[] = [
  ["allow_once", "Allow once"],
  ["allow_session", "Allow for this session"],
  ["deny", "Deny"],
];

/** Where one question takes another's place a second click would answer what nobody has read. */
const READING_MS = 500;

/** What agents ask leave for, above the text box: it waits there, however far the conversation is scrolled. */
export class PermissionPrompts {
  readonly element = h("div", { class: "whisperer-permissions" });
  readonly #prompts = new Map<string, HTMLElement>();

  constructor(
    private readonly actions: {
      onDecide: (requestId: string, decision: PermissionDecision) => void;
      /** The prompt that had the focus is gone, and none is left. */
      onFocusLost: () => void;
      readCells: ReadCells;
    },
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
    const fresh = requests.filter(({ requestId }) => !this.#prompts.has(requestId));
    for (const request of fresh) this.#add(request, cast);
    if (hadFocus && !this.element.contains(document.activeElement)) this.#passFocus();
    return fresh;
  }

  #add(request: PermissionRequest, cast: Cast): void {
    const agent = cast.nameOf(request.agent);
    const prompt = h(
      "div",
      { class: "whisperer-permission", role: "group", "aria-label": "Permission" },
      h("p", { class: "whisperer-question" }, question(request, agent)),
      previewOf(request, this.actions.readCells),
      h("div", { class: "whisperer-permission-answers" }, ...this.#answers(request)),
      h("p", { class: "whisperer-permission-terms" }, termsOf(request, agent)),
    );
    tint(prompt, cast.get(request.agent));
    this.#prompts.set(request.requestId, prompt);
    this.element.append(prompt);
  }

  #answers({ requestId, once }: PermissionRequest): HTMLElement[] {
    return DECISIONS.filter(([decision]) => !once || decision !== "allow_session").map(([decision, label]) => {
      const answer = button(
        "whisperer-answer",
        label,
        () => {
          this.actions.onDecide(requestId, decision);
        },
        label,
      );
      answer.dataset["decision"] = decision;
      answer.disabled = true;
      setTimeout(() => (answer.disabled = false), READING_MS);
      return answer;
    });
  }

  /** To what is asked next. Its group, and no answer: a second Enter must not say yes to what nobody has read. */
  #passFocus(): void {
    const [next] = this.#prompts.values();
    const preview = next?.querySelector<HTMLElement>("pre");
    if (preview) preview.focus();
    else this.actions.onFocusLost();
  }
}

/** What a yes for the session would hold for, and until when an answer counts. */
function termsOf(request: PermissionRequest, agent: string): string {
  const { expiresAt } = request;
  const until = expiresAt && new Date(expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return [sessionTerms(request, agent), ...(until ? [`No answer by ${until} counts as Deny.`] : [])].join(" ");
}
