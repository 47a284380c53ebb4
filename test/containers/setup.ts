/** Before the container tests: the images. After them: no image of theirs. */
import type { TestProject } from "vitest/node";
import {
  buildImages,
  host,
  type Images,
  imagesOf,
  registry,
  removeImages,
  targets,
} from "./host.ts";

declare module "vitest" {
  interface ProvidedContext {
    images: Images;
    registry: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const tag = `containers-${process.pid}`;
  const [images, latest] = [await buildImages(tag), imagesOf("latest")];
  // What `config` prints, and the examples, name them without a tag.
  for (const target of targets) await host`podman tag ${images[target]} ${latest[target]}`;
  provide("images", images);
  provide("registry", await registry());
  return () => removeImages([...Object.values(images), ...Object.values(latest)]);
}
