/**
 * The notebook widget: puts the chat view into an output cell, and keeps its model in step with the session so that
 * Python code can read the conversation.
 */

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { CommTransport } from "./comm";
import { EitherTransport } from "./eitherTransport";
import { askNotebook, onNotebookReady, type Preferences } from "./notebook";
import { Outbox } from "./outbox";
import { draftOf, pageStorage, storageKey } from "./pageStorage";
import type { SessionParams } from "./protocol";
import { SessionClient } from "./session";
import { finishedHistory, runningTurn, type HistoryItem } from "./readings";
import type { Transport } from "./transport";
import { ChatView } from "./view/chat";
import { findServer, WebSocketTransport } from "./websocket";

/** The traits of `whisperer_kernel.notebook.Chat`. */
// An interface has no index signature, which the model's type asks for.
// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type ChatTraits = {
  agent: string;
  status: string;
  history: HistoryItem[];
  last_reply: string;
  height: string;
  _kernel_id: string;
  _notebook: string;
  _new: boolean;
  /** Whether the conversation is kept in the notebook, as JupyterLab's settings say. */
  _saves: boolean;
  /** The session of a chat that is not its notebook's, so that a reload of the page finds it again. */
  _session_id: string;
  /** An agent that Python code asked for and that is not current yet; emptied when that is done. */
  _asked_agent: string;
};

type Model = AnyModel<ChatTraits>;

/** How long the connection outlives the last view, in ms: an output that is moved is taken away and put back. */
const LINGER_MS = 10_000;

/** One per model. Its views share the session; without any view there is no connection. */
export default function widget() {
  let session: SessionClient | null = null;
  let views = 0;
  let preferences: Preferences | null = null;
  return {
    initialize({ model }: InitializeProps<ChatTraits>) {
      const client = sessionOf(model, () => preferences);
      session = client;
      const stop = mirror(client, model);
      return () => {
        stop();
        client.disconnect();
      };
    },
    render({ model, el }: RenderProps<ChatTraits>) {
      if (!session) return undefined;
      const client = session;
      const leave = show(client, model, el);
      if (++views === 1) {
        void preferencesAt(el).then((chosen) => {
          preferences = chosen;
          if (chosen && put(model, "_saves", chosen.transcript)) model.save_changes();
          if (views > 0) client.connect();
        });
      }
      return () => {
        leave();
        views -= 1;
        setTimeout(() => {
          if (views > 0) return;
          client.disconnect();
          if (put(model, "status", "not shown")) model.save_changes();
        }, LINGER_MS);
      };
    },
  };
}

/** Where nobody knows any, there are none. */
async function preferencesAt(element: HTMLElement): Promise<Preferences | null> {
  return (await askNotebook(element, "preferences", {})) ?? null;
}

function show(session: SessionClient, model: Model, el: HTMLElement): () => void {
  const view = new ChatView(session, { draft: draftOf(nameOf(model)), ask: askNotebook });
  const resize = () => {
    view.element.style.setProperty("--whisperer-height", model.get("height") || null);
  };
  resize();
  model.on("change:height", resize);
  el.append(view.element);
  const stopOffering = offerToNotebook(session, model, view);
  return () => {
    stopOffering();
    model.off("change:height", resize);
    view.destroy();
  };
}

/** On every connection anew: it may be to another session. */
function offerToNotebook(session: SessionClient, model: Model, view: ChatView): () => void {
  let isOffered = false;
  const offer = () => {
    const { sessionId } = session;
    if (session.picture.connection !== "live" || sessionId === null) isOffered = false;
    else if (!isOffered) {
      const params = { sessionId, kernelId: model.get("_kernel_id") || null };
      const joined = askNotebook(view.element, "join", params);
      isOffered = joined !== null;
      void joined?.then((frontEnd) => {
        session.frontEnd = frontEnd;
      });
      // By way of the kernel perhaps no tools are carried out, but what the person asks is done.
      const isServed = session.picture.remarks.where === null ? joined : joined && Promise.resolve();
      void isServed?.then(() => {
        view.hasNotebook = true;
      });
    }
  };
  const stops = [session.subscribe(offer), onNotebookReady(offer)];
  offer();
  return () => {
    for (const stop of stops) stop();
  };
}

function sessionOf(model: Model, preferences: () => Preferences | null): SessionClient {
  const transport = transportOf(model, () => preferences() !== null);
  const outbox = new Outbox(storageKey("outbox", nameOf(model)), pageStorage());
  // The agent to begin with is taken now: by the time of the start the switch to her would have emptied it.
  const params = paramsOf(model);
  const asked = () => {
    const [mode, kernelId] = [preferences()?.mode, transport.kernelId];
    return { ...params, ...(kernelId && { kernelId }), ...(mode && { mode }) };
  };
  return new SessionClient(transport, asked, outbox, model.get("_session_id") || null);
}

/** To the server, or by way of the kernel where there is none; `hasCells`: somebody in the page owns the cells. */
function transportOf(model: Model, hasCells: () => boolean): Transport {
  const server = findServer();
  const comm = new CommTransport(model, () => ({ client: "chat", hasCells: hasCells() }));
  if (!server) return comm;
  const either = new EitherTransport(new WebSocketTransport(server));
  either.offer(comm);
  return either;
}

function paramsOf(model: Model): SessionParams {
  const [kernelId, notebook, agent] = [model.get("_kernel_id"), model.get("_notebook"), model.get("_asked_agent")];
  return {
    // By the kernel the server finds the notebook's path of today; ours is that of the kernel's start.
    ...(kernelId ? { kernelId } : notebook && { notebook }),
    ...(agent && { agent }),
    ...(model.get("_new") && { new: true }),
  };
}

/** Tells the model what the session does, and the session what the model asks. Returns how to stop. */
function mirror(session: SessionClient, model: Model): () => void {
  const tell = () => {
    tellModel(session, model);
  };
  const obey = () => {
    const asked = model.get("_asked_agent");
    if (!asked) return;
    model.set("_asked_agent", "");
    model.save_changes();
    void session.switchAgent(asked);
  };
  const unsubscribe = session.subscribe(tell);
  model.on("change:_asked_agent", obey);
  obey();
  return () => {
    unsubscribe();
    model.off("change:_asked_agent", obey);
  };
}

function tellModel(session: SessionClient, model: Model): void {
  const { chat, connection } = session.picture;
  // What is being replayed is told when it is complete.
  const isSettled = connection === "live" && session.isCaughtUp && runningTurn(chat) === null;
  const isChanged = [
    put(model, "status", statusOf(session)),
    put(model, "agent", chat.agent || model.get("agent")),
    model.get("_new") && put(model, "_session_id", session.sessionId ?? ""),
    isSettled && putHistory(model, finishedHistory(chat)),
  ];
  if (isChanged.includes(true)) model.save_changes();
}

function statusOf(session: SessionClient): string {
  const { chat, connection } = session.picture;
  if (connection !== "live") return connection;
  return runningTurn(chat) === null ? "ready" : "running";
}

function putHistory(model: Model, history: HistoryItem[]): boolean {
  const known = model.get("history");
  const isSame = known.length === history.length && known.at(-1)?.messageId === history.at(-1)?.messageId;
  if (isSame) return false;
  model.set("history", history);
  put(model, "last_reply", history.findLast(({ role }) => role === "assistant")?.content ?? "");
  return true;
}

function put<K extends keyof ChatTraits>(model: Model, name: K, value: ChatTraits[K]): boolean {
  if (model.get(name) === value) return false;
  model.set(name, value);
  return true;
}

/** By which this chat's things are kept in the browser. */
function nameOf(model: Model): string {
  return model.get("_session_id") || model.get("_kernel_id") || model.get("_notebook");
}
