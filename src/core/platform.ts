import { UserError } from "./errors.ts";

export type Arch = "x64" | "arm64";
export type Libc = "glibc" | "musl";

/** The processors by Linux's own names, as in wheels and directories of libraries. */
export const machineNames = { x64: "x86_64", arm64: "aarch64" } as const satisfies Record<
  Arch,
  string
>;

/** The variables of an environment. A parameter everywhere, too. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Where programs run. A parameter everywhere: only main.ts inspects the machine. */
export interface Platform {
  readonly os: "linux";
  readonly arch: Arch;
  readonly libc: Libc;
  /** Such as `2.36`; absent if not known (`--platform`). */
  readonly libcVersion?: string | undefined;
}

/**
 * The platform keys of a recipe's `artifacts`. `linux-x64` means: runs with any libc (static).
 * `any` means: runs wherever its `needs` run.
 */
export const platformKeys = [
  "linux-x64",
  "linux-x64-glibc",
  "linux-x64-musl",
  "linux-arm64",
  "linux-arm64-glibc",
  "linux-arm64-musl",
  "any",
] as const;
export type PlatformKey = (typeof platformKeys)[number];

/** `linux-x64-glibc`: what a volume is bound to. */
export function platformId(platform: Platform): string {
  return `${platform.os}-${platform.arch}-${platform.libc}`;
}

/** The keys that match a platform, most specific first. */
export function keysFor(platform: Platform): PlatformKey[] {
  const base = `${platform.os}-${platform.arch}` as const;
  return [`${base}-${platform.libc}`, base, "any"];
}

/**
 * Reads `--platform` and the manifest's platform: `linux-arm64`, `linux-x64-musl`. Without a libc
 * it means glibc, as in OpenClaw's own images.
 */
export function parsePlatform(text: string): Platform {
  const match = /^linux-(x64|arm64)(?:-(glibc|musl))?$/.exec(text);
  if (!match) {
    throw new UserError("E_USAGE", `"${text}" is not a platform`, {
      hint: "Write linux-x64 or linux-arm64; append -glibc or -musl if the libc matters.",
    });
  }
  return {
    os: "linux",
    arch: match[1] as Arch,
    libc: (match[2] as Libc | undefined) ?? "glibc",
  };
}

/** True if version `have` is at least `want`; both are dotted numbers such as `2.36`. */
export function isAtLeast(have: string, want: string): boolean {
  const left = have.split(".").map(Number);
  const right = want.split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
