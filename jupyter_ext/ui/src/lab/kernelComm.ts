/** The comm that a kernel opens to this page when its sessions are not reached otherwise; see `plugin_comm.py`. */

import type { Kernel } from "@jupyterlab/services";
import type { CommModel } from "../comm";

const TARGET = "whisperer";

type Listener = (content: unknown) => void;
type Came = (comm: KernelComm) => void;

export class KernelComm implements CommModel {
  isDead = false;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly comm: Kernel.IComm,
    kernel: Kernel.IKernelConnection,
    ended: () => void,
  ) {
    comm.onMsg = ({ content }) => {
      this.#tell("msg:custom", content.data);
    };
    const died = () => {
      this.isDead = true;
      ended();
      this.#tell("comm_live_update", undefined);
    };
    comm.onClose = died;
    // With the kernel comms end without a word.
    kernel.disposed.connect(died);
    kernel.statusChanged.connect((_, status) => {
      if (status === "restarting" || status === "autorestarting" || status === "dead") died();
    });
  }

  send(content: unknown): void {
    if (!this.comm.isDisposed) this.comm.send(content as Parameters<Kernel.IComm["send"]>[0]);
  }

  on(event: string, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  #tell(event: string, content: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(content);
  }
}

/**
 * The comms of this page. Of several connections to one kernel a single one has comms, and notebooks may share a kernel or
 * be shown twice: whoever is interested in a kernel gets its comm, by whichever connection it came.
 */
export class KernelComms {
  readonly #comms = new Map<string, KernelComm>();
  readonly #interested = new Map<string, Set<Came>>();
  readonly #heard = new WeakSet<Kernel.IKernelConnection>();

  /** Calls back with the kernel's comm, if it has one already, and with every one that it opens. Returns how to stop. */
  follow(kernel: Kernel.IKernelConnection, came: Came): () => void {
    const interested = this.#interested.get(kernel.id) ?? new Set();
    this.#interested.set(kernel.id, interested.add(came));
    const known = this.#comms.get(kernel.id);
    if (known) came(known);
    this.#hear(kernel);
    return () => {
      interested.delete(came);
      if (interested.size === 0 && this.#interested.get(kernel.id) === interested) this.#interested.delete(kernel.id);
    };
  }

  #hear(kernel: Kernel.IKernelConnection): void {
    if (!kernel.handleComms || this.#heard.has(kernel)) return;
    this.#heard.add(kernel);
    kernel.registerCommTarget(TARGET, (comm) => {
      void this.#take(comm, kernel);
    });
    void openIn(kernel).then((ids) => {
      for (const id of ids) if (!kernel.hasComm(id)) void this.#take(kernel.createComm(TARGET, id), kernel);
    });
  }

  async #take(comm: Kernel.IComm, kernel: Kernel.IKernelConnection): Promise<void> {
    const { id } = kernel;
    const found = new KernelComm(comm, kernel, () => {
      if (this.#comms.get(id) === found) this.#comms.delete(id);
    });
    await subshell(comm, kernel);
    if (found.isDead) return;
    this.#comms.set(id, found);
    for (const came of [...(this.#interested.get(id) ?? [])]) came(found);
  }
}

/** A page that is loaded anew has not heard of those that are open. */
async function openIn(kernel: Kernel.IKernelConnection): Promise<string[]> {
  try {
    const { content } = await kernel.requestCommInfo({ target_name: TARGET });
    return content.status === "ok" ? Object.keys(content.comms) : [];
  } catch {
    // The kernel is gone before it answered, and its comms with it.
    return [];
  }
}

/** What is said before the comm's subshell has begun waits for a cell that runs. */
async function subshell(comm: Kernel.IComm & { subshellStarted?: Promise<void> }, kernel: Kernel.IKernelConnection) {
  try {
    await kernel.info;
    const policy: string | undefined = comm.commsOverSubshells;
    if (kernel.supportsSubshells && policy !== "disabled") await comm.subshellStarted;
  } catch {
    // None is to be had: the kernel will see.
  }
}
