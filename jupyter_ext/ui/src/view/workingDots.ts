import { h } from "./dom";

/** Three dots that breathe: somebody is at work. */
export function workingDots(): HTMLElement {
  return h("span", { class: "whisperer-dots", role: "img", "aria-label": "Working" }, h("i"), h("i"), h("i"));
}
