import { error, LIMITS, parseInstant, unwrap } from "@meterseal/core";

const DAY_SECONDS = 86_400;
const UNITS: Readonly<Record<string, number>> = {
    d: DAY_SECONDS,
    w: 7 * DAY_SECONDS,
    y: 365 * DAY_SECONDS,
};

/**
 * Instant before which records may be pruned, seconds since 1970, from one of two texts.
 * @param before - a date or instant, in UTC where it names no offset.
 * @param keep - how long records are kept, such as `400d`, `8w` or `2y` (of 365 days), back from the
 * last entry of the log.
 * @param lastUnix - time of that entry; what is younger than {@link LIMITS.disputeSeconds} by it stays.
 * @throws MetersealError MS_USAGE for neither or both or what is no date or duration, MS_PRUNING for one
 * within that time.
 */
export function cutoffOf(
    { before, keep }: { readonly before: string | undefined; readonly keep: string | undefined },
    lastUnix: number,
): number {
    if ((before === undefined) === (keep === undefined)) {
        const got = before === undefined ? "neither" : "both";
        throw error("MS_USAGE", { expected: "--before DATE or --keep DURATION", got });
    }
    const cutoff =
        before === undefined
            ? lastUnix - secondsOf(keep ?? "")
            : unwrap(parseInstant(before, "UTC"));
    const latest = lastUnix - LIMITS.disputeSeconds;
    if (cutoff <= latest) return Math.max(0, cutoff);
    throw error("MS_PRUNING", {
        expected: `an instant until ${iso(latest)}, ${LIMITS.disputeSeconds / DAY_SECONDS} days before the last entry of the log`,
        got: iso(cutoff),
    });
}

/** Instant in ISO 8601, UTC. */
export function iso(unix: number): string {
    return new Date(unix * 1000).toISOString().replace(".000Z", "Z");
}

function secondsOf(text: string): number {
    const match = /^([1-9]\d{0,4})([dwy])$/.exec(text);
    const unit = UNITS[match?.[2] ?? ""];
    if (match !== null && unit !== undefined) return Number(match[1]) * unit;
    throw error("MS_USAGE", { where: "--keep", expected: "such as 400d, 60w or 2y", got: text });
}
