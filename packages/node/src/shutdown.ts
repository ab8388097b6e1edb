/** Two signals this close together are one press of Ctrl-C that reached the process twice. */
const SAME_PRESS_MS = 500;

/**
 * Signal that is aborted by Ctrl-C or a request to end; a second Ctrl-C ends the process at once.
 */
export function shutdownSignal(): AbortSignal {
    const controller = new AbortController();
    let firstMs = 0;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(name, () => {
            const nowMs = performance.now();
            if (!controller.signal.aborted) firstMs = nowMs;
            else if (nowMs - firstMs > SAME_PRESS_MS) process.exit(130);
            controller.abort();
        });
    }
    return controller.signal;
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
    });
}
