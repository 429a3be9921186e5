import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { ServerAddress } from "../websocket";
import { ChatPlace } from "./chatPlace";
import { KernelComms } from "./kernelComm";
import { Panel } from "./panel";
import { bringChatsBack } from "./savedChat";
import type { Settings } from "./settings";

export type { Panel } from "./panel";

/** The open notebooks. */
export class Panels {
  readonly #panels = new Map<NotebookPanel, Panel>();
  readonly #comms = new KernelComms();
  readonly #listeners: ((panel: Panel) => void)[] = [];

  constructor(
    tracker: INotebookTracker,
    private readonly server: ServerAddress,
    private readonly settings: Settings,
  ) {
    tracker.forEach((panel) => {
      this.#add(panel);
    });
    tracker.widgetAdded.connect((_, panel) => {
      this.#add(panel);
    });
  }

  of(widget: NotebookPanel | null): Panel | null {
    return (widget && this.#panels.get(widget)) ?? null;
  }

  /** The notebook that an element stands in; where it stands in none (a view of its own), the one with this kernel. */
  around(from: Element, kernelId: string | null = null): Panel | null {
    const panels = [...this.#panels.values()];
    return panels.find((panel) => panel.contains(from)) ?? panels.find((panel) => panel.runs(kernelId)) ?? null;
  }

  /** Calls back for every notebook, those that are open and those to come. */
  forEach(listener: (panel: Panel) => void): void {
    for (const panel of this.#panels.values()) listener(panel);
    this.#listeners.push(listener);
  }

  #add(widget: NotebookPanel): void {
    if (this.#panels.has(widget)) return;
    const panel = new Panel(widget, this.server, this.#comms);
    bringChatsBack(widget.content.rendermime, () => new ChatPlace(panel, () => this.settings.mode));
    this.#panels.set(widget, panel);
    const close = () => {
      this.#panels.delete(widget);
      panel.close();
    };
    widget.disposed.connect(close);
    // Of the last view of a notebook the connection to the kernel goes first, and nothing could be said over it.
    widget.sessionContext.disposed.connect(close);
    for (const listener of this.#listeners) listener(panel);
  }
}
