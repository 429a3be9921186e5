type Attributes = Record<string, string | boolean | undefined>;

/** An element with attributes and children; `true` sets an empty attribute, `false` and `undefined` none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A button that is never a form's submit button. */
export function button(className: string, label: string, onClick: () => void, ...children: (Node | string)[]) {
  const element = h("button", { type: "button", class: className, "aria-label": label, title: label }, ...children);
  element.addEventListener("click", onClick);
  return element;
}

/** Shows text, or hides the element where there is none. Leaves an element alone that shows it already. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

const SVG = "http://www.w3.org/2000/svg";

/** A 16 by 16 line drawing in the colour of the text. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "whisperer-icon");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4.5 4.5h7v7h-7z",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  done: "m3 8.5 3.5 3.5L13 4.5",
  remove: "m4 4 8 8M12 4l-8 8",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  add: "M8 3v10M3 8h10",
  insert: "M2.5 3h11M8 6v7M4.5 9.5 8 13l3.5-3.5",
  choose: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.2v3.6M6 9.2v3.6",
  replace: "M2.5 6h9L9 3.5M13.5 10h-9L7 12.5",
} as const;
