import { backoff } from "./backoff";
import { JsonRpcClient } from "./jsonrpc";
import { randomId } from "./randomId";
import type { RequestMethod, Requests } from "./protocol";
import { ConnectionLost, type Notification, type Transport, type TransportState } from "./transport";

/** Attempts in a row that did not open, after which a server that was there is asked over HTTP what is wrong. */
const ASK_AFTER = 2;
/** An open socket that stays silent this long after the page woke up is dead. */
const PROBE_MS = 4_000;
const NO_EXTENSION =
  "This Jupyter server does not run the Whisperer extension. Enable it and restart the server, or run %load_ext " +
  "whisperer_kernel in a cell: then the kernel runs the conversation.";

type Refused = Extract<TransportState, { name: "refused" }>;

export interface ServerAddress {
  /** With a slash at both ends. */
  baseUrl: string;
  token: string;
  /** What this client is, where it is not the person's own. */
  client?: string;
}

/** The Jupyter server that this page came from, or `null` where there is none (VS Code, Colab, a static page). */
export function findServer(page: Document = document): ServerAddress | null {
  const config = page.getElementById("jupyter-config-data")?.textContent;
  if (!config) return null;
  try {
    const { baseUrl, token } = JSON.parse(config) as { baseUrl?: string; token?: string };
    if (!baseUrl) return null;
    // In some set-ups baseUrl is a whole URL: only its path is ours, the origin is the page's.
    const { pathname } = new URL(baseUrl, location.href);
    return { baseUrl: pathname.endsWith("/") ? pathname : `${pathname}/`, token: token ?? "" };
  } catch {
    return null;
  }
}

/** What connections of this page have in common: the chat's, and that of whoever owns the cells, who is loaded apart. */
export function pageId(): string {
  return (document.documentElement.dataset["whispererPage"] ??= randomId());
}

/** The protocol over the server extension's WebSocket; the cookie authenticates, a token where the page has one. */
export class WebSocketTransport implements Transport {
  #state: TransportState = { name: "connecting" };
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #wasOpen = false;
  #notify: (notification: Notification) => void = () => undefined;
  #stateChanged: (state: TransportState) => void = () => undefined;
  readonly #rpc = new JsonRpcClient((notification) => {
    this.#notify(notification);
  });

  constructor(private readonly server: ServerAddress) {}

  get state(): TransportState {
    return this.#state;
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#notify = listener;
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#stateChanged = listener;
  }

  connect(): void {
    globalThis.addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#failures = 0;
    this.#enter({ name: "connecting" });
    this.#open();
  }

  request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new ConnectionLost("Not connected."));
    return this.#rpc.request(method, params, (text) => {
      socket.send(text);
    });
  }

  close(): void {
    this.#leavePage();
    this.#drop();
    this.#enter({ name: "closed" });
  }

  readonly #wake = (): void => {
    if (document.visibilityState === "hidden") return;
    if (this.#state.name === "waiting") this.#open();
    else if (this.#state.name === "open") void this.#probe();
  };

  #open(): void {
    this.#drop();
    const socket = new WebSocket(this.#socketUrl());
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.#wasOpen = true;
      this.#enter({ name: "open" });
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#rpc.receive(data);
    };
    socket.onclose = () => {
      void this.#lost();
    };
  }

  /** Lets go of the socket without hearing of its end. */
  #drop(): void {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    this.#rpc.lose();
  }

  async #lost(): Promise<void> {
    this.#drop();
    this.#failures += 1;
    this.#enter({ name: "waiting" });
    this.#retry = setTimeout(() => {
      this.#open();
    }, backoff(this.#failures - 1));
    // A browser does not tell why an upgrade failed; an ordinary request does.
    const refused = this.#failures >= (this.#wasOpen ? ASK_AFTER : 1) ? await this.#refusal() : null;
    if (refused && this.#state.name === "waiting") {
      this.#leavePage();
      this.#drop();
      this.#enter(refused);
    }
  }

  async #refusal(): Promise<Refused | null> {
    try {
      const { status, type } = await fetch(`${this.server.baseUrl}whisperer/health${this.#query()}`, {
        credentials: "same-origin",
        redirect: "manual",
      });
      if (status === 401 || status === 403 || type === "opaqueredirect")
        return { name: "refused", reason: "Not authorised. Reload the page to sign in again." };
      if (status === 404) return { name: "refused", reason: NO_EXTENSION, isAbsent: !this.#wasOpen };
    } catch {
      // Nobody there: that is what the next attempt is for.
    }
    return null;
  }

  /** After sleep or a change of network a socket may look open and be dead. */
  async #probe(): Promise<void> {
    const socket = this.#socket;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<"silent">((resolve) => {
      timer = setTimeout(resolve, PROBE_MS, "silent");
    });
    const answer = this.request("echo", { message: "" }).catch(() => "answered");
    const heard = await Promise.race([answer, silence]);
    clearTimeout(timer);
    if (heard === "silent" && socket === this.#socket) await this.#lost();
  }

  #leavePage(): void {
    globalThis.removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
  }

  #enter(state: TransportState): void {
    this.#state = state;
    this.#stateChanged(state);
  }

  #socketUrl(): string {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    return `${scheme}//${location.host}${this.server.baseUrl}whisperer/ws${this.#query()}`;
  }

  #query(): string {
    const { token, client } = this.server;
    return `?${new URLSearchParams({ ...(token && { token }), ...(client && { client }), page: pageId() }).toString()}`;
  }
}
