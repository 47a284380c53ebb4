import type { Emit, Event, Failure } from "./events.ts";
import { renderFailures } from "./failures.ts";
import { createBars } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { renderEvent, type Verbosity } from "./text.ts";

/** Handles events; `finish` prints the failures, grouped by cause. */
export interface Reporter {
  readonly emit: Emit;
  /** Warnings and failures so far, for last-run.json. */
  readonly warnings: readonly string[];
  finish(): void;
}

export interface ReporterOptions {
  readonly verbosity: Verbosity;
  /** Show progress bars if stderr can redraw them. */
  readonly progress: boolean;
  /** Unmet requirements are errors. */
  readonly strict: boolean;
  /** Warnings, and what cannot be installed here, were reported before: they are repeated only with other news. */
  readonly isRepeat?: boolean;
  /** One JSON object per event on stdout. */
  readonly events: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The properties of stderr. */
  readonly terminal: Terminal;
}

/** Text for people goes to stderr, data to stdout. */
export async function createReporter(options: ReporterOptions): Promise<Reporter> {
  const { verbosity, stdout, stderr, terminal } = options;
  const warnings: string[] = [];
  let failures: Failure[] = [];
  /** What may be no news; undefined once there is some. */
  let repeated: string | undefined = options.isRepeat ? "" : undefined;
  const say = (text: string): void => {
    stderr.write((repeated ?? "") + text);
    repeated = undefined;
  };
  const bars =
    options.progress && terminal.canRedraw && (verbosity === "normal" || verbosity === "verbose")
      ? await liveBars(stderr, terminal.isUnicode)
      : undefined;
  return {
    warnings,
    emit(event) {
      if (event.type === "detail" && verbosity !== "verbose") return;
      if (event.type === "warning") warnings.push(event.message);
      if (event.type === "failed") failures.push(event);
      if (options.events) stdout.write(`${JSON.stringify(event)}\n`);
      const line = bars?.hides(event) ? undefined : renderEvent(event, verbosity);
      if (repeated !== undefined && event.type === "warning") repeated += `${line}\n`;
      else if (line !== undefined) {
        bars?.clear();
        say(`${line}\n`);
      }
      bars?.update(event);
    },
    finish() {
      bars?.clear();
      const isNews = repeated === undefined || failures.some(({ code }) => code !== "unmet");
      if (isNews) say(renderFailures(failures, options.strict));
      failures = [];
    },
  };
}

/** Redraws at most every 60 ms: a fast download emits thousands of progress events. */
async function liveBars(stderr: NodeJS.WriteStream, isUnicode: boolean) {
  // Its tables of wide characters take 10 MB, which most runs do not need.
  const { createLogUpdate } = await import("log-update");
  const bars = createBars(isUnicode);
  const draw = createLogUpdate(stderr);
  let drawn = 0;
  return {
    hides: (event: Event): boolean => event.type === "start",
    clear: () => draw.clear(),
    update(event: Event): void {
      if (!bars.update(event)) return;
      const now = performance.now();
      if (event.type === "progress" && now - drawn < 60) return;
      drawn = now;
      draw(bars.frame((stderr.columns ?? 80) - 1));
    },
  };
}
