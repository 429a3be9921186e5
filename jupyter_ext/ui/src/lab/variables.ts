/** The names of the user's variables, asked of a Python kernel that has nothing else to do. */

import type { Kernel, KernelMessage } from "@jupyterlab/services";

const MOST = 500;
const PATIENCE_MS = 1_500;
// An expression beside no code: nothing is counted, kept in the history or shown.
const NAMES = `" ".join([n for n in get_ipython().user_ns if n[0] != "_" and n not in get_ipython().user_ns_hidden][:${MOST}])`;

export class Variables {
  #names: Promise<readonly string[]> = Promise.resolve([]);
  #isOld = true;

  constructor(private readonly kernel: Kernel.IKernelConnection) {
    kernel.iopubMessage.connect((_, { header }) => {
      if (header.msg_type === "execute_input") this.#isOld = true;
    });
  }

  /** While a cell runs: those of before. A question then would wait for its end, and all that is run after it. */
  async names(): Promise<readonly string[]> {
    if (this.#isOld && this.kernel.status === "idle") {
      this.#isOld = false;
      this.#names = this.#names.then((before) => this.#ask(before));
    }
    return await this.#names;
  }

  /** Those of before, where it has something else to do after all, or goes away. */
  async #ask(before: readonly string[]): Promise<readonly string[]> {
    const content = { code: "", silent: true, store_history: false, user_expressions: { names: NAMES } };
    const future = this.kernel.requestExecute(content);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, null);
    });
    const reply = await Promise.race([future.done.catch(() => null), late]);
    clearTimeout(timer);
    this.#isOld ||= reply === null;
    return reply ? namesIn(reply.content) : before;
  }
}

/** They come as the repr of one string; of a kernel that is not Python comes an error, or nothing. */
function namesIn(content: KernelMessage.IExecuteReplyMsg["content"]): readonly string[] {
  if (content.status !== "ok") return [];
  const named = content.user_expressions["names"] as { data?: Record<string, unknown> } | undefined;
  const text = named?.data?.["text/plain"];
  return typeof text === "string" ? text.replace(/^['"]|['"]$/g, "").split(" ").filter(Boolean) : [];
}
