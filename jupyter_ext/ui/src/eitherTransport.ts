import type { RequestMethod, Requests } from "./protocol";
import type { Notification, Remarks, Transport, TransportState } from "./transport";

const NOTHING: Remarks = { delay: null, where: null };

/** One way to the sessions, and another where it turns out that there is none at the end of the first. */
export class EitherTransport implements Transport {
  #current: Transport;
  #other: Transport | null = null;
  #notify: (notification: Notification) => void = () => undefined;
  #stateChanged: (state: TransportState) => void = () => undefined;
  #remarked: () => void = () => undefined;

  constructor(private readonly first: Transport) {
    this.#current = first;
    this.#listen(first);
  }

  get state(): TransportState {
    return this.#current.state;
  }

  get remarks(): Remarks {
    return this.#current.remarks ?? NOTHING;
  }

  get kernelId(): string | null {
    return this.#current.kernelId ?? null;
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

  /** Here is another way. It is taken once the first has led nowhere, in the place of any that was offered before. */
  offer(other: Transport): void {
    this.#other = other;
    if (this.#current !== this.first || isAbsent(this.first.state)) this.#change(other);
  }

  connect(): void {
    this.#current.connect();
  }

  request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    return this.#current.request(method, params);
  }

  close(): void {
    this.#current.close();
  }

  #listen(transport: Transport): void {
    transport.onNotification((notification) => {
      this.#notify(notification);
    });
    transport.onRemarks?.(() => {
      this.#remarked();
    });
    transport.onStateChange((state) => {
      if (transport !== this.#current) return;
      if (transport === this.first && isAbsent(state) && this.#other) this.#change(this.#other);
      else this.#stateChanged(state);
    });
  }

  #change(other: Transport): void {
    const before = this.#current;
    this.#current = other;
    before.close();
    this.#listen(other);
    other.connect();
  }
}

function isAbsent(state: TransportState): boolean {
  return state.name === "refused" && state.isAbsent === true;
}
