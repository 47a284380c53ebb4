/** What a terminal supports: colour, cursor movement, characters beyond ASCII. */

import { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { Env } from "../core/platform.ts";

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** NO_COLOR and FORCE_COLOR decide; otherwise terminals that support colour. */
  readonly hasColour: boolean;
  /** False on a dumb terminal, and on one that does not know its size. */
  readonly canRedraw: boolean;
  /** True if the locale is UTF-8. */
  readonly isUnicode: boolean;
}

export function terminalOf(
  { isTTY = false, columns = 0 }: { readonly isTTY?: boolean; readonly columns?: number },
  env: Env,
): Terminal {
  const { NO_COLOR, ...others } = env; // Node warns if both NO_COLOR and FORCE_COLOR are set
  const isAsked = env.FORCE_COLOR !== undefined || (isTTY && !NO_COLOR);
  return {
    hasColour: isAsked && WriteStream.prototype.getColorDepth(others) > 1,
    canRedraw: isTTY && columns > 0 && env.TERM !== "dumb",
    isUnicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ""),
  };
}

/** Line beginnings that are coloured; the text is readable without. */
const styles: readonly (readonly [RegExp, Style])[] = [
  [/^error:/gm, ["red", "bold"]],
  [/^warning:/gm, ["yellow", "bold"]],
  [/^ {2}hint:/gm, "cyan"],
  [/^[A-Z]{3,}(?: {2,}[A-Z]{3,})+ *$/gm, "bold"], // the heading of a table
];

/** The text with the colours of its line beginnings. */
function coloured(text: string): string {
  return styles.reduce(
    (text, [pattern, style]) =>
      text.replace(pattern, (found) => styleText(style, found, { validateStream: false })),
    text,
  );
}

/** A stream that colours texts if the terminal supports it. */
export function withColour(stream: NodeJS.WriteStream, env: Env): NodeJS.WriteStream {
  if (!terminalOf(stream, env).hasColour) return stream;
  const write = (chunk: unknown, ...rest: never[]): boolean =>
    stream.write(typeof chunk === "string" ? coloured(chunk) : (chunk as string), ...rest);
  return Object.create(stream, { write: { value: write } });
}
