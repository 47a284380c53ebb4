/**
 * Plain SVG: bars and lines are a dozen elements each, and what draws charts in Node wants a document
 * of a browser's.
 */
import type { Cell } from "./growth.ts";
import { type Group, summarize } from "./report.ts";

const font = 'font-family="system-ui, sans-serif" font-size="12"';
const ink = "#333";
const own = "#1a7f5a";
const others = "#8aa0b4";

/**
 * A bar per contender: its median; a tick where its best run was. One scale per group, from 0 on, or in
 * powers of ten where the longest bar would leave nothing of the others.
 */
export function barChart(groups: readonly Group[]): string {
  const [left, width, row] = [290, 420, 20];
  const parts: string[] = [];
  let y = 10;
  for (const group of groups) {
    const summaries = summarize(group);
    const medians = summaries.map(({ median }) => median);
    const [least, most] = [Math.min(...summaries.map(({ min }) => min)), Math.max(...medians)];
    const powers = most / least > 50;
    const start = Math.floor(Math.log10(least));
    const lengthOf = (value: number): number =>
      width * (powers ? (Math.log10(value) - start) / (Math.log10(most) - start) : value / most);
    const how = `median, ${group.unit}${powers ? ", in powers of ten" : ""}`;
    parts.push(text(10, y + 14, `${group.title} (${how})`, 'font-weight="600"'));
    y += 24;
    for (const { name, median, min } of summaries) {
      const [bar, tick] = [lengthOf(median), lengthOf(min)];
      const fill = name.startsWith("ours") ? own : others;
      parts.push(
        text(left - 8, y + 13, name, 'text-anchor="end"'),
        `<rect x="${left}" y="${y + 2}" width="${round(bar)}" height="${row - 6}" fill="${fill}"/>`,
        line(left + tick, y, left + tick, y + row - 2, ink),
        text(left + bar + 6, y + 13, median.toFixed(median < 10 ? 2 : 1)),
      );
      y += row;
    }
    y += 18;
  }
  return svg("Wall times, median of each", left + width + 70, y, parts);
}

interface Panel {
  readonly title: string;
  readonly value: (cell: Cell) => number | undefined;
}

const panels: readonly Panel[] = [
  { title: "steady state, ms", value: ({ steady }) => steady && steady * 1000 },
  { title: "planning through Node, ms", value: ({ planning }) => planning * 1000 },
  { title: "peak memory of planning, MB", value: ({ planningPeak }) => planningPeak / 1e6 },
];

const [panelWidth, panelHeight, margin] = [230, 200, 50];
const shades = ["#9ecae1", "#4292c6", "#084594"];

/** A panel per measure, a line per number of skills; both axes in powers of ten. */
export function growthChart(cells: readonly Cell[]): string {
  const parts = panels.flatMap((panel, i) =>
    drawPanel(panel, cells, margin + i * (panelWidth + 70)),
  );
  const title = "Growth with skills and programs";
  return svg(title, margin + panels.length * (panelWidth + 70), panelHeight + 110, parts);
}

function drawPanel({ title, value }: Panel, cells: readonly Cell[], left: number): string[] {
  const values = cells.map(value).filter((one) => one !== undefined);
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const decades = [...new Set(cells.map(({ programs }) => programs))].sort((a, b) => a - b);
  const first = Math.log10(decades[0] ?? 1);
  const span = Math.max(1, Math.log10(decades.at(-1) ?? 10) - first);
  const x = (programs: number): number =>
    left + ((Math.log10(programs) - first) / span) * panelWidth;
  const bottom = 40 + panelHeight;
  const y = (one: number): number =>
    bottom - ((Math.log10(one) - low) / (high - low)) * panelHeight;
  const parts = [text(left, 24, title, 'font-weight="600"')];
  for (let power = low; power <= high; power += 1) {
    const at = y(10 ** power);
    parts.push(line(left, at, left + panelWidth, at, "#ddd"));
    parts.push(text(left - 6, at + 4, `${10 ** power}`, 'text-anchor="end"'));
  }
  for (const programs of decades) {
    parts.push(text(x(programs), bottom + 18, `${programs}`, 'text-anchor="middle"'));
  }
  parts.push(text(left + panelWidth / 2, bottom + 36, "programs", 'text-anchor="middle"'));
  [...new Set(cells.map(({ skills }) => skills))].forEach((skills, i) => {
    const points = cells
      .filter((cell) => cell.skills === skills && value(cell) !== undefined)
      .map((cell) => `${round(x(cell.programs))},${round(y(value(cell) ?? 1))}`);
    const color = shades[i % shades.length] ?? ink;
    parts.push(
      `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>`,
      text(left + i * 78, bottom + 56, `${skills} skills`, `style="fill: ${color}"`),
    );
  });
  return parts;
}

function svg(title: string, width: number, height: number, parts: readonly string[]): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const ground = `<rect width="${width}" height="${height}" fill="#fff"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font} fill="${ink}">\n<title>${title}</title>\n${[ground, ...parts].join("\n")}\n</svg>\n`;
}

function text(x: number, y: number, words: string, more = ""): string {
  const safe = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${round(x)}" y="${round(y)}"${more === "" ? "" : ` ${more}`}>${safe}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, color: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round);
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${color}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
