import { h } from "./dom";

// One of each: making them costs more than what they do, and a conversation has thousands of dates.
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const WHOLE = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

/** When something was said: hours and minutes, the whole date on demand. */
export function timeOf(ts: string | null): HTMLElement {
  const date = dateOf(ts);
  return date ? h("time", { class: "whisperer-time", datetime: date.toISOString(), title: WHOLE.format(date) }, CLOCK.format(date)) : h("span");
}

/** The whole date in words; nothing where there is none. */
export function wholeDate(ts: string | null): string {
  const date = dateOf(ts);
  return date ? WHOLE.format(date) : "";
}

function dateOf(ts: string | null): Date | null {
  const date = ts === null ? null : new Date(ts);
  return date && !Number.isNaN(date.getTime()) ? date : null;
}
