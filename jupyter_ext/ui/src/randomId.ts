/** `crypto.randomUUID` exists only on HTTPS and localhost, and notebooks are served over plain HTTP as well. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
