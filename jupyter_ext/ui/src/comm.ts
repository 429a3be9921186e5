import { backoff } from "./backoff";
import { JsonRpcClient } from "./jsonrpc";
import type { RequestMethod, Requests } from "./protocol";
import { randomId } from "./randomId";
import { ConnectionLost, type Notification, type Remarks, type Transport, type TransportState } from "./transport";
import { pageId } from "./websocket";

/** What has not been heard by then waits for a cell. */
const HEARD_MS = 1_000;
const BUSY = "Waiting for the running cell…";
const GONE = "The kernel that ran this chat is gone. Run the cell again: the conversation goes on.";

/** What carries messages to the kernel and back: the widget's model, or a comm of the plugin's. */
export interface CommModel {
  send(content: unknown): void;
  on(event: string, listener: (content: unknown) => void): void;
  off(event: string, listener: (content: unknown) => void): void;
}

/** From the kernel; see `whisperer_kernel/notebook/comm_carrier.py`. */
type Message =
  | { whisperer: "opened"; line: string; kernelId: string; where: string }
  | { whisperer: "heard"; line: string; count: number }
  /** A part of a text of lines, each of them a frame; numbered from 1. */
  | { whisperer: "piece"; line: string; number: number; text: string }
  /** Without a reason a new connection may be had at once. */
  | { whisperer: "closed"; line: string; reason: string };

/** What of the page a line is for, and whether there is somebody in the page who puts cells in. */
export interface Purpose {
  client: "chat" | "cells";
  hasCells: boolean;
}

/**
 * The protocol over a comm, to sessions that the kernel runs or reaches. All pages that have the comm hear what comes from
 * the kernel: each line takes what bears its name.
 */
export class CommTransport implements Transport {
  #state: TransportState = { name: "connecting" };
  #remarks: Remarks = { delay: null, where: null };
  #kernelId: string | null = null;
  #line = "";
  #sent = 0;
  #pieces = 0;
  #rest = "";
  #frames: string[] = [];
  #isReading = false;
  #isDead = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #unheard: ReturnType<typeof setTimeout> | undefined;
  #notify: (notification: Notification) => void = () => undefined;
  #stateChanged: (state: TransportState) => void = () => undefined;
  #remarked: () => void = () => undefined;
  readonly #rpc = new JsonRpcClient((notification) => {
    this.#notify(notification);
  }, null);

  /** `purpose` is asked at every attempt to connect. */
  constructor(
    private readonly model: CommModel,
    private readonly purpose: () => Purpose,
  ) {}

  get state(): TransportState {
    return this.#state;
  }

  get remarks(): Remarks {
    return this.#remarks;
  }

  get kernelId(): string | null {
    return this.#kernelId;
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#notify = listener;
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#stateChanged = listener;
  }

  onRemarks(listener: () => void): void {
    this.#remarked = listener;
  }

  connect(): void {
    if (this.#isDead) {
      this.#refuse(GONE);
      return;
    }
    this.#leave();
    this.model.on("msg:custom", this.#receive);
    this.model.on("comm_live_update", this.#commDied);
    globalThis.addEventListener("pagehide", this.#hangUp);
    this.#failures = 0;
    this.#enter({ name: "connecting" });
    this.#open();
  }

  request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    if (this.#state.name !== "open") return Promise.reject(new ConnectionLost("Not connected."));
    return this.#rpc.request(method, params, (frame) => {
      this.#sent += 1;
      this.#say({ whisperer: "frame", frame });
      this.#awaitHearing();
    });
  }

  close(): void {
    this.#leave();
    this.#drop();
    this.#enter({ name: "closed" });
  }

  #open(): void {
    this.#drop();
    this.#line = randomId();
    this.#sent = this.#pieces = 0;
    this.#rest = "";
    this.#say({ whisperer: "open", page: pageId(), ...this.purpose() });
    this.#awaitHearing();
  }

  /** Lets go of the line, and tells the kernel. */
  #drop(): void {
    clearTimeout(this.#retry);
    this.#hangUp();
    this.#line = "";
    this.#frames = [];
    this.#heard();
    this.#rpc.lose();
  }

  #lost(): void {
    this.#drop();
    this.#enter({ name: "waiting" });
    this.#retry = setTimeout(() => {
      this.#open();
    }, backoff(this.#failures++));
  }

  #refuse(reason: string): void {
    this.#leave();
    this.#drop();
    this.#enter({ name: "refused", reason });
  }

  readonly #hangUp = (): void => {
    if (this.#line) this.#say({ whisperer: "close" });
  };

  /** Jupyter says so when the kernel is restarted or exchanged, and the comm has died with it. */
  readonly #commDied = (): void => {
    this.#isDead = true;
    this.#line = "";
    this.#refuse(GONE);
  };

  readonly #receive = (content: unknown): void => {
    const message = content as Message;
    if (!this.#line || message.line !== this.#line) return;
    if (message.whisperer === "opened") this.#opened(message.kernelId, message.where);
    else if (message.whisperer === "piece") this.#take(message.number, message.text);
    else if (message.whisperer === "closed") this.#closed(message.reason);
    else if (message.count === this.#sent) this.#heard();
  };

  #opened(kernelId: string, where: string): void {
    this.#failures = 0;
    this.#kernelId = kernelId;
    this.#heard();
    this.#remark({ where });
    this.#enter({ name: "open" });
  }

  #take(number: number, text: string): void {
    if (number !== ++this.#pieces) {
      // Something was dropped on the way; a new connection resumes.
      this.#lost();
      return;
    }
    const frames = (this.#rest + text).split("\n");
    this.#rest = frames.pop() ?? "";
    this.#frames.push(...frames);
    void this.#read();
  }

  /** Who asked must know the answer before what follows it comes, though both came at once. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift())
      if (this.#rpc.receive(frame)) await new Promise((resolve) => setTimeout(resolve));
    this.#isReading = false;
  }

  #closed(reason: string): void {
    this.#line = "";
    if (reason) this.#refuse(reason);
    else this.#lost();
  }

  #say(message: Record<string, string | boolean>): void {
    this.model.send({ ...message, line: this.#line });
  }

  #awaitHearing(): void {
    this.#unheard ??= setTimeout(() => {
      this.#remark({ delay: BUSY });
    }, HEARD_MS);
  }

  #heard(): void {
    clearTimeout(this.#unheard);
    this.#unheard = undefined;
    this.#remark({ delay: null });
  }

  #remark(news: Partial<Remarks>): void {
    this.#remarks = { ...this.#remarks, ...news };
    this.#remarked();
  }

  #leave(): void {
    this.model.off("msg:custom", this.#receive);
    this.model.off("comm_live_update", this.#commDied);
    globalThis.removeEventListener("pagehide", this.#hangUp);
  }

  #enter(state: TransportState): void {
    this.#state = state;
    this.#stateChanged(state);
  }
}
