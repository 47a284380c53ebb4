/** Calls `make` at the first use and caches the result. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The value of a map for a key; `make` makes it at the first request. */
export function onceFor<Key, Value>(made: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = made.get(key) ?? make();
  made.set(key, found);
  return found;
}
