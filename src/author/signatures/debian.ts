import { parseDebLock } from "../../core/locks/deb-lock.ts";
import { type SignatureCheck, wrongSignature } from "./evidence.ts";

/** Debian's index, which names each package of a lock, and is signed. */
export const debianIndex: SignatureCheck = {
  kinds: ["debian-index"],
  sources: ["debian"],
  async find({ source, lock = "", recorded }, context) {
    const parsed = parseDebLock(lock, "lock");
    if (!parsed.ok) return [];
    const first = await context.draft.release();
    const { release: name } = parsed.held;
    const release = first.codename === name ? first : await context.draft.release(name);
    const [by] = release.signers;
    if (by === undefined) return [];
    for (const [arch, packages] of Object.entries(parsed.held.packages)) {
      const listed = await release.packagesFor(arch as "amd64" | "arm64");
      for (const { name, version, digest } of packages) {
        // What the release has replaced since is verified by its digest alone.
        const found = listed.byName.get(name);
        if (found?.version !== version || found.sha256 === digest.hex) continue;
        const what = `Debian's index, ${source.deb}`;
        throw wrongSignature(what, `it lists ${name} ${version} (${arch}) with another sha256`);
      }
    }
    const same = recorded.find(
      ({ kind, by }) => kind === "debian-index" && release.signers.includes(by),
    );
    return [{ kind: "debian-index", by: same?.by ?? by }];
  },
};
