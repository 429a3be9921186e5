/** This near the end counts as at the end, in CSS pixels. */
const NEAR = 24;

/** Keeps a scrolling element at its end for as long as the reader has not scrolled away from it. */
export class ScrollPin {
  onChange: (isPinned: boolean) => void = () => undefined;
  #pinned = true;
  #width = 0;
  #height = 0;
  readonly #resized = new ResizeObserver(() => {
    this.follow();
  });

  constructor(private readonly element: HTMLElement) {
    element.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#resized.observe(element);
  }

  follow(): void {
    if (this.#pinned) this.element.scrollTop = this.element.scrollHeight;
  }

  toEnd(): void {
    this.#set(true);
    this.follow();
  }

  stop(): void {
    this.#resized.disconnect();
    this.element.removeEventListener("scroll", this.#scrolled);
  }

  readonly #scrolled = (): void => {
    const { scrollHeight, scrollTop, clientHeight, clientWidth } = this.element;
    // What lies elsewhere because the element was resized, the reader has not scrolled to.
    const isResized = clientWidth !== this.#width || clientHeight !== this.#height;
    this.#width = clientWidth;
    this.#height = clientHeight;
    if (isResized && this.#pinned) this.follow();
    else this.#set(scrollHeight - scrollTop - clientHeight < NEAR);
  };

  #set(pinned: boolean): void {
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.onChange(pinned);
  }
}
