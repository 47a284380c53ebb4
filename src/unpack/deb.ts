import { posix } from "node:path";
import type { ArchiveFormat } from "../core/recipe.ts";
import { readPieces } from "../io/disk.ts";
import { type ArMember, brokenDeb, readAr } from "./ar.ts";
import { decompressed } from "./decompress.ts";
import { refusal, refuseEntry } from "./refusals.ts";
import type { TreeWriter } from "./tree.ts";
import { untar } from "./untar.ts";

/** Directories that we add to a tree of packages; packages must not contain them. */
export const ownDirectories = {
  /** Links to libraries, by the names under which programs load them. */
  libraries: "usr/lib/openclaw-libs",
  /** The programs that launchers start, by the launcher's path. */
  programs: "usr/lib/openclaw-programs",
  /** The library directory of this architecture under a fixed name. */
  native: "usr/lib/openclaw-native",
} as const;

const formats: Readonly<Record<string, ArchiveFormat>> = {
  "data.tar": "tar",
  "data.tar.gz": "tar.gz",
  "data.tar.xz": "tar.xz",
  "data.tar.bz2": "tar.bz2",
  "data.tar.zst": "tar.zst",
};

/**
 * Unpacks the files of a verified Debian package into a tree that other packages share. Its scripts
 * are not even read. Documentation except licences is left out. Throws a UserError of ./refusals.ts
 * if the package is damaged, hostile or unsupported; the caller finishes the tree.
 */
export async function unpackDeb(file: string, tree: TreeWriter): Promise<void> {
  const { member, format } = findData(file, readAr(file));
  await untar(decompressed(file, format, member), format, packageTree(tree));
}

function findData(
  file: string,
  members: readonly ArMember[],
): { member: ArMember; format: ArchiveFormat } {
  // deb(5): members such as `_gpgorigin`, a signature, are skipped.
  const [version, control, data, ...others] = members.filter(({ name }) => !name.startsWith("_"));
  if (version?.name !== "debian-binary" || version.end - version.start !== 4) {
    throw brokenDeb("it does not begin like a package");
  }
  if (readPieces(file, (read) => read(version.start, 4)).toString() !== "2.0\n")
    throw brokenDeb("it does not have format 2.0");
  if (!control || !/^control\.tar(\.\w+)?$/.test(control.name))
    throw brokenDeb("it has no control");
  const format = data && formats[data.name];
  if (!data?.name.startsWith("data.tar")) {
    throw brokenDeb(`it has ${data?.name ?? "nothing"} instead of its files`);
  }
  if (!format) {
    const why = `its files are in ${data.name}, which is not supported`;
    throw refusal("unsupported", `the Debian package cannot be unpacked here: ${why}`);
  }
  if (others.length > 0) throw brokenDeb("its files are followed by other data");
  return { member: data, format };
}

/**
 * The same tree, for the entries of a package: some are left out, and links stay inside the tree.
 */
function packageTree(tree: TreeWriter): TreeWriter {
  const kept = (path: string): boolean => {
    const place = plain(path);
    for (const own of Object.values(ownDirectories)) {
      if (place === own || place.startsWith(`${own}/`)) {
        refuseEntry("hostile", path, "has a reserved name");
      }
    }
    return isKept(place);
  };
  return {
    ...tree,
    directory: (path) => kept(path) && tree.directory(path),
    file: (path, mode) => (kept(path) ? tree.file(path, mode) : undefined),
    symlink: (path, target) => kept(path) && tree.symlink(path, insideTree(plain(path), target)),
    hardlink: (path, target) => kept(path) && isKept(plain(target)) && tree.hardlink(path, target),
  } as TreeWriter;
}

const unneeded =
  /^(usr\/share\/(man|info|locale|lintian|bug|doc-base|menu|applications|icons|pixmaps|metainfo|bash-completion|zsh|fish|help|gtk-doc)|usr\/lib\/debug|(usr\/)?lib\/(systemd|udev|tmpfiles\.d|sysusers\.d)|etc\/(init\.d|cron\.[a-z]+|apparmor\.d|logrotate\.d|default|pam\.d|bash_completion\.d|X11|xdg)|var|run|tmp|dev|proc|sys)(\/|$)/;

/** False for files that programs do not need: documentation, translations, system configuration. */
export function isKept(place: string): boolean {
  const doc = /^usr\/share\/doc\/[^/]+\/(.+)$/.exec(place)?.[1];
  if (doc !== undefined) return doc === "copyright";
  return !unneeded.test(place) && !/^usr\/share\/perl\/.*\.pod$/.test(place);
}

function plain(path: string): string {
  return path.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
}

/** In a package an absolute link starts at the system's root, which here is the tree's root. */
function insideTree(place: string, target: string): string {
  if (!target.startsWith("/")) return target;
  const inside = posix.normalize(target).slice(1);
  return posix.relative(posix.dirname(place), inside) || ".";
}
