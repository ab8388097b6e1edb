/** Two signals this close together are one press of Ctrl-C that reached the process twice. */
const SAME_PRESS_MS = 500;

/** What Ctrl-C aborts: the command that runs. One process may run one after another. */
let running: AbortController | null = null;
let firstMs = 0;

/**
 * Signal that is aborted by Ctrl-C or a request to end; a second Ctrl-C ends the process at once.
 */
export function shutdownSignal(): AbortSignal {
    if (running === null) {
        for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, end);
    }
    running = new AbortController();
    return running.signal;
}

function end(): void {
    const nowMs = performance.now();
    if (running?.signal.aborted === false) firstMs = nowMs;
    else if (nowMs - firstMs > SAME_PRESS_MS) process.exit(130);
    running?.abort();
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
    });
}

/** Waits for work to be done, at most so long; resolves with whether it was. Work that is late goes on. */
export async function doneWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), limitMs);
    try {
        return await Promise.race([work.then(() => true), late.promise]);
    } finally {
        clearTimeout(timer);
    }
}
