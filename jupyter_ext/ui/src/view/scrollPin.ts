/** This near the end counts as at the end, in CSS pixels. */
const NEAR = 24;

/** Keeps a scrolling element at its end for as long as the reader has not scrolled away from it. */
export class ScrollPin {
  onChange: (isPinned: boolean) => void = () => undefined;
  #pinned = true;
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
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.#set(scrollHeight - scrollTop - clientHeight < NEAR);
  };

  #set(pinned: boolean): void {
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.onChange(pinned);
  }
}
