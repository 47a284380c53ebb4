import { host } from "../containers/host.ts";

/** A command that was run in a running container; times in ms, by podman's clock. */
export interface Exec {
  readonly id: string;
  readonly container: string;
  readonly began: number;
  readonly took: number;
}

interface Event {
  readonly ID: string;
  /** Absent where it is about no container. */
  readonly Name?: string;
  readonly Status: string;
  readonly Time: string;
}

/** What was run in containers whose names begin with `prefix`, in order. One may not overlap another in its container. */
export async function execsSince(since: string, prefix: string): Promise<Exec[]> {
  const { stdout } = await host`podman events --stream=false --since ${since} --format json`;
  const events = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Event)
    .filter(({ Name = "" }) => Name.startsWith(prefix));
  return events.flatMap(({ ID, Name = "", Status, Time }, index) => {
    if (Status !== "exec") return [];
    const end = events
      .slice(index)
      .find((later) => later.ID === ID && later.Status === "exec_died");
    const began = Date.parse(Time);
    return [
      { id: ID, container: Name, began, took: end ? Date.parse(end.Time) - began : Number.NaN },
    ];
  });
}
