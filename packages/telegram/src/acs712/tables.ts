/** Longest line with its end, bytes: every field at its longest, and some room. */
export const SENSOR_LINE_BYTES = 96;
/** What every line begins with; the digit behind it is the version of the format. */
export const SENSOR_MARK = "MSC";

/** What a bit of the flags says of the line. `isFault`: what was measured is no energy. */
export const SENSOR_FLAGS = [
    { bit: 0x01, name: "clipped", isFault: false },
    { bit: 0x02, name: "zero point", isFault: true },
    { bit: 0x04, name: "self-test", isFault: true },
    { bit: 0x08, name: "late samples", isFault: false },
    { bit: 0x10, name: "memory", isFault: true },
] as const;
