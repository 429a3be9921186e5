/** Style sheets of the plugin: in the document as long as the page. */

import view from "../view/style.css";
import notebook from "./style.css";

export function addStyles(): void {
  const element = document.createElement("style");
  element.textContent = `${view}\n${notebook}`;
  document.head.append(element);
}
