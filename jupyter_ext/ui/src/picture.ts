/** What the view shows of a session, at one moment. */

import type { Outgoing } from "./outbox";
import type { AgentInfo } from "./protocol";
import type { ChatState } from "./state";
import type { Remarks } from "./transport";

/**
 * - `connecting`: nothing has been heard yet.
 * - `live`: events arrive as they happen.
 * - `reconnecting`: the connection was lost; what is sent waits in the outbox.
 * - `failed`: `problem` says why; `retry` tries once more.
 */
export type Connection = "connecting" | "live" | "reconnecting" | "failed";

export interface Picture {
  chat: ChatState;
  agents: readonly AgentInfo[];
  connection: Connection;
  /** Why the connection failed, for the user. */
  problem: string | null;
  remarks: Remarks;
  /** Sent by this client, and not heard back from the server. */
  outgoing: readonly Outgoing[];
  /** Answers to commands, and other words of the client itself, by the number of entries they stand behind. */
  notes: readonly Note[];
}

export interface Note {
  id: number;
  behind: number;
  text: string;
}
