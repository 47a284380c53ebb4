import { join } from "node:path";
import type { PublicKey, TrustedRoot } from "@sigstore/protobuf-specs";
import { describeError } from "../../core/errors.ts";
import { mkdir, readFile, rm, writeFile } from "../../io/disk.ts";
import { readInput } from "../../io/input.ts";
import { isNotFound } from "../../net/errors.ts";
import type { DraftContext } from "../draft-context.ts";

/** Whom signatures are traced back to. */
export interface TrustRoot {
  /** Sigstore's certificate authorities and logs. */
  readonly sigstore: TrustedRoot;
  /** npm's keys by their ids, for `npm:signatures` or `npm:attestations`. */
  npmKeys(usage: string): ReadonlyMap<string, PublicKey>;
}

const repository = "https://tuf-repo-cdn.sigstore.dev";
const rootName = "trusted_root.json";

/**
 * The trust root of the public sigstore, which also has npm's keys: updated by TUF from the one that this package
 * has; that one itself where it cannot be updated, with a note. SIGSTORE_TRUSTED_ROOT names the file of
 * another one (`trusted_root.json`).
 */
export async function openTrustRoot(draft: DraftContext): Promise<TrustRoot> {
  const { TrustedRoot, PublicKey, seeds } = await import("./library.ts");
  const seed: Readonly<Record<string, string>> = seeds[repository].targets;
  const seeded = (name: string) =>
    Buffer.from(seed[encodeURIComponent(name)] ?? "", "base64").toString("utf8");
  // Named after the registry whose keys they are.
  const keysName = Object.keys(seed).map(decodeURIComponent).find(isKeys) ?? "keys.json";
  const updated = await update(draft, [rootName, keysName]).catch((error: unknown) => {
    draft.signal?.throwIfAborted();
    const message = `sigstore's trust root is that of this package, because it cannot be updated: ${describeError(error)}`;
    draft.emit({ type: "note", message });
    return undefined;
  });
  const own = draft.env.SIGSTORE_TRUSTED_ROOT;
  const root = own ? readInput(own).toString("utf8") : (updated?.get(rootName) ?? seeded(rootName));
  const { keys = [] } = JSON.parse(updated?.get(keysName) ?? seeded(keysName)) as NpmKeys;
  return {
    sigstore: TrustedRoot.fromJSON(JSON.parse(root)),
    npmKeys: (usage) =>
      new Map(
        keys
          .filter(({ keyUsage }) => keyUsage === usage)
          .map(({ keyId, publicKey }) => [keyId, PublicKey.fromJSON(publicKey)]),
      ),
  };
}

const isKeys = (name: string): boolean => name.endsWith("/keys.json");

interface NpmKeys {
  readonly keys?: readonly {
    readonly keyId: string;
    readonly keyUsage: string;
    readonly publicKey: unknown;
  }[];
}

/** The newest targets by their names; undefined where this run is offline. */
async function update(
  draft: DraftContext,
  names: readonly string[],
): Promise<Map<string, string> | undefined> {
  if (draft.env.SIGSTORE_TRUSTED_ROOT) return new Map();
  const { Updater, seeds } = await import("./library.ts");
  const dir = join(draft.dir, "tuf");
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "root.json"), Buffer.from(seeds[repository]["root.json"], "base64"));
  const updater = new Updater({
    metadataDir: dir,
    targetDir: dir,
    metadataBaseUrl: repository,
    targetBaseUrl: `${repository}/targets`,
    fetcher: await fetcherOf(draft),
  });
  const found = new Map<string, string>();
  for (const name of names) {
    const info = await updater.getTargetInfo(name);
    if (!info) throw new Error(`${repository} has no ${name}`);
    const file = await updater.downloadTarget(info, join(dir, encodeURIComponent(name)));
    found.set(name, await readFile(file, "utf8"));
  }
  return found;
}

/** TUF's downloads go through our network, with its proxies and mirrors. */
async function fetcherOf({ http, dir, signal }: DraftContext) {
  const { DownloadHTTPError } = await import("./library.ts");
  const downloadBytes = async (url: string, maxLength: number): Promise<Buffer> => {
    const { text } = await http.text(url, { hasAlternative: true, signal }).catch((cause) => {
      // How TUF knows that there is no newer root.
      throw isNotFound(cause) ? new DownloadHTTPError("not found", 404) : cause;
    });
    const bytes = Buffer.from(text);
    if (bytes.length <= maxLength) return bytes;
    throw new Error(`${url} has more than ${maxLength} bytes`);
  };
  return {
    downloadBytes,
    async downloadFile<T>(
      url: string,
      maxLength: number,
      handle: (file: string) => Promise<T>,
    ): Promise<T> {
      const file = join(dir, "tuf-download");
      await writeFile(file, await downloadBytes(url, maxLength));
      try {
        return await handle(file);
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}
