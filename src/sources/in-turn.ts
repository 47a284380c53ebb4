import { UserError } from "../core/errors.ts";
import { HurriedError } from "../net/errors.ts";

interface Trying {
  /** True if the same is available elsewhere: slow locations are then never waited for. */
  readonly hasAlternative?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches from the first location that works. While there is a next one, a location is tried in haste; those that
 * were given up only for that are tried again at the end. Throws what `failed` makes of all errors.
 */
export async function fetchInTurn<Place, Got>(
  places: readonly Place[],
  { hasAlternative = false, signal }: Trying,
  fetch: (place: Place, isHasty: boolean) => Promise<Got>,
  failed: (errors: readonly UserError[]) => Error,
): Promise<Got> {
  const tries = places.map((place, i) => {
    return { place, isHasty: hasAlternative || i < places.length - 1 };
  });
  const errors: UserError[] = [];
  for (const { place, isHasty } of tries) {
    try {
      return await fetch(place, isHasty);
    } catch (error) {
      if (!(error instanceof UserError) || signal?.aborted) throw error;
      errors.push(error);
      if (error instanceof HurriedError && !hasAlternative) tries.push({ place, isHasty: false });
    }
  }
  throw failed(errors);
}
