import { UserError } from "../../core/errors.ts";
import type { DebianPackage } from "../../core/recipe.ts";
import type { AptConfig } from "../../net/apt-config.ts";
import { HurriedError } from "../../net/errors.ts";
import type { Download, Http } from "../../net/http.ts";

/**
 * Has every version that Debian ever published; mirrors drop versions that a point release
 * replaces.
 */
const snapshotArchive = "https://snapshot.debian.org/archive";

export interface DebRequest {
  readonly http: Http;
  readonly apt: AptConfig;
  readonly locked: DebianPackage;
  /** A time at which the snapshot archive has it. */
  readonly snapshot: string;
  /** Absolute. */
  readonly file: string;
  readonly signal: AbortSignal;
  readonly onProgress?: ((received: number) => void) | undefined;
}

/**
 * Downloads a package from the configured mirrors, else from the archive of all versions. Any
 * source is acceptable, because the lock's digest is verified.
 */
export async function downloadDeb(request: DebRequest): Promise<Download> {
  const { http, apt, locked, file, signal, onProgress } = request;
  const addresses = addressesOf(request);
  const tries = addresses.map((address, i) => ({
    address,
    hasAlternative: i < addresses.length - 1,
  }));
  const errors: UserError[] = [];
  for (const { address, hasAlternative } of tries) {
    try {
      return await http.download({
        ...apt.requestFor(address),
        file,
        digest: locked.digest,
        size: locked.size,
        hasAlternative,
        signal,
        onProgress,
      });
    } catch (error) {
      if (!(error instanceof UserError) || signal.aborted) throw error;
      errors.push(error);
      if (error instanceof HurriedError) tries.push({ address, hasAlternative: false });
    }
  }
  throw errors[0] ?? new Error(`${locked.name} has no URL`);
}

function addressesOf({ apt, locked, snapshot }: DebRequest): string[] {
  const { archive, path } = locked;
  const escaped = path.replaceAll("+", "%2B");
  return [
    ...apt.mirrorsOf(archive).map((mirror) => `${mirror}/${escaped}`),
    `${snapshotArchive}/${archive}/${snapshot}/${escaped}`,
  ];
}
