/** What a chat keeps in the browser's tab: its outbox and its draft. */

import type { Store } from "./outbox";

/** Even asking for it throws where the browser forbids storage. */
export function pageStorage(): Store | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** The text that is not sent yet, of the chat that goes by this name. */
export function draftOf(chat: string) {
  const store = pageStorage();
  const key = storageKey("draft", chat);
  return {
    load: () => store?.getItem(key) ?? "",
    save: (text: string) => {
      try {
        if (text) store?.setItem(key, text);
        else store?.removeItem(key);
      } catch {
        // Storage is full: the text box still holds the text.
      }
    },
  };
}

export function storageKey(what: string, chat: string): string {
  return `whisperer:${what}:${chat}`;
}
