/** Changes in a recipe's text, which leave everything else as it is. */

/** What ends its lines. */
export function lineBreakOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** The end of the line that a value ends in: behind its comment, before the line break. */
export function endOfLine(text: string, end: number): number {
  const from = text.slice(0, end).trimEnd().length; // a block's end is behind its line break
  const length = /^[^\r\n]*/.exec(text.slice(from))?.[0].length ?? 0;
  return from + length;
}

/** The blanks before what begins at this place, for another line like it. */
export function indentAt(text: string, at: number): string {
  return " ".repeat(at - (text.lastIndexOf("\n", at) + 1));
}

/** A new value in place of another one, as it is written there: the end of a block is behind its line break. */
export function inPlaceOf(written: string, value: string): string {
  const isEmpty = written === ""; // `sha256:`
  return isEmpty ? ` ${value}` : value + (/\s*$/.exec(written)?.[0] ?? "");
}

/** A part of a text, by its position, and what it becomes. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text after all edits. Of two additions at one place the first stays first. */
export function edited(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of edits.toReversed().sort((a, b) => b.from - a.from)) {
    result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
  }
  return result;
}
