import type { Kernel } from "@jupyterlab/services";
import { CommTransport, type CommModel, type Purpose } from "../comm";
import { EitherTransport } from "../eitherTransport";
import type { Transport } from "../transport";
import { WebSocketTransport, type ServerAddress } from "../websocket";
import type { KernelComms } from "./kernelComm";

/** How the sessions of a notebook are reached: at the server, or by way of its kernel where the server runs none. */
export class Reach {
  #unfollow: () => void = () => undefined;
  #comm: CommModel | null = null;
  readonly #inUse = new Map<EitherTransport, Purpose["client"]>();

  constructor(
    private readonly server: ServerAddress,
    private readonly comms: KernelComms,
  ) {}

  /** From now on this is the notebook's kernel. */
  follow(kernel: Kernel.IKernelConnection): void {
    this.close();
    this.#comm = null;
    this.#unfollow = this.comms.follow(kernel, (comm) => {
      this.#comm = comm;
      this.#forgetClosed();
      for (const [transport, client] of this.#inUse) transport.offer(over(comm, client));
    });
  }

  /** Nobody is interested any more. */
  close(): void {
    this.#unfollow();
  }

  /** A connection of its own, until it is closed. */
  transport(client: Purpose["client"]): Transport {
    const address = client === "chat" ? this.server : { ...this.server, client };
    const either = new EitherTransport(new WebSocketTransport(address));
    this.#forgetClosed();
    this.#inUse.set(either, client);
    if (this.#comm) either.offer(over(this.#comm, client));
    return either;
  }

  /** One that is offered another way would connect again. */
  #forgetClosed(): void {
    for (const transport of this.#inUse.keys()) if (transport.state.name === "closed") this.#inUse.delete(transport);
  }
}

function over(comm: CommModel, client: Purpose["client"]): CommTransport {
  return new CommTransport(comm, () => ({ client, hasCells: true }));
}
