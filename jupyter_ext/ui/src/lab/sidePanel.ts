/** The chat beside the notebook: always that of the notebook in front. */

import type { INotebookTracker } from "@jupyterlab/notebook";
import { LabIcon } from "@jupyterlab/ui-components";
import { Widget } from "@lumino/widgets";
import { h } from "../view/dom";
import { ChatPlace } from "./chatPlace";
import type { Panel, Panels } from "./panels";
import type { Settings } from "./settings";

const NO_NOTEBOOK = "Open a notebook, and its conversation with Whisperer is here.";
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" d="M2 2.5h12v9H8.2L4.5 14.5v-3H2zm2 2.6v1.3h8V5.1zm0 2.6V9h5.5V7.7z"/></svg>`;

export const icon = new LabIcon({ name: "whisperer:chat", svgstr: PICTURE });

export class SidePanel extends Widget {
  /** Kept as long as their notebooks are open: who goes to another and comes back finds what she left. */
  readonly #places = new Map<Panel, ChatPlace>();

  constructor(
    private readonly panels: Panels,
    private readonly tracker: INotebookTracker,
    private readonly settings: Settings,
  ) {
    super();
    this.id = "whisperer-panel";
    this.addClass("whisperer-side");
    this.title.icon = icon;
    this.title.caption = "Whisperer";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Whisperer");
    const follow = () => {
      if (this.isVisible) this.#show();
    };
    tracker.currentChanged.connect(follow);
    // A notebook may be in front before it is known here.
    panels.forEach(follow);
  }

  /** The chat of the notebook in front; `null` where there is none, or it has no kernel. */
  get place(): ChatPlace | null {
    const panel = this.panels.of(this.tracker.currentWidget);
    return panel && this.#placeOf(panel);
  }

  /** Nothing is connected before somebody looks. */
  protected override onAfterShow(): void {
    this.#show();
  }

  #show(): void {
    this.node.replaceChildren(this.place?.element ?? h("p", { class: "whisperer-word" }, NO_NOTEBOOK));
  }

  #placeOf(panel: Panel): ChatPlace {
    const known = this.#places.get(panel);
    if (known) return known;
    const place = new ChatPlace(panel, () => this.settings.mode);
    this.#places.set(panel, place);
    panel.widget.disposed.connect(() => {
      this.#places.delete(panel);
      place.close();
    });
    return place;
  }
}
