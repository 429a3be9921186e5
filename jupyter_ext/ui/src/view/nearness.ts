/** How far outside of what is seen a row comes to life, so that nobody sees it happen. In CSS pixels. */
const MARGIN = 1_200;

/** Something that shows less of itself until it comes near what is seen. */
export interface Resting {
  readonly element: HTMLElement;
  wake: () => void;
}

/** Wakes what comes near the part of a scrolling element that is seen. */
export class Nearness {
  readonly #resting = new Map<Element, Resting>();
  #observer: IntersectionObserver | null = null;

  /** `row` is woken once, in the scrolling element `within` which it is, or will be. */
  watch(row: Resting, within: Element | null): void {
    this.#observer ??= new IntersectionObserver(this.#moved, { root: within, rootMargin: `${MARGIN}px 0px` });
    this.#resting.set(row.element, row);
    this.#observer.observe(row.element);
  }

  forget(element: Element): void {
    this.#observer?.unobserve(element);
    this.#resting.delete(element);
  }

  stop(): void {
    this.#observer?.disconnect();
    this.#resting.clear();
  }

  readonly #moved = (changes: IntersectionObserverEntry[]): void => {
    for (const { isIntersecting, target } of changes) {
      if (!isIntersecting) continue;
      this.#resting.get(target)?.wake();
      this.forget(target);
    }
  };
}
