import { join } from "node:path";
import { writeFile } from "../../io/disk.ts";
import { isThere } from "../../io/files.ts";

/** The path of the fontconfig configuration in a tree that has fonts. */
const place = "etc/fonts/openclaw.conf";

/**
 * Debian's own configuration is completed by a package script and names the system's directories.
 * This one names the tree's fonts by relative path, and then the system's.
 */
const text = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">../../usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <dir prefix="xdg">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
${["sans-serif", "serif", "monospace"].map(alias).join("\n")}
</fontconfig>
`;

/** The generic families, mapped to fonts that closures contain. */
function alias(family: string): string {
  const kind = { serif: "Serif", monospace: "Sans Mono" }[family] ?? "Sans";
  return `  <alias><family>${family}</family><prefer><family>DejaVu ${kind}</family></prefer></alias>`;
}

/** Writes it if the tree has fonts; a recipe's `env` names it as FONTCONFIG_FILE. */
export async function writeFontConfig(tree: string): Promise<void> {
  if (!isThere(join(tree, "usr/share/fonts")) || !isThere(join(tree, "etc/fonts"))) return;
  await writeFile(join(tree, place), text, { flag: "wx", mode: 0o644 });
}
