import { execFileSync } from "node:child_process";

/** The index that pip asks here, of whatever Python is on PATH. */
export function indexOfMachine(): string | undefined {
  if (process.env.PIP_INDEX_URL !== undefined) return undefined;
  const script = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
  try {
    return execFileSync("python3", ["-I", "-c", script], { encoding: "utf8" }).trim();
  } catch {
    return undefined; // then the volume's Python says it
  }
}
