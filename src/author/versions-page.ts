import type { DraftContext } from "./draft-context.ts";

/**
 * The versions that a page names, such as a file with only the newest one or a list of downloads. Throws the
 * UserErrors of a download.
 */
export async function pageVersions(
  url: string,
  { http, signal }: DraftContext,
): Promise<readonly string[]> {
  const { text } = await http.text(url, { signal });
  return versionsIn(text);
}

/** All of a text, each once: `1.98.4` of `tailscale_1.98.4_amd64.tgz`, `1.2.0-rc.1` of `v1.2.0-rc.1`. */
export function versionsIn(text: string): string[] {
  const found = text.matchAll(/(?<![0-9A-Za-z.])v?(\d+(?:\.\d+)+(?:-[0-9A-Za-z.]+)?)/g);
  return [...new Set([...found].map(([, version = ""]) => version))];
}
