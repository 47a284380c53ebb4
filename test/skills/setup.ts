/** Before these tests: the image of a sandbox. After them: no image of theirs. */
import type { TestProject } from "vitest/node";
import { buildImages, registry, removeImages } from "../containers/host.ts";

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const images = await buildImages(`skills-${process.pid}`, ["sandbox"]);
  provide("images", images);
  provide("registry", await registry());
  return () => removeImages([images.sandbox]);
}
