import type { RequestMethod, Requests } from "./protocol";
import { ConnectionLost, RpcError, type Notification } from "./transport";

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Answer {
  id: number;
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

/** The client's half of JSON-RPC over a channel that carries text: matches answers to requests. */
export class JsonRpcClient {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(
    private readonly onNotification: (notification: Notification) => void,
    /** `null`: an answer is waited for as long as the channel lasts. */
    private readonly timeoutMs: number | null = 30_000,
  ) {}

  request<M extends RequestMethod>(
    method: M,
    params: Requests[M]["params"],
    send: (text: string) => void,
  ): Promise<Requests[M]["result"]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#waiting.delete(id);
        reject(new ConnectionLost("The server did not answer in time."));
      };
      const timer = this.timeoutMs === null ? undefined : setTimeout(late, this.timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /**
   * Takes one frame from the server: an object or a batch. What is not JSON-RPC is dropped. Returns whether it answered
   * something: who asked comes to know of it only after this.
   */
  receive(text: string): boolean {
    const frame = parse(text);
    let answered = false;
    for (const message of Array.isArray(frame) ? frame : [frame]) {
      if (isNotification(message)) this.onNotification(message);
      else if (isAnswer(message)) {
        this.#settle(message);
        answered = true;
      }
    }
    return answered;
  }

  /** No answer can come any more. */
  lose(): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ConnectionLost("The connection to the server was lost."));
    }
    this.#waiting.clear();
  }

  #settle({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(new RpcError(error.code, error.message, error.data));
    else waiting.resolve(result as never);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isNotification(message: unknown): message is Notification {
  return isObject(message) && typeof message["method"] === "string" && isObject(message["params"]);
}

function isAnswer(message: unknown): message is Answer {
  return isObject(message) && typeof message["id"] === "number";
}
