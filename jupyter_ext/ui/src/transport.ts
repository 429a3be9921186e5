import type { Placed, RequestMethod, Requests } from "./protocol";

/** Any notification, also one of a kind that this client does not know. */
export interface Notification {
  method: string;
  params: Placed & Record<string, unknown>;
}

/**
 * - `connecting`: the first attempt is under way.
 * - `open`: requests can be made.
 * - `waiting`: the connection was lost or refused; another attempt follows by itself.
 * - `refused`: another attempt would be pointless until the user does something; `reason` says what.
 * - `closed`: by `close`.
 */
export type TransportState =
  | { name: "connecting" | "open" | "waiting" | "closed" }
  /** `isAbsent`: there is no Whisperer at that place, and never was while this page has been there. */
  | { name: "refused"; reason: string; isAbsent?: boolean };

/** What a person should know of the way that the frames go. */
export interface Remarks {
  /** Why what was asked has not been heard for a while. */
  delay: string | null;
  /** Where the sessions run, and what cannot be had there. */
  where: string | null;
}

/** Carries requests and notifications of the Whisperer protocol; says nothing about what they mean. */
export interface Transport {
  readonly state: TransportState;
  /** Connects, and again after `refused`. */
  connect(): void;
  /** Rejects with `RpcError` for an error answer, with `ConnectionLost` where no answer can come any more. */
  request<M extends RequestMethod>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]>;
  onNotification(listener: (notification: Notification) => void): void;
  onStateChange(listener: (state: TransportState) => void): void;
  /** Left out where there is nothing to remark. */
  readonly remarks?: Remarks;
  onRemarks?(listener: () => void): void;
  /** What the kernel is called where the sessions run, if not by the id that the page knows. */
  readonly kernelId?: string | null;
  close(): void;
}

/** The server answered with a JSON-RPC error. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    readonly code: number,
    message: string,
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whisperer's configuration is broken: every request gets this until it is mended. */
  get isConfig(): boolean {
    return this.data["kind"] === "config";
  }
}

/** The connection ended, or no answer came in time; whether the request was carried out is not known. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** Why something failed, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
