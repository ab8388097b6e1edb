/**
 * Settles like the promise, or rejects after a delay in milliseconds; never both.
 * A later outcome of the promise is ignored.
 */
export function withTimeLimit<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
            reject(new Error(`${what} took longer than ${limitMs} ms`));
        }, limitMs);
        promise.then(
            (value) => {
                clearTimeout(timer);
                resolve(value);
            },
            (cause: unknown) => {
                clearTimeout(timer);
                reject(cause);
            },
        );
    });
}
