/** This near the end counts as at the end, in CSS pixels. */
const NEAR = 24;

/** Keeps a scrolling element at its end for as long as the reader has not scrolled away from it. */
export class ScrollPin {
  onChange: (isPinned: boolean) => void = () => undefined;
  #pinned = true;
  #width = 0;
  #height = 0;
  #length = 0;
  readonly #resized = new ResizeObserver(() => {
    this.follow();
  });

  /** `content` is what `element` scrolls: rows that come near change their height. */
  constructor(
    private readonly element: HTMLElement,
    content: HTMLElement,
  ) {
    element.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#resized.observe(element);
    this.#resized.observe(content);
  }

  follow(): void {
    if (!this.#pinned) return;
    this.#length = this.element.scrollHeight;
    this.element.scrollTop = this.#length;
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
    // What lies elsewhere because the element or what is in it was resized, the reader has not scrolled to.
    const isResized =
      clientWidth !== this.#width || clientHeight !== this.#height || scrollHeight !== this.#length;
    this.#width = clientWidth;
    this.#height = clientHeight;
    this.#length = scrollHeight;
    if (isResized && this.#pinned) this.follow();
    else this.#set(scrollHeight - scrollTop - clientHeight < NEAR);
  };

  #set(pinned: boolean): void {
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.onChange(pinned);
  }
}
