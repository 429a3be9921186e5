import { h } from "./dom";

/** When something was said: hours and minutes, the whole date on demand. */
export function timeOf(ts: string | null): HTMLElement {
  const date = ts === null ? null : new Date(ts);
  if (!date || Number.isNaN(date.getTime())) return h("span");
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return h("time", { class: "whisperer-time", datetime: date.toISOString(), title: date.toLocaleString() }, clock);
}
