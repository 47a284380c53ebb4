import { readFile } from "node:fs/promises";

/**
 * Where a mount comes from: the directory of its file system that is seen at `path`, which on most
 * hosts is also its path there. Undefined where `path` is no mount point, or a file system of its own.
 */
export async function mountSource(path: string): Promise<string | undefined> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  let source: string | undefined;
  for (const line of text.split("\n")) {
    const [, , , root = "", point = ""] = line.split(" ").map(unescaped);
    // Of two mounts on one point the later one is in sight.
    if (point === path) source = root === "/" ? undefined : root;
  }
  return source;
}

function unescaped(field: string): string {
  return field.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
