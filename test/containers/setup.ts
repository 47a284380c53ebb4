/** Before the container tests: the images. After them: no image of theirs. */
import type { TestProject } from "vitest/node";
import { buildImages, type Images, registry, removeImages } from "./host.ts";

declare module "vitest" {
  interface ProvidedContext {
    images: Images;
    registry: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const images = await buildImages(`containers-${process.pid}`);
  provide("images", images);
  provide("registry", await registry());
  return () => removeImages([images.sandbox, images.gateway]);
}
