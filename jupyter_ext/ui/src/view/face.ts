/** What stands for an agent: a picture of ours, the symbol that `agents.yaml` names, or her initial. */

import { icon } from "./dom";

/** Line drawings for the symbols that the shipped agents have: a font for emoji is not everywhere. */
const PICTURES: Readonly<Record<string, string>> = {
  "💡": "M6.2 11.2c-1.5-1-2.5-2.4-2.5-4.2a4.3 4.3 0 0 1 8.6 0c0 1.8-1 3.2-2.5 4.2zM6.2 13.7h3.6",
  "🧭": "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM10.4 5.6 9 9l-3.4 1.4L7 7z",
  "🧪": "M5.8 2.5h4.4M6.6 2.5v4L3.4 12a1 1 0 0 0 .9 1.6h7.4a1 1 0 0 0 .9-1.6L9.4 6.5v-4M5 9.8h6",
  "💬": "M3 3h10v7.5H7.5L4.5 13v-2.5H3z",
};
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;

/** An icon may also be the name of a picture that only another client has. */
export function faceOf(symbol: string | undefined, name: string): Node | string {
  const picture = symbol && PICTURES[symbol];
  if (picture) return icon(picture);
  const isSymbol = symbol && !/^[\w\s.:/-]*$/.test(symbol);
  return isSymbol && (!EMOJI.test(symbol) || isColoured(symbol)) ? symbol : name.charAt(0).toUpperCase();
}

/** Whether this machine has a font for it: an emoji is drawn in colours of its own, the box in its place in the text's. */
function isColoured(emoji: string): boolean {
  const canvas = new OffscreenCanvas(16, 16);
  const pen = canvas.getContext("2d");
  if (!pen) return false;
  pen.font = "12px sans-serif";
  pen.fillText(emoji, 0, 13);
  const { data } = pen.getImageData(0, 0, 16, 16);
  return data.some((value, index) => index % 4 !== 3 && value > 0);
}
