/**
 * Brings a chat back into its cell when the page was loaded anew and its widget is gone with the kernel that made it.
 *
 * The output holds, beside the widget's own type, one of ours. As long as the widget is there it is drawn by Jupyter's
 * renderer of widgets; that one must stand in the cell itself, because Jupyter hands it its manager there.
 */

import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";
import { h } from "../view/dom";
import type { ChatPlace } from "./chatPlace";

const CHAT = "application/vnd.whisperer.chat+json";
const WIDGET = "application/vnd.jupyter.widget-view+json";
/** Before Jupyter's renderer of widgets, which has -10. */
const RANK = -20;
/** How that one says, in English wherever it is, that there is no widget. */
const GONE = "Error displaying widget";
const OWN_SESSION = "This chat had a conversation of its own, which ended with its kernel. Run the cell to begin another.";

export function bringChatsBack(rendermime: IRenderMimeRegistry, place: () => ChatPlace): void {
  const createRenderer = () => {
    const renderer = widgetRenderer(rendermime);
    const draw = renderer.renderModel.bind(renderer);
    renderer.renderModel = async (model) => {
      await draw(model);
      if (renderer.node.textContent.startsWith(GONE) && !renderer.isDisposed) revive(renderer, model, place);
    };
    return renderer;
  };
  rendermime.addFactory({ safe: false, mimeTypes: [CHAT], createRenderer }, RANK);
}

function revive(renderer: Widget, { data }: IRenderMime.IMimeModel, place: () => ChatPlace): void {
  const { own } = data[CHAT] as { own?: boolean };
  if (own) {
    renderer.node.replaceChildren(h("p", {}, OWN_SESSION));
    return;
  }
  const chat = place();
  renderer.node.replaceChildren(chat.element);
  renderer.disposed.connect(() => {
    chat.close();
  });
}

function widgetRenderer(rendermime: IRenderMimeRegistry): IRenderMime.IRenderer {
  if (rendermime.getFactory(WIDGET)) return rendermime.createRenderer(WIDGET);
  return Object.assign(new Widget(), {
    renderModel(this: Widget): Promise<void> {
      this.node.textContent = GONE;
      return Promise.resolve();
    },
  });
}
