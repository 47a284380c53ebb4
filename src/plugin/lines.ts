import { stripVTControlCharacters } from "node:util";
import type { Logger } from "./openclaw.ts";

/** Bytes of an unfinished line that are kept. */
const maxLine = 4000;
/** Lines that are logged per minute; a broken command must not fill the gateway's log. */
const maxPerMinute = 300;
const minute = 60_000;

/** Takes output as it comes, and logs it line by line. */
export interface LineLog {
  write(chunk: string): void;
  /** Logs a last line without an end. */
  end(): void;
}

/** The lines of the command, in the gateway's log. `clock`: milliseconds. */
export function logLines(logger: Logger, clock: () => number): LineLog {
  let rest = "";
  let since = clock();
  let count = 0;
  const log = (line: string): void => {
    if (line.trim() === "") return;
    if (clock() - since > minute) {
      if (count > maxPerMinute) logger.warn(`skill-deps: ${count - maxPerMinute} lines left out`);
      since = clock();
      count = 0;
    }
    count++;
    if (count > maxPerMinute) return;
    const { level, text } = readLine(line);
    logger[level](`skill-deps: ${text}`);
  };
  return {
    write(chunk) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = (lines.pop() ?? "").slice(0, maxLine);
      for (const line of lines) log(line);
    },
    end() {
      log(rest);
      rest = "";
    },
  };
}

/** The level of a line, and its text without the command's name and what would control a terminal. */
export function readLine(line: string): { level: keyof Logger; text: string } {
  const plain = stripVTControlCharacters(line)
    .replace(/\p{Cc}/gu, " ")
    .slice(0, maxLine)
    .trimEnd();
  const text = plain.replace(/^openclaw-install-skill-deps: /, "");
  if (/^error\b/.test(text)) return { level: "error", text };
  return { level: /^warning\b/.test(text) ? "warn" : "info", text };
}
