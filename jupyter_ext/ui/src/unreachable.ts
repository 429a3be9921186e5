import type { RequestMethod, Requests } from "./protocol";
import { ConnectionLost, type Transport, type TransportState } from "./transport";

/** Stands in where there is nothing to connect to; says why. */
export class Unreachable implements Transport {
  readonly state: TransportState;
  #stateChanged: (state: TransportState) => void = () => undefined;

  constructor(reason: string) {
    this.state = { name: "refused", reason };
  }

  connect(): void {
    this.#stateChanged(this.state);
  }

  request<M extends RequestMethod>(): Promise<Requests[M]["result"]> {
    return Promise.reject(new ConnectionLost("Not connected."));
  }

  onNotification(): void {
    // Nothing will ever come.
  }

  onStateChange(listener: (state: TransportState) => void): void {
    this.#stateChanged = listener;
  }

  close(): void {
    // Nothing was opened.
  }
}
