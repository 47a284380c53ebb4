import type { Event, Phase } from "./events.ts";
import { formatBytes, titleOf } from "./text.ts";

/** The state of one tool's bar. */
interface Row {
  readonly name: string;
  phase: Phase;
  received: number;
  total: number | undefined;
}

/** The bars of the active tools, redrawn for each frame. */
export interface Bars {
  /** Handles an event. True if the picture has changed. */
  update(event: Event): boolean;
  /** The picture: one line per active tool, at most `columns` wide; empty if there is none. */
  frame(columns: number): string;
}

/** `isUnicode`: bars of block characters, else of ASCII. */
export function createBars(isUnicode: boolean): Bars {
  const rows = new Map<string, Row>();
  return {
    update(event) {
      if (event.type === "start") {
        const { tool, size } = event;
        rows.set(tool, { name: titleOf(event), phase: "download", received: 0, total: size });
        return true;
      }
      if (event.type === "installed" || event.type === "failed") return rows.delete(event.tool);
      const row = "tool" in event ? rows.get(event.tool) : undefined;
      if (!row) return false;
      if (event.type === "phase") row.phase = event.phase;
      if (event.type === "progress") {
        row.received = event.received;
        row.total = event.total ?? row.total;
      }
      return true;
    },
    frame(columns) {
      const shown = [...rows.values()];
      const width = Math.max(0, ...shown.map(({ name }) => name.length));
      return shown.map((row) => renderRow(row, width, isUnicode).slice(0, columns)).join("\n");
    },
  };
}

const barWidth = 24;

function renderRow(row: Row, width: number, isUnicode: boolean): string {
  const name = row.name.padEnd(width);
  if (row.phase !== "download") return `${name}  ${labels[row.phase]}`;
  const total = row.total;
  if (total === undefined || total === 0) return `${name}  ${formatBytes(row.received)}`;
  const share = Math.min(1, row.received / total);
  const full = Math.round(share * barWidth);
  const [done, open] = isUnicode ? ["█", "░"] : ["#", "-"];
  const bar = done.repeat(full) + open.repeat(barWidth - full);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${name}  ${bar} ${percent} %  ${formatBytes(row.received)} of ${formatBytes(total)}`;
}

const labels: Record<Exclude<Phase, "download">, string> = {
  copy: "copying from the seed",
  unpack: "unpacking",
  build: "building",
  wait: "waiting for its dependencies",
  test: "testing",
  publish: "publishing",
};
