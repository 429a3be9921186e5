/** How long to leave the browser to others after a repaint, as a multiple of what it cost. */
const REST = 3;
/** In a tab nobody looks at there are no frames. */
const HIDDEN_MS = 250;

/** Calls `paint` once for any number of requests: in the next frame, or later where painting has become slow. */
export class Repaint {
  #waiting = false;
  #stopped = false;
  #notBefore = 0;

  constructor(private readonly paint: () => void) {}

  request(): void {
    if (this.#waiting || this.#stopped) return;
    this.#waiting = true;
    const wait = this.#notBefore - performance.now();
    if (document.hidden) setTimeout(this.#run, HIDDEN_MS);
    else if (wait > 0) setTimeout(this.#run, wait);
    else requestAnimationFrame(this.#run);
  }

  stop(): void {
    this.#stopped = true;
  }

  readonly #run = (): void => {
    this.#waiting = false;
    if (this.#stopped) return;
    const began = performance.now();
    this.paint();
    const ended = performance.now();
    this.#notBefore = ended + REST * (ended - began);
  };
}
