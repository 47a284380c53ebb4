/** Names and digests of library sets, which the rooms above `core` also reach without this one. */
export * from "../library-set.ts";
