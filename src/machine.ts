import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import * as detectLibc from "detect-libc";
import type { Context } from "./context.ts";
import { readElf } from "./core/elf.ts";
import { UserError } from "./core/errors.ts";
import type { Platform } from "./core/platform.ts";
import { readPieces } from "./io/disk.ts";
import { orNothing } from "./io/files.ts";

/** As in the sh entrypoint: HOME, else this user's entry in passwd, else `/`. */
export function homeDirectory(): string {
  const { HOME = "" } = process.env;
  if (HOME.startsWith("/")) return HOME;
  try {
    const { homedir } = userInfo();
    return homedir.startsWith("/") ? homedir : "/";
  } catch {
    return "/"; // a user without an entry in passwd
  }
}

/** This machine. Throws a UserError where no program of a recipe runs. */
export function machinePlatform(): Platform {
  const { platform, arch } = process;
  if (platform !== "linux" || (arch !== "x64" && arch !== "arm64")) {
    throw new UserError(
      "E_PLATFORM",
      `this runs on ${platform}-${arch}; skill programs are for Linux`,
    );
  }
  const interpreter = orNothing(() =>
    readPieces(process.execPath, (read) => readElf(read)?.interpreter),
  );
  const musl = interpreter?.includes("musl") ?? detectLibc.familySync() === detectLibc.MUSL;
  return {
    os: "linux",
    arch,
    libc: musl ? "musl" : "glibc",
    // Reading Node's report takes 2 ms, and few recipes need it.
    get libcVersion() {
      return detectLibc.versionSync() ?? undefined;
    },
  };
}

/** The nearest directory above the bundle with our package.json, and its version. */
export function findPackage(bundle: string): Pick<Context, "packageDir" | "version"> {
  try {
    let dir = bundle;
    const isThere = (): boolean =>
      statSync(join(dir, "package.json"), { throwIfNoEntry: false }) !== undefined;
    while (!isThere() && dir !== dirname(dir)) dir = dirname(dir);
    const { version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    return { packageDir: dir, version: String(version) };
  } catch (cause) {
    const { code = "", errno } = cause as NodeJS.ErrnoException;
    const isPackage = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code);
    if (errno !== undefined && !isPackage) throw cause; // a shortage of files or memory, or a failing disk
    const message = `${bundle} is not in a complete package: no package.json can be read`;
    throw new UserError("E_PACKAGE_DAMAGED", message, { cause });
  }
}
