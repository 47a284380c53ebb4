/**
 * Debian packages byte by byte, with whatever their headers can be made to say.
 *
 *   const deb = debOf({ "./usr/bin/x": program("1"), "./etc/x": link("/usr/bin/x") });
 *   const odd = arBytes([["debian-binary", "2.0\n"], ["data.tar.gz", bytes]]);
 */
import { gzipSync } from "node:zlib";
import type { Content } from "./archives.ts";
import { tarBytes, tarEntry } from "./tar-bytes.ts";

export const control = gzipSync(tarBytes(tarEntry({ name: "./control", body: "Package: x\n" })));

/** An ar archive; a member may claim another size than it has. */
export function arBytes(
  members: readonly (readonly [name: string, body: string | Buffer, size?: string])[],
): Buffer {
  const parts = members.flatMap(([name, body, size]) => {
    const bytes = Buffer.from(body);
    const length = (size ?? String(bytes.length)).padEnd(10);
    const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${length}\`\n`;
    return [Buffer.from(header, "latin1"), bytes, Buffer.from(bytes.length % 2 ? "\n" : "")];
  });
  return Buffer.concat([Buffer.from("!<arch>\n"), ...parts]);
}

/** A package around the bytes of its data. */
export function debAround(data: Buffer, name = "data.tar.gz"): Buffer {
  return arBytes([
    ["debian-binary", "2.0\n"],
    ["control.tar.gz", control],
    [name, data],
  ]);
}

/** A package of files and links. */
export function debOf(tree: Readonly<Record<string, string | Content>>): Buffer {
  const entries = Object.entries(tree).map(([name, content]) => {
    const {
      body = "",
      mode = 0o644,
      link,
    } = typeof content === "string" ? { body: content } : content;
    return tarEntry(
      link === undefined ? { name, body, mode } : { name, type: "2", linkname: link },
    );
  });
  return debAround(gzipSync(tarBytes(...entries)));
}
