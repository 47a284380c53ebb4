/** Before the tests with the real OpenClaw: its package, and our image. After them: no image of ours. */
import type { TestProject } from "vitest/node";
import { buildImages, imagesOf, registry, removeImages } from "../containers/host.ts";
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
  const tag = `openclaw-${process.pid}`;
  const remove = () => removeImages([imagesOf(tag).sandbox]);
  try {
    const { sandbox } = await buildImages(tag, ["sandbox"]);
    provide("sandboxImage", sandbox);
    provide("registry", await registry());
    provide("openclaw", { command: await fetchOpenClaw() });
  } catch (error) {
    const missing = error instanceof Error ? error.message : `${error}`;
    process.stderr.write(`\nNOT TESTED with the real OpenClaw: ${missing}\n\n`);
    provide("openclaw", { missing });
    provide("sandboxImage", "");
  }
  return remove;
}
