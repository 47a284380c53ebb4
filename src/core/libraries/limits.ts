import { UserError } from "../errors.ts";

/** Of one set: skills' sets have a median of 10 packages; only mistakes and machine learning have more. */
const maxPackages = 400;
export const maxLibraryBytes = 600 * 1000 ** 2;

/** Packages of several hundred megabytes that belong into an image, and their companions. */
const machineLearning =
  /^(torch|torchvision|torchaudio|tensorflow|tensorflow-(cpu|intel)|nvidia-.*|cuda-.*|triton|jaxlib|jax-cuda.*|vllm|xformers|bitsandbytes|cupy-.*|paddlepaddle.*|onnxruntime-gpu)$/;

/** Throws a UserError (`unmet`) if a set has too many packages. */
export function refuseMany(names: readonly string[]): void {
  if (names.length <= maxPackages) return;
  const message = `the skill's packages are ${names.length} with all that they need; the limit is ${maxPackages}`;
  throw new UserError("E_LIBRARIES_TOO_LARGE", message);
}

/** Throws a UserError (`unmet`) that names the largest packages if a set is too large to download. */
export function refuseSize(packages: readonly { name: string; size: number }[]): void {
  const total = packages.reduce((sum, { size }) => sum + size, 0);
  if (total <= maxLibraryBytes) return;
  const largest = [...packages].sort((a, b) => b.size - a.size).slice(0, 3);
  const shown = largest.map(({ name, size }) => `${name} (${megabytes(size)})`).join(", ");
  const heavy = packages.filter(({ name }) => machineLearning.test(name));
  const why =
    heavy.length > 0 ? "; machine-learning packages of this size belong into an image" : "";
  throw new UserError(
    "E_LIBRARIES_TOO_LARGE",
    `the skill's packages are ${megabytes(total)} to download, the limit is ${megabytes(maxLibraryBytes)}; the largest are ${shown}${why}`,
    heavy.length > 0
      ? {
          hint: "Build a sandbox image that has them (Dockerfile.example shows how), or disable the skill.",
        }
      : {},
  );
}

/** The error for packages whose sizes are only known when they arrive. */
export function tooLarge(): UserError {
  const message = `the skill's packages are more than ${megabytes(maxLibraryBytes)} to download, which is the limit`;
  return new UserError("E_LIBRARIES_TOO_LARGE", message);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
