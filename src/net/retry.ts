/** All in milliseconds but the counts. Tests shorten them. */
export interface RetryPolicy {
  readonly connectMs: number;
  /** No byte for this long ends an attempt that has begun to receive. */
  readonly stallMs: number;
  /** The same before the first byte: a mirror may have to fetch the file itself. */
  readonly firstByteMs: number;
  /** Less than `aliveBytes` in this long ends it all, attempts and pauses included. */
  readonly deadMs: number;
  readonly aliveBytes: number;
  /** The same where there is somewhere else to go. */
  readonly hastyMs: number;
  /** No byte for this long, and others may have the transfer's place meanwhile. */
  readonly quietMs: number;
  /** Attempts after the first one that bring nothing new. */
  readonly retries: number;
  /** The first pause; each next one is twice as long, and a random part of it is dropped. */
  readonly backoffMs: number;
  /** The longest wait that a Retry-After may ask of us. */
  readonly retryAfterMaxMs: number;
  /** True where the machine's settings say how long to wait. */
  readonly isSet: boolean;
}

/** Two dead sources, one after the other, are given up within a minute. */
export const defaultRetryPolicy: RetryPolicy = {
  connectMs: 10_000,
  stallMs: 15_000,
  firstByteMs: 30_000,
  deadMs: 40_000,
  aliveBytes: 65_536,
  hastyMs: 6000,
  quietMs: 1500,
  retries: 3,
  backoffMs: 400,
  retryAfterMaxMs: 20_000,
  isSet: false,
};

/** Where there is another source, waiting for this one is worth seconds. */
export function hasty(policy: RetryPolicy): RetryPolicy {
  const { hastyMs } = policy;
  return {
    ...policy,
    stallMs: Math.min(policy.stallMs, hastyMs / 2),
    firstByteMs: Math.min(policy.firstByteMs, hastyMs / 2),
    deadMs: Math.min(policy.deadMs, hastyMs),
    retries: Math.min(policy.retries, 1),
    retryAfterMaxMs: Math.min(policy.retryAfterMaxMs, hastyMs / 4),
  };
}

export interface StallTimer {
  /** Aborted when the transfer is dead, or the run is stopped. */
  readonly signal: AbortSignal;
  alive(bytes: number): void;
  /** What is awaited here is our own work, such as unpacking: its time is not held against the server. */
  ours<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** After its time has run out: bytes that came while this process was busy are seen first (ms). */
const lastLookMs = 250;

/** Ends what only pretends to live: neither a drip nor a chain of retries holds a run for long. */
export function startStallTimer(
  policy: RetryPolicy,
  outer: AbortSignal | undefined,
  onQuiet: (quiet: boolean) => void,
): StallTimer {
  const controller = new AbortController();
  const own = stopwatch();
  let hasLooked = false;
  const expire = (): void => {
    const ownMs = own.take();
    if (hasLooked && ownMs < lastLookMs / 2) controller.abort();
    else timer = setTimeout(expire, Math.max(ownMs, lastLookMs));
    hasLooked = true;
  };
  let timer = setTimeout(expire, policy.deadMs);
  let isQuiet = false;
  const tell = (quiet: boolean): void => {
    if (quiet === isQuiet) return;
    isQuiet = quiet;
    onQuiet(quiet);
  };
  const silence = setTimeout(() => tell(true), policy.quietMs);
  let bytes = 0;
  return {
    signal: outer ? AbortSignal.any([controller.signal, outer]) : controller.signal,
    alive(more) {
      tell(false);
      silence.refresh();
      bytes += more;
      if (bytes < policy.aliveBytes) return;
      bytes = 0;
      hasLooked = false;
      own.take();
      clearTimeout(timer);
      timer = setTimeout(expire, policy.deadMs);
    },
    async ours(work) {
      own.start();
      try {
        return await work;
      } finally {
        own.stop();
      }
    },
    end() {
      clearTimeout(timer);
      clearTimeout(silence);
      tell(false);
    },
  };
}

/**
 * The time that this process itself takes: for what is between `start` and `stop`, one at a time, and
 * whatever else keeps its event loop busy, such as other archives. `take` gives the milliseconds since it
 * was last called.
 */
function stopwatch() {
  let spentMs = 0;
  let since: number | undefined;
  let busyMs = performance.eventLoopUtilization().active;
  const stop = (): void => {
    if (since !== undefined) spentMs += performance.now() - since;
    since = undefined;
  };
  return {
    start: () => {
      since = performance.now();
    },
    stop,
    take: (): number => {
      const isRunning = since !== undefined;
      stop();
      if (isRunning) since = performance.now();
      const { active } = performance.eventLoopUtilization();
      const takenMs = Math.max(spentMs, active - busyMs);
      busyMs = active;
      spentMs = 0;
      return takenMs;
    },
  };
}
