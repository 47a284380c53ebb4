/** Before the tests with the real OpenClaw: its package, and our images. After them: no image of ours. */
import type { TestProject } from "vitest/node";
import { buildImages, registry, removeImages } from "../containers/host.ts";
import { fetchOpenClaw } from "./package.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** OpenClaw's command, or why there is none. */
    openclaw: { readonly command: string } | { readonly missing: string };
    sandboxImage: string;
    registry: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  try {
    provide("openclaw", { command: await fetchOpenClaw() });
    const images = await buildImages(`openclaw-${process.pid}`);
    provide("sandboxImage", images.sandbox);
    provide("registry", await registry());
    return () => removeImages([images.sandbox, images.gateway]);
  } catch (error) {
    const missing = error instanceof Error ? error.message : `${error}`;
    process.stderr.write(`\nNOT TESTED with the real OpenClaw: ${missing}\n\n`);
    provide("openclaw", { missing });
    provide("sandboxImage", "");
    provide("registry", "");
    return async () => undefined;
  }
}
