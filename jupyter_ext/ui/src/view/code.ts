import { highlighted } from "./highlight";
import { button, h, icon, ICONS } from "./dom";

const COPIED_MS = 1_500;

/** Code with its language and a button to copy it. */
export function codeBlock(text: string, language: string, highlight: boolean): HTMLElement {
  const code = h("code", {});
  const markup = highlight ? highlighted(text, language) : null;
  // highlight.js escapes the text and adds nothing but <span class="hljs-…">.
  if (markup === null) code.textContent = text;
  else code.innerHTML = markup;
  return h(
    "div",
    { class: "whisperer-code" },
    h(
      "div",
      { class: "whisperer-code-head" },
      h("span", { class: "whisperer-code-language" }, language),
      copyButton(() => code.textContent),
    ),
    // Scrolling sideways by keyboard needs focus.
    h("pre", { tabindex: "0" }, code),
  );
}

function copyButton(text: () => string): HTMLButtonElement {
  const label = h("span", {}, "Copy");
  const element = button("whisperer-copy", "Copy code", () => void copy(), icon(ICONS.copy), label);
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
