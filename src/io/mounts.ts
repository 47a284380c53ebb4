import { readFileSync, realpathSync } from "node:fs";
import { orNothing } from "../core/or-nothing.ts";

/** One line of /proc/self/mountinfo. */
export interface Mount {
  /** The directory of the file system that is mounted at `point`. */
  readonly root: string;
  readonly point: string;
  /** Options of the mount, such as `noexec`. */
  readonly options: readonly string[];
  /** Such as `ext4`. */
  readonly type: string;
  /** The source: a device, a server's directory or any other word. */
  readonly source: string;
  /** Options of the file system, such as `file_mode=0644`. */
  readonly settings: readonly string[];
}

/** All mounts, in mount order; empty if the system does not list them. */
function mounts(): Mount[] {
  const text = orNothing(() => readFileSync("/proc/self/mountinfo", "utf8")) ?? "";
  return text.split("\n").flatMap((line) => {
    const [mount = "", source = ""] = line.split(" - ");
    const [, , , root, point, options = ""] = mount.split(" ").map(unescaped);
    const [type = "", from = "", settings = ""] = source.split(" ").map(unescaped);
    const known = {
      type,
      source: from,
      options: options.split(","),
      settings: settings.split(","),
    };
    return root && point ? [{ root, point, ...known }] : [];
  });
}

function unescaped(field: string): string {
  return field.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

const unknownMount: Mount = {
  root: "/",
  point: "/",
  options: [],
  type: "unknown type",
  source: "",
  settings: [],
};

/** The mount of a path; of an unknown type at `/` if the system does not list it. */
export function mountOf(path: string): Mount {
  const real = orNothing(() => realpathSync(path)) ?? path;
  let found = unknownMount;
  for (const mount of mounts()) {
    const { point } = mount;
    const holds = real === point || real.startsWith(point.endsWith("/") ? point : `${point}/`);
    // Of two mounts at one point the later one is visible.
    if (holds && point.length >= found.point.length) found = mount;
  }
  return found;
}

/**
 * The source directory of a mount, which on most hosts has the same path there. Undefined if `path`
 * is not a mount point, or is the root of its file system.
 */
export async function mountSource(path: string): Promise<string | undefined> {
  const root = mounts().findLast(({ point }) => point === path)?.root;
  return root === "/" ? undefined : root;
}
