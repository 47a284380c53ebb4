import type { DebianPackage } from "../../core/recipe.ts";
import type { AptConfig } from "../../net/apt-config.ts";
import type { Download } from "../../net/download.ts";
import type { Http } from "../../net/http.ts";
import { fetchInTurn } from "../in-turn.ts";

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
  readonly signal?: AbortSignal;
  readonly onProgress?: ((received: number) => void) | undefined;
}

/**
 * Downloads a package from the configured mirrors, else from the archive of all versions. Any
 * source is acceptable, because the lock's digest is verified.
 */
export async function downloadDeb(request: DebRequest): Promise<Download> {
  const { http, apt, locked, file, signal, onProgress } = request;
  const { digest, size, name } = locked;
  const given = { file, digest, size, signal, onProgress };
  return await fetchInTurn(
    addressesOf(request),
    { signal },
    (address, hasAlternative) =>
      http.download({ ...apt.requestFor(address), ...given, hasAlternative }),
    ([first]) => first ?? new Error(`${name} has no URL`),
  );
}

function addressesOf({ apt, locked, snapshot }: DebRequest): string[] {
  const { archive, path } = locked;
  const escaped = path.replaceAll("+", "%2B");
  return [
    ...apt.mirrorsOf(archive).map((mirror) => `${mirror}/${escaped}`),
    `${snapshotArchive}/${archive}/${snapshot}/${escaped}`,
  ];
}
