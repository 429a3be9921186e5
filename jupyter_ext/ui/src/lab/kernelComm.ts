/** The comm that a kernel opens to this page when its sessions are not reached otherwise; see `plugin_comm.py`. */

import type { Kernel } from "@jupyterlab/services";
import type { CommModel } from "../comm";

const TARGET = "whisperer";

type Listener = (content: unknown) => void;

export class KernelComm implements CommModel {
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly comm: Kernel.IComm,
    kernel: Kernel.IKernelConnection,
  ) {
    comm.onMsg = ({ content }) => {
      this.#tell("msg:custom", content.data);
    };
    const died = () => {
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

/** Calls back with the kernel's comm, if it has one already, and with every one that it opens. */
export function onKernelComm(kernel: Kernel.IKernelConnection, listener: (comm: KernelComm) => void): void {
  // Another connection of this page to the same kernel has them.
  if (!kernel.handleComms) return;
  const take = async (comm: Kernel.IComm) => {
    const found = new KernelComm(comm, kernel);
    await subshell(comm, kernel);
    listener(found);
  };
  kernel.registerCommTarget(TARGET, (comm) => {
    void take(comm);
  });
  void openIn(kernel).then((ids) => {
    for (const id of ids) if (!kernel.hasComm(id)) void take(kernel.createComm(TARGET, id));
  });
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
