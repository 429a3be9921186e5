/**
 * The protocol over a comm, to sessions that run in the kernel itself: where no server runs them.
 *
 * The kernel opens the comm, and asks over it before each turn whether the page is there from which the cell was sent
 * whose code asks. Of several pages that show the notebook that one answers. What the page says goes out on the control
 * channel: a kernel reads it while a cell runs, also one that has no subshells.
 */

import { KernelMessage, type Kernel } from "@jupyterlab/services";
import { JsonRpcClient } from "../jsonrpc";
import type { RequestMethod, Requests } from "../protocol";
import { ConnectionLost, type Notification, type Transport, type TransportState } from "../transport";

const TARGET = "whisperer.cells";

/** Is this page there? Then it attaches to this kernel's sessions. An empty page means any. */
interface Question {
  kernelId: string;
  page: string;
}

/** A frame of the protocol, to or from this page. */
interface Framed {
  page: string;
  frame: string;
}

export class CommTransport implements Transport {
  #state: TransportState = { name: "connecting" };
  #kernel: Kernel.IKernelConnection | null = null;
  #comm: Kernel.IComm | null = null;
  #notify: (notification: Notification) => void = () => undefined;
  #stateChanged: (state: TransportState) => void = () => undefined;
  readonly #rpc = new JsonRpcClient((notification) => {
    this.#notify(notification);
  });

  /** `onAsked`: this page is wanted in the sessions of the kernel of this id. */
  constructor(private readonly onAsked: (kernelId: string) => void) {}

  get state(): TransportState {
    return this.#state;
  }

  onNotification(listener: (notification: Notification) => void): void {
    this.#notify = listener;
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#stateChanged = listener;
  }

  /** Be found by this kernel, and by no other any more. */
  attend(kernel: Kernel.IKernelConnection): void {
    this.#leave();
    this.#kernel = kernel;
    kernel.registerCommTarget(TARGET, this.#opened);
    kernel.statusChanged.connect(this.#restarted);
    void this.#adopt(kernel);
  }

  connect(): void {
    // It is the kernel that does.
  }

  request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    if (this.#state.name !== "open") return Promise.reject(new ConnectionLost("Not connected."));
    return this.#rpc.request(method, params, (frame) => {
      this.#send({ frame });
    });
  }

  close(): void {
    if (this.#state.name === "open") this.#send({ closed: true });
    this.#leave();
    this.#enter("closed");
  }

  readonly #opened = (comm: Kernel.IComm, message: KernelMessage.ICommOpenMsg): void => {
    this.#listen(comm);
    this.#hear(comm, message.content.data);
  };

  readonly #restarted = (_: unknown, status: Kernel.Status): void => {
    if (status === "restarting" || status === "autorestarting" || status === "dead") this.#lose();
  };

  /** A page that was reloaded finds the comm that the kernel had opened before. */
  async #adopt(kernel: Kernel.IKernelConnection): Promise<void> {
    const reply = await kernel.requestCommInfo({ target_name: TARGET }).catch(() => null);
    if (kernel !== this.#kernel || reply?.content.status !== "ok") return;
    for (const id of Object.keys(reply.content.comms)) if (!kernel.hasComm(id)) this.#listen(kernel.createComm(TARGET, id));
  }

  #listen(comm: Kernel.IComm): void {
    comm.onMsg = ({ content }) => {
      this.#hear(comm, content.data);
    };
    comm.onClose = () => {
      if (comm === this.#comm) this.#lose();
    };
  }

  #hear(comm: Kernel.IComm, data: unknown): void {
    const mine = this.#kernel?.clientId;
    if (isFramed(data)) {
      if (data.page === mine) this.#rpc.receive(data.frame);
    } else if (isQuestion(data)) {
      if (data.page === mine || data.page === "") this.#asked(comm, data);
      else this.#lose();
    }
  }

  #asked(comm: Kernel.IComm, { kernelId }: Question): void {
    this.#comm = comm;
    this.#state = { name: "open" };
    this.onAsked(kernelId);
  }

  #send(data: { frame: string } | { closed: true }): void {
    const kernel = this.#kernel;
    if (!kernel || kernel.isDisposed || kernel.status === "dead" || !this.#comm) return;
    const message = KernelMessage.createMessage<KernelMessage.ICommMsgMsg<"shell">>({
      msgType: "comm_msg",
      channel: "shell",
      session: kernel.clientId,
      username: kernel.username,
      content: { comm_id: this.#comm.commId, data: { page: kernel.clientId, ...data } },
    });
    // The same message, on the channel that is read while a cell runs; the types do not know of that.
    kernel.sendControlMessage({ ...message, channel: "control" } as unknown as KernelMessage.IControlMessage);
  }

  #leave(): void {
    const kernel = this.#kernel;
    this.#kernel = null;
    if (kernel && !kernel.isDisposed) {
      kernel.removeCommTarget(TARGET, this.#opened);
      kernel.statusChanged.disconnect(this.#restarted);
    }
    this.#lose();
  }

  #lose(): void {
    this.#comm = null;
    this.#rpc.lose();
    this.#enter("waiting");
  }

  #enter(name: "waiting" | "closed"): void {
    this.#state = { name };
    this.#stateChanged(this.#state);
  }
}

function isQuestion(data: unknown): data is Question {
  return hasTexts(data, "kernelId", "page");
}

function isFramed(data: unknown): data is Framed {
  return hasTexts(data, "frame", "page");
}

function hasTexts(data: unknown, ...names: string[]): boolean {
  const held = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  return names.every((name) => typeof held[name] === "string");
}
