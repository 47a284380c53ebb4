import { basename } from "node:path/posix";
import type { Digest } from "../core/digest.ts";
import { isNotFound } from "../net/errors.ts";
import type { Download, Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";

export interface TarballRequest {
  readonly http: Http;
  readonly npm: NpmConfig;
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly size?: number;
  /** Absolute. */
  readonly file: string;
  readonly hasAlternative?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (received: number, total?: number) => void;
}

/**
 * Brings a package's tarball from the machine's registry. Nearly every registry keeps npm's layout,
 * which spares a document per package; one that does not is asked where the tarball lies. Where it
 * comes from does not matter: only the pinned digest is believed.
 */
export async function downloadTarball(request: TarballRequest): Promise<Download> {
  const { npm, name, version } = request;
  const registry = npm.registryFor(name);
  const usual = `${registry}${name}/-/${basename(name)}-${version}.tgz`;
  try {
    return await downloadFrom(usual, request);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const named = await tarballOf(registry, request);
    if (named === undefined || named === usual) throw error;
    return await downloadFrom(named, request);
  }
}

async function downloadFrom(url: string, request: TarballRequest): Promise<Download> {
  const { http, npm, file, digest, size, hasAlternative = false, signal, onProgress } = request;
  return await http.download({
    url,
    headers: npm.headersFor(url),
    file,
    digest,
    hasAlternative,
    ...(size === undefined ? {} : { size }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** `dist.tarball` of the version's document; undefined where the registry has none. */
async function tarballOf(registry: string, request: TarballRequest): Promise<string | undefined> {
  const { http, npm, name, version } = request;
  const url = `${registry}${name.replace("/", "%2f")}/${version}`;
  const document = await http.json(url, npm.headersFor(url)).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const tarball = (document as { dist?: { tarball?: unknown } } | undefined)?.dist?.tarball;
  if (typeof tarball !== "string" || !URL.canParse(tarball)) return undefined;
  return onRegistry(new URL(tarball), new URL(registry), new URL(npm.defaultRegistry)).href;
}

/** A mirror's documents may still name the public registry; npm asks the mirror then, and so do we. */
function onRegistry(tarball: URL, registry: URL, publicRegistry: URL): URL {
  if (tarball.origin !== publicRegistry.origin || registry.origin === publicRegistry.origin) {
    return tarball;
  }
  return new URL(registry.pathname + tarball.pathname.slice(1) + tarball.search, registry);
}
