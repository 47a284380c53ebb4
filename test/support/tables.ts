/** Tables of what real runs have seen, in Markdown. */

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A text in one line, without addresses of this machine's registries. */
export function cell(text: string): string {
  const line = text.replaceAll("|", "\\|").replace(/\s+/g, " ");
  return line.replaceAll(/https?:\/\/\S+/g, "an address").slice(0, 300);
}
