import type { MetersealError } from "./errors.ts";

/** Outcome of a pure function: a value, or an expected failure that the caller must handle. */
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;

/** The failing half of a {@link Result}. */
export type Failure = { readonly ok: false; readonly error: MetersealError };

/** Wraps a value as a successful {@link Result}. */
export function ok<T>(value: T): Result<T> {
    return { ok: true, value };
}

/** Wraps an error as a failed {@link Result}. */
export function fail(error: MetersealError): Failure {
    return { ok: false, error };
}

/** Value of a result; throws its error at an API edge where a failure has no other handler. */
export function unwrap<T>(result: Result<T>): T {
    if (!result.ok) throw result.error;
    return result.value;
}
