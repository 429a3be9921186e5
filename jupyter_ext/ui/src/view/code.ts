import { highlighted } from "./highlight";
import { button, h, icon, ICONS } from "./dom";

const COPIED_MS = 1_500;
/** A refusal is a sentence or two. */
const READ_MS_PER_CHARACTER = 60;

/** What a person may do with code in the notebook around the chat. */
export type CodeUse = "insert" | "replace";

export interface CodeUsed {
  does: CodeUse;
  source: string;
  language: string;
  /** Called by whoever does it, with what was done in words; rejects with why it could not be. */
  take: (done: Promise<string>) => void;
}

/** Somebody is about to use it, or, where `does` is `null`, no longer. */
export interface CodePointed {
  does: CodeUse | null;
  /** Called with what using it would do, in words. */
  take: (words: Promise<string>) => void;
}

/** Both bubble up from a block of code to the chat. */
export const CODE_USED = "whisperer-code-used";
export const CODE_POINTED = "whisperer-code-pointed";

/** Code with its language and buttons to use it. */
export function codeBlock(text: string, language: string, highlight: boolean): HTMLElement {
  const code = highlight ? highlightedCode(text, language) : h("code", {}, text);
  const uses = [
    useButton("insert", "Insert below", ICONS.insert, code, language),
    useButton("replace", "Replace cell", ICONS.replace, code, language),
    copyButton("Copy code", () => code.textContent),
  ];
  return h(
    "div",
    { class: "whisperer-code" },
    h(
      "div",
      { class: "whisperer-code-head" },
      h("span", { class: "whisperer-code-language" }, language),
      // With nothing in it there is nothing to do with it.
      ...(text.trim() === "" ? [] : uses),
    ),
    // Scrolling sideways by keyboard needs focus.
    h("pre", { tabindex: "0" }, code),
  );
}

/** The text, with its parts marked up where the language is known. */
export function highlightedCode(text: string, language: string): HTMLElement {
  const code = h("code", {});
  const markup = highlighted(text, language);
  // highlight.js escapes the text and adds nothing but <span class="hljs-…">.
  if (markup === null) code.textContent = text;
  else code.innerHTML = markup;
  return code;
}

/** The style sheet shows it where a notebook is. */
function useButton(does: CodeUse, name: string, path: string, code: HTMLElement, language: string): HTMLButtonElement {
  const label = h("span", {}, name);
  const element = button("whisperer-copy whisperer-use", name, () => void use(), icon(path), label);
  const use = async (): Promise<void> => {
    const source = code.textContent.replace(/\n$/, "");
    const done = answered<CodeUsed>(element, CODE_USED, { does, source, language });
    label.textContent = await done.catch((error: unknown) => (error instanceof Error ? error.message : "Failed"));
    const readMs = Math.max(2 * COPIED_MS, label.textContent.length * READ_MS_PER_CHARACTER);
    setTimeout(() => (label.textContent = name), readMs);
  };
  explain(element, does);
  return element;
}

/** Says where it would lead while it is pointed at. */
function explain(element: HTMLButtonElement, does: CodeUse): void {
  const point = async (pointed: CodeUse | null): Promise<void> => {
    const words = await answered<CodePointed>(element, CODE_POINTED, { does: pointed }).catch(() => "");
    if (pointed === null || words === "") return;
    element.title = words;
    element.setAttribute("aria-label", words);
  };
  for (const type of ["pointerenter", "focus"]) element.addEventListener(type, () => void point(does));
  for (const type of ["pointerleave", "blur"]) element.addEventListener(type, () => void point(null));
}

/** Sends an event up to the chat; its answer in words. */
function answered<D extends CodeUsed | CodePointed>(from: Element, event: string, asked: Omit<D, "take">): Promise<string> {
  let answer: Promise<string> = Promise.reject(new Error("No notebook"));
  answer.catch(() => undefined);
  const take = (words: Promise<string>): void => {
    answer = words;
  };
  from.dispatchEvent(new CustomEvent(event, { bubbles: true, detail: { ...asked, take } }));
  return answer;
}

export function copyButton(name: string, text: () => string): HTMLButtonElement {
  const label = h("span", {}, "Copy");
  const element = button("whisperer-copy", name, () => void copy(), icon(ICONS.copy), label);
  const copy = async (): Promise<void> => {
    label.textContent = (await toClipboard(text())) ? "Copied" : "Not allowed";
    setTimeout(() => (label.textContent = "Copy"), COPIED_MS);
  };
  return element;
}

/** The clipboard API exists only on HTTPS and localhost. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = h("textarea", { readonly: true, class: "whisperer-unseen", "aria-hidden": "true" });
  field.value = text;
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  // Deprecated, and the only way over plain HTTP.
  const done = document.execCommand("copy"); // eslint-disable-line @typescript-eslint/no-deprecated
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
