/** Whether a key press is the shortcut that `agents.yaml` writes as "Alt Shift A". */
export function isShortcut(shortcut: string, event: KeyboardEvent): boolean {
  const parts = shortcut.toLowerCase().split(/[\s+]+/);
  const key = parts.pop() ?? "";
  const modifiers = [event.altKey && "alt", event.ctrlKey && "ctrl", event.metaKey && "meta", event.shiftKey && "shift"];
  const held = modifiers.filter((name) => name !== false);
  // With Alt held, `key` is whatever the layout puts there: the place of the key is what counts.
  const isKey = event.code.toLowerCase() === `key${key}` || event.key.toLowerCase() === key;
  // A bare letter is text, not a shortcut.
  return isKey && held.length > 0 && held.length === parts.length && held.every((name) => parts.includes(name));
}
