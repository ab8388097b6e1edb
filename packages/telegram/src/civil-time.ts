/** Fields of a meter's wall clock: year, month from 1, day, hour, minute, second. */
export type WallTime = readonly [number, number, number, number, number, number];

/**
 * Seconds since 1970 of a wall clock at an offset from UTC.
 * @returns null where a field is out of its range, as in the fillers that meters send.
 */
export function unixOfWallTime(time: WallTime, offsetSeconds: number): number | null {
    const [year, month, day, hour, minute, second] = time;
    const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
    const date = new Date(milliseconds);
    const isSame =
        date.getUTCMonth() === month - 1 &&
        date.getUTCDate() === day &&
        date.getUTCHours() === hour &&
        date.getUTCMinutes() === minute &&
        date.getUTCSeconds() === second;
    return isSame ? milliseconds / 1000 - offsetSeconds : null;
}
