import prettyBytes from "pretty-bytes";
import type { ProblemCode } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { nameSome } from "../core/wording.ts";
import type { Event } from "./events.ts";

/**
 * How much is printed: `quiet` only warnings and failures, `change` also one line for the run,
 * `verbose` every phase.
 */
export type Verbosity = "quiet" | "change" | "normal" | "verbose";

export function formatBytes(bytes: number): string {
  return prettyBytes(bytes); // with options it would load the locale tables, only for a decimal point
}

function formatSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 9950 ? 1 : 0)} s`;
}

/** The line for an event; undefined if it has none. Readable without colour. */
export function renderEvent(event: Event, verbosity: Verbosity): string | undefined {
  const line = lineOf(event, verbosity);
  return line === undefined ? undefined : printable(line);
}

function lineOf(event: Event, verbosity: Verbosity): string | undefined {
  switch (event.type) {
    case "warning":
      return renderProblemLine("warning", event.message, event);
    case "failed": // printed at the end, grouped by cause
      return verbosity === "verbose" ? `${event.tool}: failed: ${event.message}` : undefined;
    case "detail":
      return verbosity === "verbose" ? event.message : undefined;
    case "phase":
      return verbosity === "verbose" ? `${event.tool}: ${event.phase}` : undefined;
    case "change":
      return verbosity === "quiet" ? undefined : `watch: ${event.reason}: ${event.result}`;
    case "progress":
      return undefined;
    default:
      return verbosity === "quiet" || verbosity === "change" ? undefined : renderStep(event);
  }
}

/** `gog 1.2.0`, or the title of a library set. */
export function titleOf(it: {
  readonly tool: string;
  readonly version: string;
  readonly title?: string | undefined;
}): string {
  return it.title ?? `${it.tool} ${it.version}`;
}

type Step = Extract<Event, { type: "note" | "start" | "installed" | "linked" | "removed" }>;

function renderStep(event: Step): string {
  if (event.type === "note") return event.message;
  const named = titleOf(event);
  switch (event.type) {
    case "start":
      return `${named}: fetching${event.size === undefined ? "" : ` (${formatBytes(event.size)})`}`;
    case "installed":
      return renderInstalled(event);
    case "linked":
      return `${named}: linked again${event.bins.length > 0 ? ` (${nameSome(event.bins)})` : ""}`;
    case "removed":
      return `${named}: removed${programsIn(event)} (${formatBytes(event.size)})`;
  }
}

function renderInstalled(event: Extract<Event, { type: "installed" }>): string {
  const found = event.tool === commandName ? "a copy of this command" : "already present";
  const had = event.copyOf === undefined ? found : `from ${event.copyOf}`;
  const how = event.size === 0 ? had : formatBytes(event.size);
  const seconds = formatSeconds(event.milliseconds);
  return `${titleOf(event)}: installed${programsIn(event)} (${how}, ${seconds})`;
}

function programsIn({ bins }: { readonly bins: readonly string[] }): string {
  return bins.length > 0 ? ` ${nameSome(bins)}` : "";
}

/** A problem's message, with its code at the end of the first line and its hint below. */
export function renderProblemLine(
  word: "error" | "warning",
  message: string,
  { problem, hint }: { readonly problem: ProblemCode; readonly hint?: string | undefined },
): string {
  return withHint(`${word}: ${message.replace(/$|(?=\n)/, ` [${problem}]`)}`, hint);
}

/** A message with its hint below. */
export function withHint(message: string, hint: string | undefined): string {
  return printable(hint === undefined ? message : `${message}\n  hint: ${hint}`);
}

/** A text for a terminal: servers, skills and other users wrote parts of it, so control characters are removed. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is left out
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, " ");
}

/** Rows in columns, two spaces between them; the first row is the heading. */
export function renderTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The document of `--json`. */
export function renderDocument(fields: object): string {
  return `${JSON.stringify({ schema: 1, ...fields }, null, 2)}\n`;
}
